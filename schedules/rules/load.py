"""How much duty each person has: hours, of them nights and weekends, and the longest stretch (A12, A14).

Hours are elapsed ones: a night in which the clock changes has seven or nine of them.
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
    """Time on duty, of it between 22:00 and 6:00, and from Saturday 0:00 to Monday 0:00; a weekend's night is both.

    What follows without a break is one shift, whichever layers or overrides say so.
    """

    total: timedelta
    nights: timedelta
    weekends: timedelta
    shifts: int
    longest: timedelta


def loads(shifts: Iterable[Shift], zone: ZoneInfo) -> dict[int, Load]:
    """By person, those who have shifts; nights and weekends are those of the clock of `zone`."""
    duties: dict[int, list[Span]] = {}
    for shift in shifts:
        if shift.on.person is not None:
            duties.setdefault(shift.on.person, []).append((shift.start, shift.end))
    if not duties:
        return {}
    own = {person: joined(found) for person, found in duties.items()}
    first, last = min(found[0][0] for found in own.values()), max(found[-1][1] for found in own.values())
    nights, weekends = (spans(windows, zone, first, last) for windows in (NIGHTS, WEEKENDS))
    return {person: _load(found, nights, weekends) for person, found in own.items()}


def _load(own: Sequence[Span], nights: Sequence[Span], weekends: Sequence[Span]) -> Load:
    lengths = [end - start for start, end in own]
    return Load(sum(lengths, NONE), _shared(own, nights), _shared(own, weekends), len(own), max(lengths))


def _shared(some: Sequence[Span], others: Sequence[Span]) -> timedelta:
    """How long both last at once; each in order and apart."""
    shared, first = NONE, 0
    for start, end in some:
        while first < len(others) and others[first][1] <= start:
            first += 1
        for left, right in islice(others, first, None):
            if left >= end:
                break
            shared += min(end, right) - max(start, left)
    return shared
