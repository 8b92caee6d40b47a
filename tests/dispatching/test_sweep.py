"""A15: a part of the work that fails keeps no other from being done, and is not passed over in silence."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from dispatching import sweep, ticker
from dispatching.models import SweepRecord
from schedules.apart import apart
from stakeholders import sweep as stakeholders
from stakeholders.models import SignUp


def fail(*_):
    raise LookupError("this part is broken")


def test_all_parts_are_done_and_all_that_they_raised_is_raised_together():
    did: list[str] = []
    with pytest.raises(ExceptionGroup) as raised, apart("outer") as do:

        def inner():
            with apart("inner") as do_inner:
                do_inner(fail)
                do_inner(did.append, "inner")
            return 1

        counts = do(inner), do(len, "ab"), do(fail)
    assert did == ["inner"] and counts == (0, 2, 0)
    assert [type(error) for error in raised.value.exceptions] == [LookupError, LookupError]


def test_a_sweep_pages_although_another_part_of_it_fails(world, ana, monkeypatch):
    world.send_later(world.service(world.policy((timedelta(hours=1), ana))), "k")
    monkeypatch.setattr(sweep.refusals, "tell_owners", fail)
    with pytest.raises(ExceptionGroup):
        sweep.sweep(lambda: world.now)
    assert world.told() == ["ana"]
    assert not SweepRecord.objects.exists(), "health must not take it for a complete sweep"


def test_the_stakeholders_sweep_answers_forms_although_another_part_of_it_fails(db, monkeypatch):
    now = timezone.now()
    SignUp.objects.create(kind=SignUp.Kind.LINK, channel="email", address="a@example.org", asked_at=now, due_at=now)
    monkeypatch.setattr(stakeholders, "PARTS", (fail,))
    with pytest.raises(ExceptionGroup) as raised:
        stakeholders.sweep(timezone.now)
    assert len(raised.value.exceptions) == 1
    assert not SignUp.objects.exists(), "it is answered"
    assert not SweepRecord.objects.exists()


def test_the_ticker_audits_and_tidies_although_the_sweep_of_an_app_fails(db, settings, monkeypatch):
    settings.SWEEP_SECONDS = 0.001
    audited: list[datetime] = []
    tidied: list[datetime] = []

    def audit(now):
        audited.append(now)
        ticker.stopping.set()

    monkeypatch.setattr(ticker, "_sweeps", [fail])
    monkeypatch.setattr(ticker, "_tidying", [tidied.append])
    monkeypatch.setattr(ticker, "close_old_connections", lambda: None)  # the test's transaction lives in this one
    monkeypatch.setattr(ticker.audit, "audit", audit)
    ticker.stopping.clear()
    try:
        ticker.run(timezone.now)
    finally:
        ticker.stopping.clear()
    assert len(audited) == len(tidied) == 1, "once in fifteen turns"


def test_a_report_that_failed_is_tried_again_in_the_next_turn(db, settings, monkeypatch):
    """Health compares the workers by it."""
    settings.SWEEP_SECONDS = 0.001
    tried: list[datetime] = []

    def report(now):
        tried.append(now)
        if len(tried) == 1:
            fail()

    def turn(clock):
        turns.append(clock())
        if len(turns) == 4:
            ticker.stopping.set()
        return 0

    turns: list[datetime] = []
    monkeypatch.setattr(ticker, "_sweeps", [turn])
    monkeypatch.setattr(ticker, "close_old_connections", lambda: None)
    monkeypatch.setattr(ticker.agreement, "report", report)
    ticker.stopping.clear()
    try:
        ticker.run(timezone.now)
    finally:
        ticker.stopping.clear()
    assert len(tried) == 2, "once more, and then not before half a minute"
