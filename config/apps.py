from django.contrib.admin.apps import AdminConfig


class TocsinAdminConfig(AdminConfig):
    default_site = "config.admin.TocsinAdminSite"
