"""A15: a row that cannot be handled is parked with back-off and shown; the others are handled in the same sweep."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from dispatching import audit, parking, sweep
from dispatching.inbound import refusals
from dispatching.models import Escalation, Notice, Parked, Refusal, SweepRecord
from dispatching.notices import calendar_watch, swap_watch
from schedules import clock
from schedules.models import CalendarFeed, SwapRequest
from tests.failing import failing_for

HOUR = timedelta(hours=1)


def services(world):
    return [world.service(world.policy((HOUR, world.person(name))), name=name) for name in ("ana", "bo")]


def swap(world) -> dict[str, Any]:
    cy, dan = world.person("cy"), world.person("dan")
    [main] = world.weekly(cy, dan, positions=1)
    return {"schedule": main, "asked_by": cy, "asked": dan, "created_at": world.now}


def test_a_parked_row_is_tried_again_with_back_off_keeps_health_red_and_is_forgotten(db):
    now, calls = clock.now(), []

    def work(at):
        calls.append(at)
        raise LookupError("broken")

    with capture_logs() as logs:
        for second in range(0, 1200, 10):
            at = now + timedelta(seconds=second)
            rows = parking.Rows("thing", at)
            if rows.due(1, 2):
                assert rows.handle((1, 2), work, at) == 0
                assert not rows.due(1, 2) and parking.Rows("other", at).due(1, 2)
    assert [(at - now).seconds for at in calls] == [0, 10, 30, 70, 150, 310, 610, 910]
    assert {(line["event"], line["row"], line["log_level"]) for line in logs} == {("row_parked", "thing/1/2", "error")}
    assert not parking.failing(now + timedelta(seconds=59)) and parking.failing(now + timedelta(seconds=1200)) == 1
    assert audit.overdue(now + timedelta(seconds=1200))["parked rows"] == 1
    assert not parking.failing(now + 2 * HOUR), "it has not been tried since, so nobody needs it any more"
    assert parking.Rows("thing", now + HOUR).handle((1, 2), lambda: 3) == 3 and not Parked.objects.exists()
    rows = parking.Rows("thing", now)
    rows.handle(7, work, now)
    assert list(rows.waiting) == [7] and not parking.Rows("other", now).waiting
    assert not parking.Rows("thing", now + timedelta(seconds=10)).waiting
    assert parking.forget(now + 12 * HOUR) == 0 and parking.forget(now + 48 * HOUR) == 1


def test_one_refusal_that_cannot_be_told_holds_up_no_other(world, monkeypatch):
    bad, good = services(world)
    for integration in (bad, good):
        refusals.record(integration, [refusals.BadInput(["no key"])], b"{}", key="x", now=world.now)
    world.now += refusals.PATIENCE
    monkeypatch.setattr(refusals, "_event", failing_for(refusals._event, Refusal.objects.get(integration=bad)))
    world.sweep()
    assert world.told() == ["bo"] and Parked.objects.get().key.startswith("refusal/")
    monkeypatch.undo()
    world.now += timedelta(seconds=10)
    world.sweep()
    assert world.told() == ["ana"]


def test_the_audit_repairs_and_tells_all_that_it_can(world, monkeypatch):
    """One alert, one calendar and one swap that raise; one part that raises."""
    now = world.now
    first, second = (world.trigger(service, "k") for service in services(world))
    Escalation.objects.all().delete()
    feeds = [CalendarFeed.objects.create(name=name, url=f"https://{name}.example", failing_since=now) for name in "ab"]
    asked = swap(world)
    swaps = [SwapRequest.objects.create(start=now, end=now + n * HOUR, **asked) for n in (1, 2)]
    world.person("root", is_superuser=True)
    world.now = now = now + HOUR / 2
    for module, name, row in (
        (audit, "_start", first.pk),
        (calendar_watch, "_tell", feeds[0]),
        (swap_watch, "_tell", swaps[0]),
    ):
        monkeypatch.setattr(module, name, failing_for(getattr(module, name), row))
    assert audit.audit(now) == 1
    assert [alert.escalations.count() for alert in (first, second)] == [0, 1]
    assert Notice.objects.filter(kind="feed").count() == Notice.objects.filter(kind="swap").count() == 1
    assert sorted(key.partition("/")[0] for key in Parked.objects.values_list("pk", flat=True)) == [
        *("audit", "calendar", "swap")
    ]


def test_swaps_are_told_although_another_part_of_the_audit_fails(world, monkeypatch):
    """The audit is not recorded then, so that health does not take it for a complete one."""
    now = world.now
    asked = swap(world)
    SwapRequest.objects.create(start=now, end=now + HOUR, **asked)
    monkeypatch.setattr(audit.calendar_watch, "tell_feed_owners", failing_for(calendar_watch.tell_feed_owners, now))
    with pytest.raises(ExceptionGroup):
        audit.audit(now)
    assert Notice.objects.filter(kind="swap").exists() and not SweepRecord.objects.exists()
    sweep.sweep(lambda: now)
    assert world.told() == ["dan"]
