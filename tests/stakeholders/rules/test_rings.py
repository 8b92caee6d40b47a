"""When a ring is told, and its rule in words, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from stakeholders.rules.rings import Rule, Situation, Told, holds_from, times

NOW = datetime(2020, 12, 1, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY, NEVER = Rule(elapsed=HOUR), Rule()


def situation(*, recovery: float | None = None, priority: int | None = 2, severity: str = "") -> Situation:
    """An outage that was announced at NOW, with its recovery expected so many hours later."""
    return Situation(NOW, NOW + recovery * HOUR if recovery is not None else None, priority, severity)


@pytest.mark.parametrize(
    ("rule", "outage", "hours"),
    [
        (Rule(), {}, None),
        (Rule("all"), {}, None),
        (Rule(elapsed=HOUR), {}, 1),
        (Rule(projected=4 * HOUR), {"recovery": 5}, 0),
        (Rule(projected=4 * HOUR), {"recovery": 4}, None),
        (Rule(projected=4 * HOUR), {}, None),
        (Rule(priority=2), {"priority": 2}, 0),
        (Rule(priority=2), {"priority": 1}, 0),
        (Rule(priority=2), {"priority": 3}, None),
        (Rule(priority=2), {"priority": None}, None),
        (Rule(severity="error"), {"severity": "critical"}, 0),
        (Rule(severity="error"), {"severity": "error"}, 0),
        (Rule(severity="error"), {"severity": "warning"}, None),
        (Rule(severity="error"), {"severity": ""}, None),
        (Rule("any", HOUR, 4 * HOUR), {"recovery": 5}, 0),
        (Rule("any", HOUR, 4 * HOUR), {"recovery": 1}, 1),
        (Rule("all", HOUR, 4 * HOUR), {"recovery": 5}, 1),
        (Rule("all", HOUR, 4 * HOUR), {"recovery": 1}, None),
        (Rule("all", HOUR, None, 1), {"priority": 2}, None),
        (Rule("any", None, None, 1, "error"), {"severity": "error"}, 0),
    ],
)
def test_when_a_rule_holds(rule, outage, hours):
    """B52 to B55"""
    assert holds_from(rule, situation(**outage)) == (NOW + hours * HOUR if hours is not None else None)


@pytest.mark.parametrize(
    ("rings", "hours"),
    [
        ([Told(NEVER)], [0]),
        ([Told(NEVER), Told(HOURLY)], [0, 1]),
        ([Told(NEVER), Told(Rule(elapsed=2 * HOUR)), Told(HOURLY)], [0, 2, 2]),
        ([Told(NEVER), Told(NEVER), Told(Rule(priority=2))], [0, None, None]),
        ([Told(NEVER, NOW + HOUR), Told(Rule(priority=2))], [1, 1]),
        ([Told(NEVER, NOW), Told(NEVER), Told(NEVER, NOW), Told(HOURLY)], [0, 0, 0, 1]),
    ],
    ids=[
        "the innermost",
        "after an hour",
        "not before the one inside",
        "none beyond one that is not",
        "late",
        "inside",
    ],
)
def test_no_ring_is_told_before_the_one_inside_it(rings, hours):
    """B49, B50, B51"""
    assert times(rings, situation()) == [NOW + hour * HOUR if hour is not None else None for hour in hours]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Rule(), "not told, because it has no rule"),
        (
            Rule("any", HOUR, 4 * HOUR),
            "told if not over after 1 hour, or if recovery is expected to take more than 4 hours",
        ),
        (Rule("all", HOUR, None, 2), "told if not over after 1 hour, and if the priority is 1 to 2"),
        (Rule(priority=1), "told if the priority is 1"),
        (Rule(severity="critical"), "told if the severity is critical"),
        (Rule(severity="error"), "told if the severity is error or worse"),
        (Rule(elapsed=timedelta(seconds=20)), "told if not over after 20 seconds"),
    ],
)
def test_a_rule_is_one_plain_sentence(rule, sentence):
    """B55"""
    assert rule.sentence == sentence
    assert Rule.thawed(rule.frozen()) == rule
