from importlib import import_module

from django.contrib.admin.apps import AdminConfig

from config import checks  # noqa: F401  # registers them


class TocsinAdminConfig(AdminConfig):
    default_site = "config.admin.TocsinAdminSite"

    def ready(self) -> None:
        super().ready()
        # After the packages have registered their own pages, which it replaces.
        import_module("config.beat_admin")
