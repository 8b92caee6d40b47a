"""The admin of the help page's views and answers."""

from django.contrib import admin

from schedules.surfaces.admin import ReadOnlyAdmin
from stakeholders.models import PageAnswer, PageViews


@admin.register(PageViews)
class PageViewsAdmin(ReadOnlyAdmin):
    """How often each page was seen, one row for each page and day."""

    list_display = ("day", "page", "views")
    list_filter = ("page",)
    date_hierarchy = "day"


@admin.register(PageAnswer)
class PageAnswerAdmin(ReadOnlyAdmin):
    """Readers' answers to “Did this help?”."""

    list_display = ("day", "page", "helped", "comment")
    list_filter = ("helped", "page")
    search_fields = ("comment",)
