"""Who is on duty, found the slow and obvious way: quarter of an hour by quarter of an hour, by looking.

Shares with `schedules.rules` the values that go in, and no code. Every edge must lie on a quarter of an hour.
"""

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate, count
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schedules.rules.coverage import Cover, LayerPlan, Line
from schedules.rules.plans import Plan
from schedules.rules.rotation import Period

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
LENGTH = {"hours": DAY / 24, "days": DAY, "weeks": 7 * DAY, "months": 30 * DAY}


class Clock:
    """A zone's wall clock, read every quarter of an hour from July of the year before until July of the next."""

    def __init__(self, zone: ZoneInfo, year: int):
        first, last = (datetime(y, 7, 1, tzinfo=ZoneInfo("UTC")) for y in (year - 1, year + 1))
        self.instants = [first + n * QUARTER for n in range((last - first) // QUARTER)]
        # A clock that is set back shows nothing new until it is where it was.
        self.walls = list(accumulate((at.astimezone(zone).replace(tzinfo=None) for at in self.instants), max))

        pairs = zip(self.instants[1:], self.walls, self.walls[1:], strict=False)
        self.changes = [at for at, before, after in pairs if after - before != QUARTER]

    def instant(self, wall: datetime) -> datetime:
        """The first moment at which the clock shows this time or a later one."""
        return self.instants[bisect_left(self.walls, wall)]


clock = lru_cache(Clock)


class Said(NamedTuple):
    """Somebody on duty and which layer or override says so; or nobody, and why not."""

    person: int | None
    why: str


@lru_cache(maxsize=2000)
def handovers(period: Period, around: date) -> tuple[list[datetime], int]:
    """The distinct handovers of the months around a day, and which of them is the first one."""
    own = clock(period.zone, around.year)
    first = datetime.combine(period.first_day, period.handover)
    early, late = (datetime.combine(around, time(0)) + days * DAY for days in (-75, 110))
    walls = [first]
    for step in (1, -1):
        for n in count(step, step):
            wall = _later(first, n * period.every, period.unit)
            if not early < wall < late:
                break
            walls.append(wall)
    found = sorted({own.instant(wall) for wall in walls})
    return found, found.index(own.instant(first))


def _later(first: datetime, n: int, unit: str) -> datetime:
    if unit != "months":
        return first + n * LENGTH[unit]
    months = first.year * 12 + first.month - 1 + n
    for day in range(first.day, 0, -1):
        try:
            return first.replace(year=months // 12, month=months % 12 + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("a month without days")


def holding(plans: list[Plan], at: datetime, around: date) -> tuple[Plan, int] | None:
    """The plan that holds and whose turn it is: an index into its crews, to be taken round and round."""
    held = None
    for plan in plans:
        found, zero = handovers(plan.period, around)
        if (plan.since or found[zero]) <= at:
            held = plan
    if held is None:
        return None
    found, zero = handovers(held.period, around)
    if held.since is None or held.first is None:
        return held, bisect_right(found, at) - 1 - zero
    # The first turn ends at the first handover that is at least half a turn away.
    half = held.since + held.period.every * LENGTH[held.period.unit] / 2
    passed = [handover for handover in found if half <= handover <= at]
    return held, held.first + len(passed)


def is_open(
    windows: list[tuple[set[int], time, time]], closed: set[date], own: Clock, today: date, at: datetime
) -> bool:
    if not windows and not closed:
        return True
    for day in (today + n * DAY for n in range(-2, 2)):
        for days, start, end in windows or [(set(range(7)), time(0), time(0))]:
            if day.weekday() in days and day not in closed:
                last = day + DAY if end <= start else day
                left, right = (own.instant(datetime.combine(*edge)) for edge in ((day, start), (last, end)))
                if left <= at < right:
                    return True
    return False


def on_duty(line: Line, at: datetime, around: date) -> set[Said]:
    """Who is on duty at `at`, a quarter of an hour near the day `around`; one entry of nobody in a gap."""
    covers = [cover for cover in line.covers if cover.start <= at < cover.end]
    missing = {*line.gone, *(who for who, spans in line.away.items() for s, e in spans if s <= at < e)}
    on: dict[int, str] = {}
    turn_of_anybody = shut = False
    for layer in line.layers:
        crews = _crews(layer, at, around)
        shut = shut or _rests(layer, at, around)
        turn_of_anybody = turn_of_anybody or any(crews[:1])
        own = _own(layer, [_present(crew, layer.name, covers, missing) for crew in crews])
        on = {**own, **on} if layer.adds else own or on
    for n, cover in enumerate(covers):
        if cover.instead_of is None:
            on = _present((cover.person,), cover.why, covers[n + 1 :], missing) or on
    if on:
        return {Said(*each) for each in on.items()}
    if turn_of_anybody:
        return {Said(None, "missing")}
    if shut:
        return {Said(None, "outside the hours of its layers")}
    return {Said(None, "no layer covers this time" if line.layers else "the schedule has no layers")}


def _own(layer: LayerPlan, crews: list[dict[int, str]]) -> dict[int, str]:
    """Of the crews in turn, as far as they are there, the one that has this layer's place."""
    present = [crew for crew in crews if crew] if layer.fills else crews
    place = layer.position % len(crews) if layer.fills and crews else 0
    return present[place] if place < len(present) else {}


def _rests(layer: LayerPlan, at: datetime, around: date) -> bool:
    """It has people and hours, and neither are there now."""
    if layer.entries or not (layer.windows or layer.closed) or not any(plan.crews for plan in layer.plans):
        return False
    return not _is_open(layer, at, around) or not holding(list(layer.plans), at, around)


def _is_open(layer: LayerPlan, at: datetime, around: date) -> bool:
    windows = [(set(window.days), window.start, window.end) for window in layer.windows]
    own, today = clock(layer.zone, around.year), at.astimezone(layer.zone).date()
    return is_open(windows, set(layer.closed), own, today, at)


def _crews(layer: LayerPlan, at: datetime, around: date) -> list[tuple[int, ...]]:
    """The crews of a layer that is open; the one whose turn it is first, by its position unless it fills."""
    if not _is_open(layer, at, around):
        return []
    if layer.entries:
        people = [entry.person for entry in layer.entries if entry.start <= at < entry.end]
        return [tuple(people)] if people else []
    found = holding(list(layer.plans), at, around)
    if not found or not found[0].crews:
        return []
    plan, index = found
    index += 0 if layer.fills else layer.position
    return [plan.crews[(index + n) % len(plan.crews)] for n in range(len(plan.crews))]


def _present(crew: tuple[int, ...], name: str, covers: list[Cover], missing: set[int]) -> dict[int, str]:
    on: dict[int, str] = {}
    for person in crew:
        stands, why = person, name
        for cover in covers:
            if cover.instead_of == stands:
                stands, why = cover.person, cover.why
        if stands not in missing and stands not in on:
            on[stands] = why
    return on
