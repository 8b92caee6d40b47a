"""How much duty each person has: hours, nights and weekends among them, and the longest stretch (A12, A14).

Hours are elapsed hours: a night in which the clock changes has seven or nine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from schedules.rules.coverage import Shift, Span
from schedules.rules.hours import Window, joined, spans

NIGHTS = (Window(frozenset(range(7)), time(22), time(6)),)
WEEKENDS = (Window(frozenset({5, 6}), time(0), time(0)),)
NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Load:
    """One person's time on duty, with the parts at night and at weekends.

    Nights are 22:00 to 6:00, weekends Saturday 0:00 to Monday 0:00; a night at a weekend counts as both. Time without
    a break counts as one shift, whichever layers or overrides it comes from.
    """

    total: timedelta
    nights: timedelta
    weekends: timedelta
    shifts: int
    longest: timedelta


def loads(shifts: Iterable[Shift], zone: ZoneInfo) -> dict[int, Load]:
    """The load of each person who has shifts, by person id; nights and weekends are in the zone `zone`."""
    own = stretches(shifts)
    if not own:
        return {}
    first, last = (
        min(line[0][0] for line in own.values()),
        max(line[-1][1] for line in own.values()),
    )
    nights, weekends = (spans(windows, zone, first, last) for windows in (NIGHTS, WEEKENDS))
    return {person: _load(line, nights, weekends) for person, line in own.items()}


def stretches(shifts: Iterable[Shift]) -> dict[int, Sequence[Span]]:
    """Each person's time on duty without a break, by person id, whichever layers or overrides it comes from."""
    duties: dict[int, list[Span]] = {}
    for shift in shifts:
        if shift.on.person is not None:
            duties.setdefault(shift.on.person, []).append((shift.start, shift.end))
    return {person: joined(line) for person, line in duties.items()}


def _load(own: Sequence[Span], nights: Sequence[Span], weekends: Sequence[Span]) -> Load:
    lengths = [end - start for start, end in own]
    return Load(sum(lengths, NONE), _shared(own, nights), _shared(own, weekends), len(own), max(lengths))


def _shared(some: Sequence[Span], others: Sequence[Span]) -> timedelta:
    """The total overlap of two lists of spans, each in order and without overlaps."""
    shared, first = NONE, 0
    for start, end in some:
        while first < len(others) and others[first][1] <= start:
            first += 1
        for left, right in islice(others, first, None):
            if left >= end:
                break
            shared += min(end, right) - max(start, left)
    return shared
