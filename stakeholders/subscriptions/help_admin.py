"""How often the help page is seen, and whether it helps."""

from django.contrib import admin

from schedules.surfaces.admin import ReadOnlyAdmin
from stakeholders.models import PageAnswer, PageViews


@admin.register(PageViews)
class PageViewsAdmin(ReadOnlyAdmin):
    """One row a page and day."""

    list_display = ("day", "page", "views")
    list_filter = ("page",)
    date_hierarchy = "day"


@admin.register(PageAnswer)
class PageAnswerAdmin(ReadOnlyAdmin):
    """“Did this help?”"""

    list_display = ("day", "page", "helped", "comment")
    list_filter = ("helped", "page")
    search_fields = ("comment",)
