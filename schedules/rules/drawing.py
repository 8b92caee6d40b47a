"""Draws shifts as bars on a calendar: one row a week, seven days wide, in wall-clock time of the schedule's zone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from schedules.rules.rotation import instant

WEEK = timedelta(days=7)
ROUNDED = 0.01  # percent: tolerance, so that bars that only touch do not count as overlapping


class Span(Protocol):
    """Anything that lasts from one instant to another, such as a shift or a duty."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime: ...


T = TypeVar("T", bound=Span)


@dataclass(frozen=True, slots=True)
class Bar(Generic[T]):
    """The part of a shift that lies in one week; `left` and `width` are in percent of the week.

    If two people are on duty together, their bars share the height: `row` is 0 or 1, and `rows` is 2.
    """

    shift: T
    left: float
    width: float
    row: int = 0
    rows: int = 1


@dataclass(frozen=True, slots=True)
class Week(Generic[T]):
    """Seven days from a Monday; `now` is the position of the current moment, in percent, or None in any other week."""

    days: Sequence[date]
    bars: Sequence[Bar[T]]
    now: float | None


def span(now: datetime, zone: ZoneInfo, weeks: int) -> tuple[datetime, datetime]:
    """The UTC bounds of the drawing: `weeks` weeks from Monday 0:00 of the week of `now`."""
    first = monday(now, zone)
    return instant(first, time(0), zone), instant(first + weeks * WEEK, time(0), zone)


def monday(now: datetime, zone: tzinfo) -> date:
    today = now.astimezone(zone).date()
    return today - timedelta(days=today.weekday())


def weeks_of(shifts: Sequence[T], now: datetime, zone: ZoneInfo, weeks: int) -> list[Week[T]]:
    """The drawing of `shifts`, which cover `span(now, zone, weeks)`."""
    first = monday(now, zone)
    return [_week(shifts, first + number * WEEK, now, zone) for number in range(weeks)]


def _week(shifts: Sequence[T], first: date, now: datetime, zone: ZoneInfo) -> Week[T]:
    start, end = instant(first, time(0), zone), instant(first + WEEK, time(0), zone)
    bars = []
    for shift in shifts:
        if shift.start < end and shift.end > start:
            left = _percent(max(shift.start, start), first, zone)
            right = 100.0 if shift.end >= end else _percent(shift.end, first, zone)
            bars.append(Bar(shift, round(left, 3), round(right - left, 3)))
    bars = _side_by_side(bars)
    days = [first + timedelta(days=number) for number in range(7)]
    return Week(days, bars, round(_percent(now, first, zone), 3) if start <= now < end else None)


def _side_by_side(bars: list[Bar[T]]) -> list[Bar[T]]:
    def crosses(bar: Bar[T], other: Bar[T]) -> bool:
        return (
            other is not bar
            and bar.left + ROUNDED < other.left + other.width
            and other.left + ROUNDED < bar.left + bar.width
        )

    placements: list[tuple[Bar[T], int]] = []
    for bar in bars:
        taken = {row for other, row in placements if crosses(bar, other)}
        placements.append((bar, 1 if 0 in taken else 0))
    return [replace(bar, row=row, rows=2) if any(crosses(bar, o) for o in bars) else bar for bar, row in placements]


def _percent(at: datetime, first: date, zone: ZoneInfo) -> float:
    # In wall-clock time, so that a day with a clock change is as wide as any other.
    wall = at.astimezone(zone).replace(tzinfo=None)
    return (wall - datetime.combine(first, time(0))) / WEEK * 100
