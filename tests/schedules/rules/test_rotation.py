"""Turns on the wall clock of any zone: no gap, no overlap, nobody passed over (A1 to A4, E3 to E11)."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from schedules.rules.coverage import Cover, LayerPlan, Line, on_duty
from schedules.rules.hours import days, parse
from schedules.rules.idle import idle_turns
from schedules.rules.plans import Plan, changed, places
from schedules.rules.rotation import Period, boundary, instant, turn_at, turns
from tests.schedules.zones import KINDS, check

GMT, BERLIN, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
A, B, C, D, E, F, G = (1,), (2,), (3,), (4,), (5,), (6,), (7,)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def weekly(zone=GMT, every=1, first=date(2026, 1, 5), handover=time(9)) -> Period:
    return Period("weeks", every, first, handover, zone)


# --- Tables 7.3 to 7.6 and 9.17: who has periods 1 to 4 ---------------------------------------------------------------

TABLES = {
    "7.3 one person (A2)": ([A], 0, [A, A, A, A]),
    "7.4 main (A2)": ([A, B, C, D], 0, [A, B, C, D]),
    "7.5 main (A3)": ([A, B], 0, [A, B, A, B]),
    "7.5 backup (A3)": ([A, B], 1, [B, A, B, A]),
    "7.6 main (A4)": ([A, B, C], 0, [A, B, C, A]),
    "7.6 backup 1 (A4)": ([A, B, C], 1, [B, C, A, B]),
    "7.6 backup 2 (A4)": ([A, B, C], 2, [C, A, B, C]),
    "9.17 team 1 technical expert (A6)": ([E, F, G], 0, [E, F, G, E]),
}


@pytest.mark.parametrize(("crews", "position", "periods"), TABLES.values(), ids=TABLES)
def test_tables_of_the_source(crews, position, periods):
    found = places([Plan(weekly(), crews)], utc("2026-01-05T09:00"), utc("2026-02-02T09:00"))
    assert [place.at(position) for place in found] == periods


@pytest.mark.parametrize(("crews", "periods"), [([A, B], [A, A, B, B]), ([C, D], [C, C, D, D])])
def test_table_9_17_roles_have_a_period_of_their_own(crews, periods):
    """A6: coordinator and communicator every two weeks, beside an expert every week."""
    role = [Plan(weekly(every=2), crews)]
    weeks = [utc("2026-01-05T09:00") + n * timedelta(days=7) for n in range(4)]
    assert [next(places(role, week, week + timedelta(hours=1))).at(0) for week in weeks] == periods


def test_before_the_first_day_nobody_has_a_turn():
    assert not list(places([Plan(weekly(), [A, B])], utc("2025-12-01T00:00"), utc("2026-01-05T09:00")))


# --- days of duty -----------------------------------------------------------------------------------------------------

WEEKDAYS = Period("days", 1, date(2026, 11, 30), time(9), BERLIN, days("Mon-Fri"))


@pytest.mark.parametrize("handover", [time(0), time(9), time(18)])
def test_a_weekday_rotation_gives_everybody_turns(handover):
    """Case 70: fourteen people, daily, Mon-Fri 09:00-17:00; and after Friday comes the next one."""
    period, crews = replace(WEEKDAYS, handover=handover), [(n,) for n in range(14)]
    layer = LayerPlan("main", [Plan(period, crews)], zone=BERLIN, windows=parse("Mon-Fri 09:00-17:00"))
    noons = (datetime(2026, 12, 1, 12, tzinfo=BERLIN) + n * timedelta(days=1) for n in range(56))
    had = [on_duty(Line([layer]), noon, noon + timedelta(hours=1))[0][0].person for noon in noons]
    people = [person for person in had if person is not None]
    assert len(people) == 40 and {*people} == {*range(14)}
    assert all((right - left) % 14 == 1 for left, right in pairwise(people))


def test_turns_of_duty_begin_on_the_first_day_that_counts_and_go_on_over_the_others():
    saturday = replace(WEEKDAYS, first_day=date(2026, 12, 5), zone=GMT)
    assert boundary(saturday, 0) == utc("2026-12-07T09:00")
    assert turn_at(saturday, utc("2026-12-13T12:00")) == turn_at(saturday, utc("2026-12-11T09:00"))
    every_second = replace(saturday, every=2)
    found = turns(every_second, utc("2026-12-07T09:00"), utc("2026-12-21T09:00"))
    assert [turn.start.day for turn in found] == [7, 9, 11, 15, 17]
    assert [turn.number for turn in found] == [0, 1, 2, 3, 4]


IDLE = {
    "case 70": (WEEKDAYS, "", 14, "Mon-Fri 09:00-17:00", (28, 98, {5, 6, 12, 13})),
    "case 70, three people": (WEEKDAYS, "", 3, "Mon-Fri 09:00-17:00", (6, 21, set())),
    "days of duty": (WEEKDAYS, "Mon-Fri", 14, "Mon-Fri 09:00-17:00", None),
    "too many days of duty": (WEEKDAYS, "Mon-Sat", 2, "Mon-Fri 09:00-17:00", (2, 12, set())),
    "always": (WEEKDAYS, "", 14, "", None),
    "nights": (replace(WEEKDAYS, unit="hours", every=12), "", 2, "09:00-21:00", (14, 28, {1})),
    "weeks": (replace(WEEKDAYS, unit="weeks"), "", 5, "Mon-Fri 09:00-17:00", None),
    "nobody": (WEEKDAYS, "", 0, "Mon-Fri 09:00-17:00", None),
}


@pytest.mark.parametrize(("period", "counted", "people", "open_", "found"), IDLE.values(), ids=IDLE)
def test_turns_that_go_by_with_nobody_on_duty_are_found(period, counted, people, open_, found):
    idle = idle_turns(replace(period, days=days(counted)), people, [parse(open_)])
    assert (idle and (idle.idle, idle.turns, idle.never)) == found
    assert idle_turns(replace(period, days=days(counted)), people, [parse(open_), ()]) is None, (
        "another layer is always on"
    )


# --- handovers and clocks --------------------------------------------------------------------------------------------

HANDOVERS = {
    "E4 02:30 is missing": (BERLIN, "2026-03-29", "02:30", "2026-03-29T01:00"),
    "E5 02:30 comes twice": (BERLIN, "2026-10-25", "02:30", "2026-10-25T00:30"),
    "E5 01:30 comes twice": (NEW_YORK, "2026-11-01", "01:30", "2026-11-01T05:30"),
    "E9 Lord Howe, half an hour missing": (ZoneInfo("Australia/Lord_Howe"), "2026-10-04", "02:10", "2026-10-03T15:30"),
    "E9 Troll, two hours missing": (ZoneInfo("Antarctica/Troll"), "2026-03-29", "02:00", "2026-03-29T01:00"),
    "E8 Apia, a day missing": (ZoneInfo("Pacific/Apia"), "2011-12-30", "12:00", "2011-12-30T10:00"),
}


@pytest.mark.parametrize(("zone", "day", "at", "expected"), HANDOVERS.values(), ids=HANDOVERS)
def test_a_hand_over_that_the_clock_leaves_out_or_repeats(zone, day, at, expected):
    assert instant(date.fromisoformat(day), time.fromisoformat(at), zone) == utc(expected)


def test_nobody_is_passed_over_when_a_zone_skips_a_day():
    """E8: Apia had no 30 December 2011."""
    daily = Plan(Period("days", 1, date(2011, 12, 28), time(0), ZoneInfo("Pacific/Apia")), [A, B, C, D])
    found = list(places([daily], utc("2011-12-28T10:00"), utc("2012-01-02T10:00")))
    assert [place.at(0) for place in found] == [A, B, C, D, A]
    assert {place.end - place.start for place in found} == {timedelta(days=1)}
    assert [place.at(0) for place in places([daily], utc("2012-01-01T12:00"), utc("2012-01-01T13:00"))] == [A]


def test_an_hour_that_the_clock_leaves_out_is_nobodys_turn():
    """E6"""
    hourly = Plan(Period("hours", 1, date(2026, 3, 29), time(0), BERLIN), [A, B, C])
    found = list(places([hourly], utc("2026-03-28T23:00"), utc("2026-03-29T04:00")))
    assert [place.at(0) for place in found] == [A, B, C, A, B]
    assert {place.end - place.start for place in found} == {timedelta(hours=1)}
    # Turn 1000 was 1000 turns after turn 0, however it is asked for.
    thousandth = boundary(hourly.period, 1000)
    assert turn_at(hourly.period, thousandth).number == 1000


def test_an_hour_that_comes_twice_is_one_turn():
    """E6"""
    hourly = Period("hours", 1, date(2026, 10, 25), time(0), BERLIN)
    lengths = [turn.end - turn.start for turn in turns(hourly, utc("2026-10-24T22:00"), utc("2026-10-25T04:00"))]
    assert lengths == [timedelta(hours=1)] * 2 + [timedelta(hours=2)] + [timedelta(hours=1)] * 2


def test_twelve_hours_hand_over_on_the_wall_clock():
    """E7"""
    halves = Period("hours", 12, date(2026, 3, 28), time(8), BERLIN)
    found = turns(halves, utc("2026-03-28T07:00"), utc("2026-03-30T06:00"))
    assert [turn.start.astimezone(BERLIN).hour for turn in found] == [8, 20, 8, 20]
    assert found[1].end - found[1].start == timedelta(hours=11)


@pytest.mark.parametrize(
    ("first", "starts"),
    [
        (date(2028, 1, 31), ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        (date(2026, 12, 30), ["2026-12-30", "2027-01-30", "2027-02-28", "2027-03-30"]),
    ],
)
def test_months_are_counted_from_the_first_day(first, starts):
    """E10, E11 (the last day of October is the 31st, although the clock changes in it)"""
    monthly = Period("months", 1, first, time(9), BERLIN)
    assert [str(boundary(monthly, n).astimezone(BERLIN).date()) for n in range(len(starts))] == starts
    tenth = Period("months", 3, date(2028, 1, 31), time(0), BERLIN)
    assert boundary(tenth, 3).astimezone(BERLIN) == datetime(2028, 10, 31, tzinfo=BERLIN)


SAMPLE = (
    *(
        "Pacific/Apia",
        "Australia/Lord_Howe",
        "Antarctica/Troll",
        "Antarctica/Casey",
        "Africa/Casablanca",
        "Asia/Tehran",
    ),
    *("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kwajalein", "Asia/Gaza", "America/Caracas"),
)


@pytest.mark.parametrize("zone", SAMPLE)
@pytest.mark.parametrize("kind", KINDS)
def test_no_gap_no_overlap_no_empty_turn(zone, kind):
    """E3, E6, E9; `make zones` does it for every zone."""
    years = range(2010, 2013) if zone == "Pacific/Apia" else range(2024, 2027)
    assert check(ZoneInfo(zone), kind, years) > 3


# --- edits ------------------------------------------------------------------------------------------------------------


def line(plans, start, end, position=0):
    return [(place.at(position)[0], place.start, place.end) for place in places(plans, utc(start), utc(end))]


def test_new_people_come_in_at_the_next_hand_over_and_nobody_loses_a_turn():
    before = [Plan(weekly(), [A, B, C])]
    after = changed(before, weekly(), [A, D, B, C], utc("2026-01-07T12:00"), at_once=False)
    found = [who for who, _, _ in line(after, "2026-01-05T09:00", "2026-02-16T09:00")]
    assert found == [1, 2, 3, 1, 4, 2]  # B was next, and is


def test_who_is_taken_out_stays_until_the_turn_ends():
    after = changed([Plan(weekly(), [A, B, C])], weekly(), [B, C], utc("2026-01-07T12:00"), at_once=False)
    assert [who for who, _, _ in line(after, "2026-01-05T09:00", "2026-02-02T09:00")] == [1, 2, 3, 2]


@pytest.mark.parametrize(
    ("zone", "second"), [("Asia/Kolkata", "2026-01-19T03:30"), ("America/New_York", "2026-01-19T14:00")]
)
def test_another_zone_holds_from_the_end_of_the_turn(zone, second):
    """E12: nobody is moved out of a running turn, and the next one's is not cut to hours."""
    before = [Plan(weekly(BERLIN), [A, B])]
    after = changed(before, weekly(ZoneInfo(zone)), [A, B], utc("2026-01-07T12:00"), at_once=False)
    found = line(after, "2026-01-05T08:00", "2026-01-20T00:00")
    assert found[0] == (1, utc("2026-01-05T08:00"), utc("2026-01-12T08:00"))
    assert found[1] == (2, utc("2026-01-12T08:00"), utc(second))
    assert found[2][0] == 1


def test_a_second_edit_before_the_first_holds_replaces_it():
    first = changed([Plan(weekly(), [A, B, C])], weekly(), [D, E], utc("2026-01-06T12:00"), at_once=False)
    second = changed(first, weekly(), [A, B, C], utc("2026-01-07T12:00"), at_once=False)
    assert [who for who, _, _ in line(second, "2026-01-05T09:00", "2026-02-02T09:00")] == [1, 2, 3, 1]
    assert len(second) == 2


def test_the_past_stays_as_it_was():
    once = changed([Plan(weekly(), [A, B])], weekly(), [C, D], utc("2026-01-14T12:00"), at_once=False)
    twice = changed(once, weekly(every=2), [C, D], utc("2026-01-21T12:00"), at_once=False)
    found = line(twice, "2026-01-05T09:00", "2026-03-02T09:00")
    assert [who for who, _, _ in found] == [1, 2, 3, 4, 3, 4]
    assert all(left[2] == right[1] for left, right in pairwise(found))


def test_at_once_holds_from_now_on_counted_from_the_first_day():
    after = changed([Plan(weekly(), [A, B])], weekly(), [C, D], utc("2026-01-14T12:00"), at_once=True)
    found = line(after, "2026-01-12T09:00", "2026-01-26T09:00")
    assert [who for who, _, _ in found] == [2, 4, 3]
    assert found[1][1] == utc("2026-01-14T12:00")


def test_a_first_day_ahead_is_waited_for():
    later = weekly(first=date(2026, 2, 2))
    after = changed([Plan(weekly(), [A, B])], later, [C, D], utc("2026-01-14T12:00"), at_once=False)
    assert [who for who, _, _ in line(after, "2026-01-12T09:00", "2026-02-16T09:00")] == [2, 1, 2, 3, 4]


def test_at_once_waits_for_a_first_day_ahead_too():
    """Before the first day nobody has a turn by the new plan; until then the old one goes on."""
    later = weekly(first=date(2026, 2, 2))
    after = changed([Plan(weekly(), [A, B])], later, [C, D], utc("2026-01-14T12:00"), at_once=True)
    assert [who for who, _, _ in line(after, "2026-01-12T09:00", "2026-02-16T09:00")] == [2, 1, 2, 3, 4]


@pytest.mark.parametrize("at_once", [True, False])
def test_time_in_which_a_rotation_had_nobody_stays_empty(at_once):
    emptied = changed([Plan(weekly(), [A, B])], weekly(), [], utc("2026-01-07T12:00"), at_once=True)
    assert not any(place.at(0) for place in places(emptied, utc("2026-01-07T12:00"), utc("2026-02-02T09:00")))
    after = changed(emptied, weekly(), [C, D], utc("2026-01-14T12:00"), at_once=at_once)
    assert [place.at(0) for place in places(after, utc("2026-01-05T09:00"), utc("2026-01-26T09:00"))] == [
        *(A, (), (), D, C)  # nobody until the edit; then the turns of the calendar
    ]


def test_a_rotation_that_had_nobody_begins_as_it_says():
    after = changed([Plan(weekly(), [])], weekly(), [A, B], utc("2026-01-14T12:00"), at_once=False)
    assert [who for who, _, _ in line(after, "2026-01-05T09:00", "2026-01-19T09:00")] == [1, 2]


def test_moments_that_look_equal_are_told_apart():
    """E17: 01:59 UTC is 02:59 the second time; a span that ends at 00:59 UTC (02:59 the first time) does not hold it."""
    first, second = (datetime(2026, 10, 25, 2, 59, tzinfo=BERLIN, fold=fold) for fold in (0, 1))
    assert first == second  # so Python says
    ana = [Plan(Period("hours", 12, date(2026, 10, 25), time(0), BERLIN), [A])]
    line = Line([LayerPlan("main", ana)], [Cover(2, utc("2026-10-25T00:00"), first.astimezone(UTC), "override")])
    assert [
        on.person for on in on_duty(line, first.astimezone(UTC) - timedelta(minutes=1), utc("2026-10-26T00:00"))[0]
    ] == [2]
    assert [on.person for on in on_duty(line, second.astimezone(UTC), utc("2026-10-26T00:00"))[0]] == [1]
