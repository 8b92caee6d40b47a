"""Whose turn it is, from when to when: wall-clock periods in an IANA zone.

One law: the end of a turn *is* the start of the next one. Both come from `boundary`, so there is no gap and no overlap
whatever the clocks do. A hand-over in an hour that a clock change leaves out happens at the first instant after it; in
an hour that comes twice, at its first occurrence.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

UNIT_DAYS = {"days": 1, "weeks": 7}


@dataclass(frozen=True, slots=True)
class Period:
    """A rotation's calendar: turn 0 starts on `first_day` at `handover` in `zone`, the next one `every` units later."""

    unit: str  # "days" or "weeks"
    every: int
    first_day: date
    handover: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Turn:
    """One period: its number (negative before the first day) and its bounds, UTC, end excluded."""

    number: int
    start: datetime
    end: datetime


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time, by the one rule above."""
    wall = datetime.combine(day, at)
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # A missing hour: read with the offset before the change it lies after the change; the change itself is between.
    return _change_between(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's offset changes; to the second, by halving."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def boundary(period: Period, number: int) -> datetime:
    """When turn `number` starts, UTC. Counted from the anchor, never from the turn before."""
    days = number * period.every * UNIT_DAYS[period.unit]
    return instant(period.first_day + timedelta(days=days), period.handover, period.zone)


def turn_at(period: Period, at: datetime) -> Turn:
    """The turn that holds at the instant `at`."""
    length = period.every * UNIT_DAYS[period.unit]
    number = (at.astimezone(period.zone).date() - period.first_day).days // length
    while boundary(period, number) > at:
        number -= 1
    while boundary(period, number + 1) <= at:
        number += 1
    return Turn(number, boundary(period, number), boundary(period, number + 1))


def turns(period: Period, start: datetime, end: datetime) -> list[Turn]:
    """The turns that touch [start, end), in order, each with its full bounds."""
    found = []
    turn = turn_at(period, start)
    while turn.start < end:
        found.append(turn)
        turn = Turn(turn.number + 1, turn.end, boundary(period, turn.number + 2))
    return found
