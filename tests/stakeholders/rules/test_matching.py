"""Which alerts a definition matches, and when, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from stakeholders.rules.matching import Reports, Rule, first_match

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes):
    return NOW + minutes * MINUTE


def rule(**more) -> Rule:
    return Rule(**{"slo": "", "least": None, "repeats": 1, "within": 60 * MINUTE, **more})


@pytest.mark.parametrize(
    ("slo", "least", "alert", "fits"),
    [
        ("", None, ("", None), True),
        ("", None, ("availability", None), True),
        ("Availability", None, ("availability", 3), True),
        ("Availability", None, ("latency", 3), False),
        ("Availability", None, ("", 3), False),
        ("", 2, ("", 2), True),
        ("", 2, ("", 1), True),
        ("", 2, ("", 3), False),
        ("", 2, ("", None), False),
    ],
)
def test_what_fits(slo, least, alert, fits):
    """B100, B101, B138"""
    assert rule(slo=slo, least=least).fits(*alert) is fits


@pytest.mark.parametrize(
    ("reports", "minute", "often"),
    [
        ([], 0, False),
        ([(0, 1), (10, 1), (20, 1)], 20, True),
        ([(0, 1), (10, 1), (20, 1)], 19, False),
        ([(0, 1), (10, 1), (60, 1)], 60, False),  # the first is an hour old by then
        ([(0, 1), (10, 1), (59, 1)], 59, True),
        ([(0, 3)], 0, True),
        ([(0, 3)], 59, True),
        ([(0, 3)], 60, False),
    ],
)
def test_how_often(reports, minute, often):
    """B144"""
    found = Reports(rule(repeats=3), [(at(when), count) for when, count in reports])
    assert found.often(at(minute)) is often


def test_once_is_always_often_enough():
    assert Reports(rule()).often(NOW)


@pytest.mark.parametrize(
    ("since", "until", "matched"),
    [(0, None, 20), (15, None, 20), (20, 21, 20), (0, 20, None), (0, 10, None), (21, None, 70), (71, None, None)],
)
def test_an_open_alert_matches_when_there_have_been_enough(since, until, matched):
    """B144"""
    asked = rule(repeats=3)
    moments = Reports(asked, [(at(when), 1) for when in (0, 10, 20, 70)] + [(at(70), 2)]).moments()
    found = first_match(asked, moments, at(since), at(until) if until else None)
    assert found == (at(matched) if matched else None)


def test_where_one_is_enough_it_matches_when_it_begins():
    assert first_match(rule(), [], NOW, NOW) == NOW
