"""The admin of schedules as members of groups: a team that depends on other teams is told about their outages."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from schedules import clock
from schedules.models import Schedule
from schedules.surfaces.access import person
from schedules.surfaces.admin import ModelAdmin, local
from stakeholders.groups import joining
from stakeholders.models import ScheduleSubscription


@admin.register(ScheduleSubscription)
class ScheduleSubscriptionAdmin(ModelAdmin):
    """Members of a team may add and remove their own schedules; people with the permission may do so for all schedules."""

    readable = True
    list_display = ("schedule", "group", "in_it_since")
    list_select_related = ("schedule", "group")
    list_filter = ("group",)
    search_fields = ("schedule__name", "group__name")
    fields = ("schedule", "group")

    def _own(self, request: HttpRequest) -> Any:
        return Schedule.objects.filter(team__user=request.user.pk)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) or self._own(request).exists()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # another schedule or group makes another membership

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        own = obj is not None and self._own(request).filter(pk=obj.schedule_id).exists()
        return own or super().has_delete_permission(request, obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "schedule" and not super().has_add_permission(request):
            kwargs["queryset"] = self._own(request)
        if db_field.name == "group":
            kwargs["queryset"] = joining.open_to(person(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: ScheduleSubscription, form: Any, change: bool) -> None:
        obj.since = clock.now()
        super().save_model(request, obj, form, change)

    @admin.display(description="since", ordering="since")
    def in_it_since(self, row: ScheduleSubscription) -> str:
        return local(row.since)
