"""The admin pages of django-celery-beat and django-axes in our style; `config.apps` loads them after the packages' own.

The tasks that the engine depends on cannot be deleted, disabled or slowed down here (faults T6).
"""

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django_celery_beat import admin as beat
from django_celery_beat.models import ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from schedules.surfaces.admin import ModelAdmin, ReadOnlyAdmin, local

for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, PeriodicTask, SolarSchedule):
    admin.site.unregister(model)


def vital() -> list[str]:
    """The names of the tasks that the engine depends on: all tasks of CELERY_BEAT_SCHEDULE."""
    return list(settings.CELERY_BEAT_SCHEDULE)


class TaskSelectWidget(UnfoldAdminSelectWidget, beat.TaskSelectWidget):
    pass


class PeriodicTaskForm(beat.PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A read-only page has no form fields.
        if "task" in self.fields:
            self.fields["task"].widget = UnfoldAdminTextInputWidget()
            self.fields["regtask"].widget = TaskSelectWidget()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(beat.PeriodicTaskAdmin, ModelAdmin):
    form = PeriodicTaskForm
    # No bulk actions to switch or run tasks, because they would apply to the vital tasks, too.
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
    """Intervals and crontabs. Those of a vital task cannot be changed: stretched to days they would disable it."""

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


@admin.register(AccessAttempt)
class AccessAttemptAdmin(ReadOnlyAdmin):
    """Wrong passwords of late, by user name and network. Deleting a line lets its person try again at once."""

    list_display = ("username", "ip_address", "failures_since_start", "last")
    search_fields = ("username", "ip_address")
    fields = readonly_fields = ("username", "ip_address", "failures_since_start", "last", "user_agent")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ModelAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="last", ordering="attempt_time")
    def last(self, attempt: AccessAttempt) -> str:
        return local(attempt.attempt_time)
