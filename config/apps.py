from importlib import import_module

from django.contrib.admin.apps import AdminConfig

from config import checks  # noqa: F401  # registers them


class TocsinAdminConfig(AdminConfig):
    default_site = "config.admin.TocsinAdminSite"

    def ready(self) -> None:
        super().ready()
        # Only now, when all models are there. The first replaces pages that the packages have registered.
        import_module("config.beat_admin")
        import_module("config.access.example_passwords")
        import_module("dispatching.ticker").register_tidying(import_module("config.access.sessions").clear)
