"""Shifts as bars on a calendar: every day is as wide as any other, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.rules.coverage import On, Shift
from schedules.rules.drawing import Week, monday, span, weeks_of

BERLIN = ZoneInfo("Europe/Berlin")
DAY = 100 / 7


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_drawing_starts_on_monday_on_the_clock_of_the_schedule():
    late_on_sunday_in_utc = at("2026-01-11T23:30")
    assert monday(late_on_sunday_in_utc, BERLIN) == date(2026, 1, 12)
    assert monday(late_on_sunday_in_utc, ZoneInfo("UTC")) == date(2026, 1, 5)


def test_a_shift_across_midnight_on_sunday_is_drawn_in_both_weeks():
    shift = Shift(On(1, "main"), at("2026-01-11T12:00"), at("2026-01-12T12:00"))
    first, second = weeks_of([shift], at("2026-01-05T00:00"), ZoneInfo("UTC"), 2)
    assert [(bar.left, bar.width) for bar in first.bars] == [pytest.approx((6.5 * DAY, 0.5 * DAY), abs=0.01)]
    assert [(bar.left, bar.width) for bar in second.bars] == [pytest.approx((0, 0.5 * DAY), abs=0.01)]


def test_now_is_marked_in_its_own_week_only():
    weeks: list[Week[Shift]] = weeks_of([], at("2026-01-07T12:00"), ZoneInfo("UTC"), 4)
    assert weeks[0].now == pytest.approx(2.5 * DAY, abs=0.01)
    assert [week.now for week in weeks[1:]] == [None, None, None]


@pytest.mark.parametrize(("now", "hours"), [("2026-03-25T12:00", 167), ("2026-10-21T12:00", 169)])
def test_a_week_with_a_clock_change_is_drawn_as_seven_equal_days(now, hours):
    start, end = span(at(now), BERLIN, 1)
    assert end - start == timedelta(hours=hours)
    noon = datetime.combine(monday(at(now), BERLIN) + timedelta(days=6), datetime.min.time(), BERLIN).replace(hour=12)
    halves = [Shift(On(1, "main"), start, noon.astimezone(UTC)), Shift(On(2, "main"), noon.astimezone(UTC), end)]
    [week] = weeks_of(halves, at(now), BERLIN, 1)
    assert [bar.left for bar in week.bars] == pytest.approx([0, 6.5 * DAY], abs=0.01)
    assert sum(bar.width for bar in week.bars) == pytest.approx(100, abs=0.01)
