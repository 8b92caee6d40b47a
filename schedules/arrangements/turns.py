"""One person's view: the schedules they belong to, their shifts, and turns during their absences that nobody has taken yet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from schedules.models import Absence, FeedEntry, Layer, Override, Participant, Rotation, Schedule, SwapRequest, User
from schedules.oncall import HORIZON, Duty, Timetable, timetables
from schedules.rules.coverage import Cover, Span
from schedules.rules.hours import joined

DAY = timedelta(days=1)
SHOWN = timedelta(weeks=8)

Tables = list[tuple[Schedule, Timetable]]


@dataclass(frozen=True, slots=True)
class OwnTurn:
    """A person's own turn on a schedule, UTC. `asked`: a swap request for it is waiting for an answer."""

    schedule: Schedule
    start: datetime
    end: datetime
    why: str = ""
    asked: bool = False

    @property
    def query(self) -> str:
        """The turn as the query string that the page that asks for a swap reads."""
        return urlencode({"schedule": self.schedule.pk, "start": self.start.isoformat(), "end": self.end.isoformat()})


# --- people and their schedules ---------------------------------------------------------------------------------------


def belonging(user: User) -> QuerySet[Schedule]:
    """The schedules that name this person: by a rotation, a calendar or their team."""
    rotations = Rotation.objects.filter(Q(participants__user=user) | Q(participants__partner=user))
    feeds = FeedEntry.objects.filter(user=user).values("feed")
    layers = Layer.objects.filter(Q(rotation__in=rotations) | Q(feed__in=feeds))
    return Schedule.objects.filter(Q(pk__in=layers.values("schedule")) | Q(team__in=user.groups.values("team")))


def colleagues(schedule: Schedule) -> QuerySet[User]:
    """The active people who belong to the schedule; the same relation as `belonging`, read from the other end."""
    taking_turns = Participant.objects.filter(rotation__layers__schedule=schedule)
    entries = FeedEntry.objects.filter(feed__layers__schedule=schedule)
    team = User.objects.filter(groups__team__schedules=schedule)
    named = (taking_turns.values("user"), taking_turns.values("partner"), entries.values("user"), team.values("pk"))
    anyhow = Q()
    for people in named:
        anyhow |= Q(pk__in=people)
    return User.objects.filter(anyhow, is_active=True)


def tables(user: User, start: datetime, end: datetime) -> Tables:
    """All schedules on which this person may be on duty in [start, end), by name; four queries for any number."""
    stood_in = Override.objects.filter(user=user, start__lt=end, end__gt=start).values("schedule")
    # Somebody who was taken out of a rotation keeps the turn that is running.
    earlier = Layer.objects.filter(rotation__versions__crews__contains=[[user.pk]]).values("schedule")
    candidates = Schedule.objects.filter(Q(pk__in=belonging(user)) | Q(pk__in=stood_in) | Q(pk__in=earlier))
    schedules = list(candidates.select_related("team"))
    by_id = timetables([schedule.pk for schedule in schedules], start, end)
    return [(schedule, by_id[schedule.pk]) for schedule in schedules if schedule.pk in by_id]


# --- turns and shifts -------------------------------------------------------------------------------------------------


def turns(table: Timetable, user: User, start: datetime, end: datetime) -> list[Span]:
    """The spans in [start, end) that are this person's turn, whether or not they are away; joined."""
    return joined((duty.start, duty.end) for duty in _planned(table, user, start, end) if duty.user == user)


def with_covers(table: Timetable, covers: Iterable[Cover], people: Iterable[User]) -> Timetable:
    """The same schedule as if these overrides had been entered; `people` are the people whom they put on duty."""
    line = replace(table.line, covers=[*table.line.covers, *covers])
    return Timetable(line, table.people | {user.pk: user for user in people})


def _planned(table: Timetable, user: User, start: datetime, end: datetime) -> list[Duty]:
    away = {person: spans for person, spans in table.line.away.items() if person != user.pk}
    return Timetable(replace(table.line, away=away), table.people).duties(start, end)


def shifts(tables: Tables, user: User, now: datetime) -> list[OwnTurn]:
    """This person's shifts that are running now or begin in the next eight weeks, in order."""
    own_turns = [
        OwnTurn(schedule, duty.start, duty.end, duty.why)
        for schedule, table in tables
        for duty in table.duties(now, now + HORIZON)
        if duty.user == user and duty.start < now + SHOWN
    ]
    return sorted(own_turns, key=lambda turn: (turn.start, turn.end))


# --- cover for absences -----------------------------------------------------------------------------------------------


def cover_needed(user: User, now: datetime, known: Tables | None = None) -> list[OwnTurn]:
    """The person's turns in the next 70 days that fall in their absences and that nobody takes, in order.

    `known`: the person's `tables`, if the caller already has them.
    """
    end = now + HORIZON
    absences = Absence.objects.filter(user=user, end__gt=now, start__lt=end).values_list("start", "end")
    away = joined((max(left, now), min(right, end)) for left, right in absences)
    if not away:
        return []
    own_turns = [
        OwnTurn(schedule, *span)
        for schedule, table in (tables(user, now, end) if known is None else known)
        for left, right in away
        for span in joined(_uncovered(table, user, left, right))
    ]
    waiting = list(SwapRequest.objects.waiting(now).filter(asked_by=user))
    return sorted(
        (replace(turn, asked=any(_holds(swap, turn) for swap in waiting)) for turn in own_turns),
        key=lambda turn: (turn.start, turn.end),
    )


def _uncovered(table: Timetable, user: User, start: datetime, end: datetime) -> Iterator[Span]:
    """The pieces of the person's turns in which nobody is on duty except people who would be on duty anyway."""
    planned, actual = _planned(table, user, start, end), table.duties(start, end)
    edges = {edge for duty in (*planned, *actual) for edge in (duty.start, duty.end)}
    for left, right in pairwise(sorted(edges)):
        meant = _people(planned, left)
        if user.pk in meant and _people(actual, left) <= meant:
            yield left, right


def _people(duties: list[Duty], at: datetime) -> set[int]:
    return {duty.user.pk for duty in duties if duty.user and duty.start <= at < duty.end}


def _holds(swap: SwapRequest, turn: OwnTurn) -> bool:
    return swap.schedule_id == turn.schedule.pk and swap.start <= turn.start and turn.end <= swap.end
