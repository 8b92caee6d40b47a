"""Compares who is on duty before and after an edit, span by span."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Min

from schedules.models import Schedule, User
from schedules.oncall import Duty

BREAK = timedelta(hours=20)  # the longest break between one day's hours and the next day's


@dataclass(frozen=True, slots=True)
class Change:
    """A span [start, end), UTC, in which other people are on duty than before.

    An empty `before` or `after` is a gap. `parts` is more than 1 if there are breaks within the span.
    """

    schedule: Schedule
    start: datetime
    end: datetime
    before: list[User]
    after: list[User]
    parts: int = 1

    def __str__(self) -> str:
        before, after = (", ".join(user.name for user in users) or "nobody" for users in (self.before, self.after))
        return f"{after} instead of {before}"


def changes(before: dict[int, list[Duty]], after: dict[int, list[Duty]]) -> list[Change]:
    """The changes from `before` to `after`, in order of time; both must cover the same span.

    A schedule that is missing in `before` had nobody on duty.
    """
    schedules = Schedule.objects.annotate(rank=Min("layers__position")).in_bulk(after)
    ranks = {pk: schedule.rank or 0 for pk, schedule in schedules.items()}
    differences = [
        change
        for pk, schedule in schedules.items()
        for change in _joined(_compared(schedule, before.get(pk, []), after[pk]))
    ]
    return sorted(differences, key=lambda change: (change.start, ranks[change.schedule.pk], change.schedule.name))


def _compared(schedule: Schedule, before: Sequence[Duty], after: Sequence[Duty]) -> Iterator[Change]:
    edges = sorted({edge for duty in [*before, *after] for edge in (duty.start, duty.end)})
    for left, right in pairwise(edges):
        was, will = (sorted(_on(duties, left), key=lambda user: user.pk) for duties in (before, after))
        if was != will:
            yield Change(schedule, left, right, was, will)


def _on(duties: Sequence[Duty], at: datetime) -> set[User]:
    return {duty.user for duty in duties if duty.user and duty.start <= at < duty.end}


def _joined(pieces: Iterable[Change]) -> list[Change]:
    """Joins the same change on following days into one with parts: five days of business hours are one change."""
    line: list[Change] = []
    for change in pieces:
        last = line[-1] if line else None
        if last and change.start - last.end <= BREAK and (last.before, last.after) == (change.before, change.after):
            parts = last.parts + (change.start > last.end)
            line[-1] = Change(change.schedule, last.start, change.end, change.before, change.after, parts)
        else:
            line.append(change)
    return line
