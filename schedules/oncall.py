"""The way in: who is on duty at this instant, and what are the shifts between two instants?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Prefetch, QuerySet

from schedules.models import Layer, Override, Participant, Schedule, User
from schedules.rules.coverage import Cover, LayerPlan, shifts
from schedules.rules.rotation import Period

# "Until when" is looked for no further than this.
HORIZON = timedelta(days=70)


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody on duty: until when (UTC; None: no change within 70 days) and which layer or override says so."""

    user: User
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A shift with its person; `user` is None in a gap. Bounds are UTC, the end excluded."""

    user: User | None
    start: datetime
    end: datetime
    why: str


def with_plan(schedules: QuerySet[Schedule], start: datetime, end: datetime) -> QuerySet[Schedule]:
    """The same schedules with all that the rules need for [start, end): five queries for any number of them."""
    people = Prefetch("rotation__participants", Participant.objects.select_related("user"))
    overrides = Override.objects.filter(end__gt=start, start__lt=end).select_related("user").order_by("pk")
    return schedules.prefetch_related(
        Prefetch("layers", Layer.objects.select_related("rotation").prefetch_related(people)),
        Prefetch("overrides", overrides, to_attr="covering"),
    )


def on_call(schedule: Schedule, at: datetime) -> list[OnDuty]:
    """Who is on duty at the instant `at`; empty in a gap. A deactivated person is nobody (faults O3)."""
    [planned] = with_plan(Schedule.objects.filter(pk=schedule.pk), at, at + HORIZON)
    return on_call_planned(planned, at)


def on_call_at(schedules: Iterable[int], at: datetime) -> dict[int, list[OnDuty]]:
    """`on_call` for many schedules, by id: five queries for any number of them; without those that are gone."""
    planned = with_plan(Schedule.objects.filter(pk__in=schedules), at, at + HORIZON)
    return {each.pk: on_call_planned(each, at) for each in planned}


def on_call_planned(planned: Schedule, at: datetime) -> list[OnDuty]:
    """`on_call` for a schedule that came out of `with_plan`; asks the database nothing."""
    first = line(planned, at, at + HORIZON)[0]
    if first.user is None:
        return []
    return [OnDuty(first.user, first.end if first.end < at + HORIZON else None, first.why)]


def shifts_of(schedule: Schedule, start: datetime, end: datetime) -> list[Duty]:
    """Every shift that touches [start, end), cut to it, gaps included (their user is None)."""
    [planned] = with_plan(Schedule.objects.filter(pk=schedule.pk), start, end)
    return line(planned, start, end)


def line(planned: Schedule, start: datetime, end: datetime) -> list[Duty]:
    """`shifts_of` for a schedule that came out of `with_plan`; asks the database nothing."""
    people: dict[int, User] = {}
    layers = [_plan(layer, people) for layer in planned.layers.all()]
    covers = [_cover(override, people) for override in planned.covering if override.user.is_active]  # type: ignore[attr-defined]
    return [
        Duty(people[s.person] if s.person is not None else None, s.start, s.end, s.why)
        for s in shifts(layers, covers, start, end)
    ]


def _plan(layer: Layer, people: dict[int, User]) -> LayerPlan:
    rotation = layer.rotation
    users = [p.user for p in rotation.participants.all()]
    people.update((user.pk, user) for user in users)
    period = Period(rotation.unit, rotation.every, rotation.first_day, rotation.handover, rotation.time_zone)
    # A deactivated person keeps the turn, as a gap: dropping them would move everybody else's.
    return LayerPlan(str(layer), period, [u.pk if u.is_active else None for u in users], layer.position)


def _cover(override: Override, people: dict[int, User]) -> Cover:
    people[override.user_id] = override.user
    why = f"override: {override.reason}" if override.reason else "override"
    return Cover(override.user_id, override.start, override.end, why)


def gaps(duties: Iterable[Duty]) -> list[Duty]:
    return [duty for duty in duties if duty.user is None]
