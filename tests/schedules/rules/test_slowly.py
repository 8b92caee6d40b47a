"""Whatever the layers, hours, absences and overrides: the rule says what looking at every quarter of an hour says."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.rules.coverage import Cover, LayerPlan, Line, Shift, on_duty, shifts
from schedules.rules.hours import joined, parse
from schedules.rules.plans import Plan, changed
from schedules.rules.rotation import Period
from tests.schedules import slowly
from tests.schedules.slowly import DAY, QUARTER, Said

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Clocks that change at midnight, by half an hour, by two, on Fridays, four times a year, and that skipped a day.
ZONES = {
    **dict.fromkeys(("Europe/Berlin", "America/New_York", "America/Havana", "America/Nuuk", "Atlantic/Azores"), 2026),
    **dict.fromkeys(("Australia/Lord_Howe", "Antarctica/Troll", "Africa/Casablanca", "Africa/Cairo"), 2026),
    **dict.fromkeys(("Asia/Beirut", "America/Santiago", "Pacific/Chatham", "Asia/Kathmandu", "UTC"), 2026),
    "Pacific/Apia": 2011,
}
PEOPLE = st.integers(1, 6)
LENGTH = 5 * DAY
walls = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
crews = st.lists(st.lists(PEOPLE, min_size=1, max_size=2, unique=True).map(tuple), max_size=4)


@st.composite
def places(draw) -> tuple[datetime, ZoneInfo]:
    """Where five days start, with a clock change of the zone in them if it has any; and the zone."""
    name = draw(st.sampled_from(sorted(ZONES)))
    zone, year = ZoneInfo(name), ZONES[name]
    changes = [at for at in slowly.clock(zone, year).changes if at.year == year] or [datetime(year, 3, 29, tzinfo=UTC)]
    return draw(st.sampled_from(changes)) - draw(st.integers(0, LENGTH // QUARTER)) * QUARTER, zone


def spans(start: datetime, *, longest: timedelta = LENGTH) -> st.SearchStrategy[tuple[datetime, datetime]]:
    """From one quarter of an hour to another, some of it outside of the five days."""
    first = st.integers(-DAY // QUARTER, LENGTH // QUARTER).map(lambda n: start + n * QUARTER)
    return st.tuples(first, st.integers(1, longest // QUARTER)).map(lambda pair: (pair[0], pair[0] + pair[1] * QUARTER))


def periods(start: datetime, zone: ZoneInfo) -> st.SearchStrategy[Period]:
    units = st.one_of(
        *(
            st.tuples(st.just(unit), st.integers(1, most))
            for unit, most in {"hours": 36, "days": 9, "weeks": 2, "months": 2}.items()
        )
    )
    days = st.integers(-40, 4).map(lambda n: start.date() + n * DAY)
    return st.builds(lambda unit, day, at: Period(unit[0], unit[1], day, at, zone), units, days, walls)


@st.composite
def plans(draw, start: datetime, zone: ZoneInfo) -> list[Plan]:
    """A rotation as it is made, perhaps edited once or twice."""
    found = [Plan(draw(periods(start, zone)), draw(crews))]
    edits = draw(st.lists(st.integers(-3 * DAY // QUARTER, LENGTH // QUARTER), max_size=2).map(sorted))
    for n in edits:
        period = draw(st.one_of(st.just(found[-1].period), periods(start, zone)))
        found = changed(found, period, draw(crews), start + n * QUARTER, at_once=draw(st.booleans()))
    return found


@st.composite
def windows(draw) -> str:
    """Hours of the week as people write them."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        days = draw(st.lists(st.sampled_from(DAYS), max_size=4, unique=True))
        ends = [f"{at:%H:%M}" for at in (draw(walls), draw(walls))]
        ends[1] = draw(st.sampled_from([ends[1], "24:00"]))
        parts.append(f"{','.join(days)} {'-'.join(ends)}".strip())
    return "; ".join(parts)


@st.composite
def layers(draw, number: int, start: datetime, zone: ZoneInfo) -> LayerPlan:
    zone = draw(st.sampled_from([zone, zone, ZoneInfo("Europe/Berlin")] if start.year == 2026 else [zone]))
    of_calendar = draw(st.integers(0, 4)) == 0
    entries = draw(st.lists(st.tuples(PEOPLE, spans(start)), max_size=4)) if of_calendar else []
    return LayerPlan(
        name=f"layer {number}",
        plans=[] if of_calendar else draw(plans(start, zone)),
        position=draw(st.integers(0, 4)),
        zone=zone,
        windows=parse(draw(windows())),
        closed={start.date() + n * DAY for n in draw(st.sets(st.integers(-2, 6), max_size=2))},
        adds=draw(st.booleans()),
        fills=draw(st.booleans()),
        entries=[Cover(person, first, last, "") for person, (first, last) in entries],
    )


@st.composite
def lines(draw) -> tuple[Line, datetime]:
    start, zone = draw(places())
    covers = []
    for n in range(draw(st.integers(0, 4))):
        person, other = draw(st.permutations(range(1, 7)))[:2]
        first, last = draw(spans(start))
        covers.append(Cover(person, first, last, f"cover {n}", draw(st.sampled_from([None, other, other]))))
    away = draw(st.dictionaries(PEOPLE, st.lists(spans(start), min_size=1, max_size=2).map(joined), max_size=3))
    gone = draw(st.frozensets(PEOPLE, max_size=1))
    return Line([draw(layers(n, start, zone)) for n in range(draw(st.integers(0, 4)))], covers, away, gone), start


def said(on) -> set[Said]:
    return {Said(each.person, each.why) for each in on}


@settings(max_examples=80, derandomize=True, deadline=None, database=None)
@given(lines())
def test_the_rule_says_what_looking_at_every_quarter_of_an_hour_says(given):
    """A7, A8, A9, E4, E5, E7, E15, E20"""
    line, start = given
    end = start + LENGTH
    quarters = [start + n * QUARTER for n in range(LENGTH // QUARTER)]
    seen = [slowly.on_duty(line, at, start.date()) for at in quarters]
    found = shifts(line, start, end)
    assert_tidy(found, start, end)
    for at, expected in zip(quarters, seen, strict=True):
        assert said(shift.on for shift in found if shift.start <= at < shift.end) == expected, at
    for at in quarters[::53]:
        on, until = on_duty(line, at, end)
        assert {*on} == {shift.on for shift in found if shift.start <= at < shift.end}
        assert until == min((e for s in found for e in (s.start, s.end) if e > at), default=end)


def assert_tidy(found: list[Shift], start: datetime, end: datetime) -> None:
    """Nothing but [start, end), no hole, no empty shift, and nobody's cut in two without need."""
    assert found == sorted(found, key=lambda shift: (shift.start, shift.end))
    assert all(start <= shift.start < shift.end <= end for shift in found)
    covered = start
    for shift in found:
        assert shift.start <= covered, f"nothing is said from {covered} to {shift.start}"
        covered = max(covered, shift.end)
    assert covered == end
    ends = {(shift.on, shift.end) for shift in found}
    assert not [shift for shift in found if (shift.on, shift.start) in ends]
    gaps = [shift for shift in found if shift.on.person is None]
    assert not [(gap, other) for gap in gaps for other in found if other != gap and overlap(gap, other)]


def overlap(left: Shift, right: Shift) -> bool:
    return left.start < right.end and right.start < left.end


def test_the_slow_way_knows_the_clock():
    """E4, E5, E8, so that two equal mistakes do not prove each other."""
    berlin, apia = slowly.clock(ZoneInfo("Europe/Berlin"), 2026), slowly.clock(ZoneInfo("Pacific/Apia"), 2011)
    assert berlin.instant(datetime(2026, 3, 29, 2, 30)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert berlin.instant(datetime(2026, 10, 25, 2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert apia.instant(datetime(2011, 12, 30, 12)) == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)
    daily = Period("days", 1, date(2011, 12, 28), time(0), ZoneInfo("Pacific/Apia"))
    found, zero = slowly.handovers(daily, date(2011, 12, 28))
    assert [at.day for at in found[zero : zero + 4]] == [28, 29, 30, 31]  # UTC; one of five walls is no time of its own
