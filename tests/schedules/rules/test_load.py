"""How much duty each person has: elapsed hours, nights and weekends on a wall clock (A12, A14)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.rules.coverage import EMPTY, On, Shift
from schedules.rules.load import Load, loads

GMT, BERLIN, KOLKATA = ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
ANA, BO = 1, 2


def shift(person: int, start: str, end: str, zone: ZoneInfo = GMT, why: str = "main") -> Shift:
    bounds = (datetime.fromisoformat(f"2026-{text}").replace(tzinfo=zone).astimezone(UTC) for text in (start, end))
    return Shift(On(person, why), *bounds)


def hours(load: Load) -> tuple[float, ...]:
    return tuple(each / timedelta(hours=1) for each in (load.total, load.nights, load.weekends))


# 5 January is a Monday. Hours in all, of nights, of weekends.
SPANS = {
    "a week": ("01-05T09:00", "01-12T09:00", GMT, (168, 56, 48)),
    "a working day": ("01-05T09:00", "01-05T17:00", GMT, (8, 0, 0)),
    "a night, and an hour on each side": ("01-05T21:00", "01-06T07:00", GMT, (10, 8, 0)),
    "from within a night to within the next": ("01-06T05:30", "01-06T22:15", GMT, (16.75, 0.75, 0)),
    "Friday night into the weekend": ("01-09T20:00", "01-10T08:00", GMT, (12, 8, 8)),
    "Sunday night out of it": ("01-11T20:00", "01-12T08:00", GMT, (12, 8, 4)),
    "a minute before midnight on Sunday": ("01-11T23:59", "01-12T00:01", GMT, (2 / 60, 2 / 60, 1 / 60)),
    "E16: the weekend in which an hour is missing": ("03-28T00:00", "03-30T00:00", BERLIN, (47, 15, 47)),
    "E16: the weekend in which an hour comes twice": ("10-24T00:00", "10-26T00:00", BERLIN, (49, 17, 49)),
    "E16: its night alone, from 22 to 6": ("10-24T22:00", "10-25T06:00", BERLIN, (9, 9, 9)),
    "E16: from one two-o'clock to the other": ("10-25T01:00", "10-25T03:00", BERLIN, (3, 3, 3)),
}


@pytest.mark.parametrize(("start", "end", "zone", "expected"), SPANS.values(), ids=SPANS)
def test_hours_of_a_shift(start, end, zone, expected):
    found = loads([shift(ANA, start, end, zone)], zone)[ANA]
    assert hours(found) == pytest.approx(expected)
    assert (found.shifts, found.longest) == (1, found.total)


def test_nights_are_those_of_the_clock_that_is_asked_for():
    one = [shift(ANA, "01-05T22:00", "01-06T06:00")]
    assert hours(loads(one, GMT)[ANA])[1] == 8
    assert hours(loads(one, KOLKATA)[ANA])[1] == 2.5  # 3:30 to 11:30 there


def test_what_follows_without_a_break_is_one_shift():
    """A14: an override by whoever is on duty anyway is no break; one by somebody else is."""
    one = [
        shift(ANA, "01-05T09:00", "01-06T09:00"),
        shift(ANA, "01-06T09:00", "01-06T12:00", why="override"),
        shift(BO, "01-06T12:00", "01-06T13:00"),
        shift(ANA, "01-06T13:00", "01-06T14:00"),
    ]
    found = loads(one, GMT)
    assert (found[ANA].shifts, found[ANA].longest) == (2, timedelta(hours=27))
    assert hours(found[ANA])[0] == 28
    assert (found[BO].shifts, hours(found[BO])[0]) == (1, 1)


def test_an_hour_on_duty_twice_is_one_hour():
    both = [shift(ANA, "01-05T09:00", "01-05T17:00"), shift(ANA, "01-05T12:00", "01-05T18:00", why="backup")]
    assert hours(loads(both, GMT)[ANA])[0] == 9


def test_many_nights_over_many_shifts():
    """Every other day from 20:00 to 8:00, for four weeks."""
    first = shift(ANA, "01-05T20:00", "01-06T08:00")
    days = [timedelta(days=2 * n) for n in range(14)]
    found = loads([Shift(first.on, first.start + day, first.end + day) for day in days], GMT)[ANA]
    assert (found.shifts, found.longest) == (14, timedelta(hours=12))
    # Of the seven days of the week each begins two of them; Friday's reach 8 hours into the weekend, Sunday's 4.
    assert hours(found) == (168, 112, 2 * (8 + 12 + 4))


def test_gaps_are_nobodys_load():
    gap = shift(ANA, "01-05T09:00", "01-06T09:00")
    assert loads([Shift(EMPTY, gap.start, gap.end)], GMT) == {}
