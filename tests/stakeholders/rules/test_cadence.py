"""When the next message is due, as tables."""

from datetime import UTC, datetime, timedelta

import pytest

from stakeholders.rules import cadence

NOW = datetime(2020, 12, 1, 15, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "less than a minute"), (51, "51 minutes"), (60, "1 hour"), (90, "1 hour 30 minutes"), (1500, "1 day 1 hour")],
)
def test_spans_in_words(minutes, words):
    """B92"""
    assert cadence.span(minutes * MINUTE) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(238, "4 hours"), (240, "4 hours"), (61, "1 hour 15 minutes"), (58, "1 hour"), (3, "5 minutes")],
)
def test_a_promise_is_an_upper_bound_in_round_words(minutes, words):
    """B89"""
    assert cadence.span(cadence.at_most(minutes * MINUTE)) == words


@pytest.mark.parametrize(
    ("earlier", "interval", "kept"),
    [(4, 2, 2), (2, 4, 2), (None, 4, 4), (3, None, 3), (None, None, None)],
)
def test_a_promise_is_kept_when_the_priority_changes(earlier, interval, kept):
    """B141"""
    at = lambda hours: NOW + hours * HOUR if hours else None  # noqa: E731
    assert cadence.kept(at(earlier), interval and interval * HOUR, now=NOW) == at(kept)


@pytest.mark.parametrize(("before", "next_look"), [(60, 45), (15, 15), (5, 5), (0, 15), (-3, 15)])
def test_reminders_before_at_and_after_the_promise(before, next_look):
    """B170: minutes before the promise; minutes until somebody looks again."""
    assert cadence.next_look(NOW + before * MINUTE, now=NOW) == NOW + next_look * MINUTE
