"""The turns of a rotation: periods in wall-clock time in an IANA zone.

The rules, for every zone and every clock change:

1. The end of a turn *is* the start of the next one. Both come from `boundary`, so there is no gap and no overlap.
2. Handovers stay at their wall-clock time, counted from the first one: a turn of twelve hours lasts 11 or 13 hours if
   the clock changes in it, and the turn from the 31st is handed over on the last day of a shorter month.
3. A handover at a time that the clock skips happens at the first instant after it; a handover at a time that occurs
   twice happens the first time.
4. A turn for which the clock leaves no time at all (a day that a zone skipped, an hour in spring) does not count: the
   person who would have had it takes the next one, so nobody is passed over.
"""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LENGTHS = {"hours": HOUR, "days": DAY, "weeks": 7 * DAY}
MONTH = timedelta(days=30)  # nominal; used only to judge what is half a turn


@dataclass(frozen=True, slots=True)
class Period:
    """A rotation's calendar: turn 0 starts on `first_day` at `handover` in `zone`, the next one `every` units later."""

    unit: str  # "hours", "days", "weeks" or "months"
    every: int
    first_day: date
    handover: time
    zone: ZoneInfo
    # If turns are counted in days: the days of the week that count (Monday is 0), so that a turn never lies on other days
    # only. Empty means every day. The first turn starts on the first of them.
    days: frozenset[int] = frozenset()

    @property
    def shortest(self) -> timedelta:
        """The nominal length of a turn without days that do not count."""
        return self.every * LENGTHS.get(self.unit, MONTH)

    @property
    def length(self) -> timedelta:
        """The nominal length of a turn."""
        return self.shortest * 7 / len(self.days) if self.days else self.shortest


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: its number, counted from the first day (negative before it), and its UTC bounds, end excluded."""

    number: int
    start: datetime
    end: datetime


# --- wall clock and instants ------------------------------------------------------------------------------------------


def instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant of a wall-clock time; skipped and repeated times follow rule 3."""
    return _instant(datetime.combine(day, at), zone)


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first.astimezone(zone).replace(tzinfo=None) == wall:
        return first
    # A skipped time: its readings with the two offsets lie on either side of the change, so look for it between them.
    return _change_between(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first, zone)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the zone's offset changes, to the second; found by bisection."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=50_000)
def _missing(zone: ZoneInfo, year: int) -> tuple[tuple[datetime, datetime], ...]:
    """The times that the zone's clock skips in a UTC year, as pairs of wall-clock times (from, to)."""
    gaps = []
    at = datetime(year, 1, 1, tzinfo=UTC)
    offset = at.astimezone(zone).utcoffset()
    while at.year == year:
        following = at + DAY
        later = following.astimezone(zone).utcoffset()
        if later != offset:
            change = _change_between(at, following, zone)
            before = (change - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) + timedelta(seconds=1)
            after = change.astimezone(zone).replace(tzinfo=None)
            if after > before:
                gaps.append((before, after))
        at, offset = following, later
    return tuple(gaps)


# --- turns ------------------------------------------------------------------------------------------------------------
# A step counts handovers on the calendar; a turn's number leaves out turns for which the clock leaves no time.


@lru_cache(maxsize=10_000)
def boundary(period: Period, number: int) -> datetime:
    """The instant at which turn `number` starts, UTC."""
    step = number
    while behind := number - _number(period, step):
        step += behind
    return _boundary(period, step)


def turn_at(period: Period, at: datetime) -> Turn:
    """The turn that is running at the instant `at`."""
    return next(_turns_from(period, at))


def turns(period: Period, start: datetime, end: datetime) -> list[Turn]:
    """The turns that touch [start, end), in order, each with its full bounds."""
    return list(takewhile(lambda turn: turn.start < end, _turns_from(period, start)))


def _turns_from(period: Period, at: datetime) -> Iterator[Turn]:
    step = _step(period, at.astimezone(period.zone).replace(tzinfo=None))
    while _boundary(period, step) > at:
        step -= 1
    while (end := _boundary(period, step + 1)) <= at:
        step += 1
    start, number = _boundary(period, step), _number(period, step)
    while True:
        step += 1
        if end > start:
            yield Turn(number, start, end)
            number += 1
        start, end = end, _boundary(period, step + 1)


def _boundary(period: Period, step: int) -> datetime:
    return _instant(_wall(period, step), period.zone)


def _wall(period: Period, step: int) -> datetime:
    """The wall-clock time of handover `step`, counted from the first handover, never from the one before."""
    first = datetime.combine(period.first_day, period.handover)
    if period.days:
        return datetime.combine(_duty_day(period, step * period.every), period.handover)
    if period.unit != "months":
        return first + step * period.shortest
    year, month = divmod(first.year * 12 + first.month - 1 + step * period.every, 12)
    return first.replace(year=year, month=month + 1, day=min(first.day, calendar.monthrange(year, month + 1)[1]))


def _step(period: Period, wall: datetime) -> int:
    """The last handover on or before `wall`."""
    first = datetime.combine(period.first_day, period.handover)
    if period.days:
        begun = wall.date() if wall.time() >= period.handover else wall.date() - DAY
        return _duty_days(period, begun) // period.every
    if period.unit != "months":
        return (wall - first) // period.shortest
    step = ((wall.year - first.year) * 12 + wall.month - first.month) // period.every
    return step if _wall(period, step) <= wall else step - 1


def _duty_day(period: Period, number: int) -> date:
    """The day of duty with this number, counted from the first one."""
    days, monday = sorted(period.days), period.first_day - period.first_day.weekday() * DAY
    week, day = divmod(number + sum(day < period.first_day.weekday() for day in days), len(days))
    return monday + (week * 7 + days[day]) * DAY


def _duty_days(period: Period, day: date) -> int:
    """The number of the last day of duty on or before `day`."""
    first = period.first_day.weekday()
    weeks, weekday = divmod((day - period.first_day).days + first, 7)
    return weeks * len(period.days) + sum((duty_day <= weekday) - (duty_day < first) for duty_day in period.days) - 1


def _number(period: Period, step: int) -> int:
    """The number of the turn that starts at a handover; if handovers fall together, the last one starts the turn."""
    return step - _dropped(period, 0, step) if step >= 0 else step + _dropped(period, step, 0)


def _dropped(period: Period, start: int, end: int) -> int:
    """How many of the handovers start + 1 … end fall together with the one before them."""
    if period.shortest > DAY:
        return 0  # no clock has ever skipped more than a day
    dropped = 0
    for year in range(_wall(period, start).year - 1, _wall(period, end).year + 2):
        for left, right in _missing(period.zone, year):
            if right - left >= period.shortest:
                first = _step(period, left)
                first += _wall(period, first) < left
                dropped += max(0, min(_step(period, right), end) - max(first, start))
    return dropped
