"""The admin of django-celery-beat and of API tokens, in our clothes; loaded by `config.apps` after their own.

What the engine lives on cannot be deleted, disabled or slowed down here (faults T6).
"""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from rest_framework.authtoken.admin import TokenAdmin as DRFTokenAdmin
from rest_framework.authtoken.models import Token, TokenProxy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from schedules.surfaces.admin import ModelAdmin, local

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule, TokenProxy):
    admin.site.unregister(model)


def _owner(token: Token) -> str:
    return f"token of {token.user}"


# The admin names an object by its `str` in titles, in questions and in its history: the package answers with the secret.
Token.__str__ = _owner  # type: ignore[assignment, method-assign]


def vital() -> list[str]:
    """The names of the entries that the engine lives on: those that the settings bring."""
    return list(settings.CELERY_BEAT_SCHEDULE)


class TaskSelectWidget(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    pass


class PeriodicTaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A page that may only be looked at has no fields.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
            self.fields["regtask"].widget = TaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, ModelAdmin):
    form = PeriodicTaskForm
    # Neither switched in bulk nor run by hand: the bulk actions would reach the vital ones, too.
    actions = None
    date_hierarchy = None
    change_form_template = ModelAdmin.change_form_template
    unguarded = ("last_run_at", "total_run_count", "date_changed")
    list_display = ("name", "enabled", "interval", "crontab", "last_run")
    list_filter = ("enabled",)
    readonly_fields = ("last_run_at",)
    fieldsets = (
        (None, {"fields": ("name", "regtask", "task", "enabled", "description")}),
        ("When", {"fields": ("interval", "crontab", "start_time", "last_run_at", "one_off")}),
        ("Arguments", {"fields": ("args", "kwargs", "queue", "expires", "expire_seconds")}),
    )

    def has_change_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.name not in vital())

    def has_delete_permission(self, request: HttpRequest, obj: PeriodicTask | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or obj.name not in vital())

    @admin.display(description="last run", ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> str:
        return local(task.last_run_at) or "not yet"


class BeatScheduleAdmin(ModelAdmin):
    """A rhythm that a vital task follows stays as it is: stretched to days it would be as good as disabled."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _carries_vital(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _carries_vital(obj)


def _carries_vital(schedule: Any) -> bool:
    return schedule is not None and schedule.periodictask_set.filter(name__in=vital()).exists()


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(BeatScheduleAdmin):
    list_display = ("__str__", "every", "period")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BeatScheduleAdmin):
    list_display = ("__str__", "human_readable")
    fields = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week", "timezone")


@admin.register(TokenProxy)
class TokenAdmin(DRFTokenAdmin, ModelAdmin):  # type: ignore[misc]
    """Who has an API token. The token itself is shown by `manage.py create_api_token` only."""

    list_display = ("user", "since")
    list_filter = ()
    list_select_related = ("user",)
    autocomplete_fields = ("user",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="since", ordering="created")
    def since(self, token: Any) -> str:
        return local(token.created)
