from importlib import import_module

from django.contrib.admin.apps import AdminConfig

from config import checks  # noqa: F401  # registers them


class TocsinAdminConfig(AdminConfig):
    default_site = "config.admin.TocsinAdminSite"

    def ready(self) -> None:
        super().ready()
        # Only now, because it replaces the pages that the packages have registered.
        import_module("config.beat_admin")
