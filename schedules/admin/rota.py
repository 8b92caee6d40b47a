"""Who is on duty: rotations, and schedules with the next weeks drawn."""

from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.utils import timezone

from schedules.admin.base import OrderedFormSet, TabularInline, TeamOwnedAdmin
from schedules.models import Layer, Override, Participant, Rotation, Schedule
from schedules.oncall import Duty, gaps, shifts_of
from schedules.rules.drawing import span, weeks_of
from schedules.rules.rotation import Period, turns

WEEKS = 4
HELP = {"start": "From when.", "end": "Until when, this moment excluded."}
COLOURS = 8  # how many the style sheet has


class ParticipantInline(TabularInline):
    model = Participant
    formset = OrderedFormSet
    fields = ("user", "order")
    ordering_field = "order"
    autocomplete_fields = ("user",)
    verbose_name_plural = "people in the order of their turns"


@admin.register(Rotation)
class RotationAdmin(TeamOwnedAdmin):
    list_display = ("name", "team", "rhythm", "handover", "time_zone")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    inlines = (ParticipantInline,)
    fields = ("name", "team", ("every", "unit"), ("first_day", "handover"), "time_zone")
    preview_template = "admin/schedules/turns.html"

    @admin.display(description="one turn lasts")
    def rhythm(self, rotation: Rotation) -> str:
        return f"{rotation.every} {rotation.unit if rotation.every > 1 else rotation.unit.removesuffix('s')}"

    def preview(self, request: HttpRequest, obj: Rotation, now: datetime) -> dict[str, Any]:
        people = [participant.user for participant in obj.participants.select_related("user")]
        period = Period(obj.unit, obj.every, obj.first_day, obj.handover, obj.time_zone)
        found = turns(period, now, now + 8 * period.length) if people else []
        return {"turns": [(turn, [people[(turn.number + n) % len(people)] for n in range(2)]) for turn in found]}


class LayerInline(TabularInline):
    model = Layer
    formset = OrderedFormSet
    fields = ("rotation", "position", "order")
    ordering_field = "order"
    autocomplete_fields = ("rotation",)
    verbose_name_plural = "layers: which rotation is read, and at which place"


class OverrideInline(TabularInline):
    """Only those that are not over: the others are history."""

    model = Override
    fields = ("user", "start", "end", "reason")
    autocomplete_fields = ("user",)
    verbose_name_plural = "overrides: somebody steps in, now or later"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        return super().get_queryset(request).filter(end__gt=timezone.now()).select_related("user")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in ("start", "end"):
            field.help_text = f"{HELP[db_field.name]} On the clock of {timezone.get_current_timezone_name()}."
        return field


@admin.register(Schedule)
class ScheduleAdmin(TeamOwnedAdmin):
    list_display = ("name", "team", "time_zone", "description")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    inlines = (LayerInline, OverrideInline)
    fields = ("name", "team", "time_zone", "description")
    preview_template = "admin/schedules/coverage.html"

    def preview(self, request: HttpRequest, obj: Schedule, now: datetime) -> dict[str, Any]:
        duties = shifts_of(obj, *span(now, obj.time_zone, WEEKS))
        colours = _colours(duties)
        weeks = weeks_of(duties, now, obj.time_zone, WEEKS)
        return {
            "schedule": obj,
            "zone": obj.time_zone,
            "today": now.astimezone(obj.time_zone).date(),
            "weeks": [
                (week, [(bar, colours.get(bar.shift.user), bar.shift.end <= now) for bar in week.bars])
                for week in weeks
            ],
            "legend": colours.items(),
            "gaps": [gap for gap in gaps(duties) if gap.end > now],
            "coming": [duty for duty in duties if duty.end > now],
        }


def _colours(duties: list[Duty]) -> dict[Any, int]:
    """Each person's colour, by the order of their names, so that it stays the same from one look to the next."""
    people = {duty.user.pk: duty.user for duty in duties if duty.user}
    names = sorted(people.values(), key=lambda user: user.username)
    return dict(zip(names, chain.from_iterable([range(COLOURS)] * (len(names) // COLOURS + 1)), strict=False))
