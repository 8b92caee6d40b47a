"""Steps: tokens, clocks, crashes. Every row of faults.md that ends in the engine is named."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from dispatching import audit, sweep
from dispatching.alerts import escalating, lifecycle, timeline
from dispatching.models import Alert, Delivery, Escalation, SweepRecord
from dispatching.rules import escalation as rules

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def kinds(alert: Alert) -> list[str]:
    return [line.kind for line in timeline.of(alert)]


def snapshot(*minutes: int, repeat: int = 0) -> dict:
    return {"repeat": repeat, "steps": [{"escalate_after": 60.0 * m, "targets": []} for m in minutes]}


@pytest.mark.parametrize(
    ("position", "step", "turn"), [(0, 1, 1), (1, 2, 1), (2, 1, 2), (5, 2, 3), (6, None, None), (60, None, None)]
)
def test_step_is_position_mod_steps_and_round_is_position_div_steps(position, step, turn):
    """A42"""
    found = rules.step_at(snapshot(5, 10, repeat=2), position)
    assert (found and (found.number, found.round)) == ((step, turn) if step else None)


def test_a_policy_without_steps_ends_at_once():
    """A23"""
    assert rules.step_at(snapshot(repeat=3), 0) is None


@pytest.mark.parametrize(
    ("late", "gone"),
    [
        (0, []),
        (2, []),  # slow is not away
        (4, []),  # only the first step is due
        (5, [0]),
        (14, [0]),
        (15, [0]),  # the last step is never left out: its people are told, late
        (600, [0]),
    ],
)
def test_which_steps_went_by_while_the_engine_was_away(late, gone, now=NEW_YEAR):
    """A17"""
    found = rules.missed(snapshot(5, 10), 0, now - late * MINUTE, now)
    assert [step.position for step in found] == gone


def test_an_engine_that_is_merely_slow_leaves_nothing_out(now=NEW_YEAR):
    """The law: every due step is dispatched. The next step is due as well, but the engine was not away."""
    assert rules.missed(snapshot(1, 1, 1), 0, now - 2 * MINUTE, now) == []


def test_a_chain_ends_after_its_last_round():
    steps = [rules.step_at(snapshot(5, 10, repeat=1), position) for position in range(6)]
    assert [step and step.span / MINUTE for step in steps] == [5, 10, 5, 10, None, None]


def test_a_step_runs_when_it_is_due_to_the_second_and_not_before(world):
    """A22"""
    service = world.service(world.policy((HOUR, world.person("ana")), (HOUR, world.person("bo"))))
    world.trigger(service)
    world.told()
    world.now += HOUR - SECOND
    world.sweep()
    assert world.told() == []
    world.now += SECOND
    world.sweep()
    assert world.told() == ["bo"]


def test_an_alarm_with_an_old_token_does_nothing(world):
    """B5, B10, A20: five alarms for the same step are one step."""
    alert = world.trigger(world.service(world.policy((HOUR, world.person("ana")), (HOUR, world.person("bo")))))
    run = alert.escalations.get()
    moment = escalating.Moment(world.now + HOUR)
    assert [escalating.run_step(run.pk, 1, moment=moment) for _ in range(5)] == [True, False, False, False, False]
    assert escalating.run_step(run.pk, 0, moment=moment) is False


def test_an_alarm_for_something_deleted_does_nothing(world):
    """A21, B12"""
    assert escalating.run_step(4711, 0, moment=escalating.Moment(world.now)) is False


def test_lost_alarms_cost_nothing_but_the_sweep(world):
    """A1, A5, A6, B11, W1, W2b, W9: no alarm ever rings in this suite, and every step and page is on time by the sweep."""
    world.trigger(world.service(world.policy((MINUTE, world.person("ana")), (MINUTE, world.person("bo")), repeat=2)))
    world.advance(minutes=6)
    assert world.told() == ["ana", "bo"] * 3


def test_after_three_hours_away_the_current_step_is_paged_once_and_the_missed_ones_are_on_the_timeline(world):
    """A17, N10"""
    people = [world.person(name) for name in ("ana", "bo", "cy")]
    alert = world.trigger(world.service(world.policy(*((HOUR, person) for person in people), repeat=5)))
    world.told()
    world.now += timedelta(hours=3, minutes=30)
    world.sweep()
    assert world.told() == ["ana"]  # steps 2 and 3 of round 1 went by; step 1 of round 2 is current
    assert kinds(alert).count("skipped") == 2


def test_one_alert_that_cannot_be_handled_is_parked_and_the_others_go_on(world, monkeypatch):
    """A15"""
    bad, good = (world.service(world.policy((HOUR, world.person(name)))) for name in ("ana", "bo"))
    page = escalating.paging.page

    def faulty(alert, *args, **kwargs):
        if alert.service == bad.service:
            raise ValueError("a bad schedule")
        return page(alert, *args, **kwargs)

    monkeypatch.setattr(escalating.paging, "page", faulty)
    parked = world.trigger(bad)
    world.trigger(good)
    assert world.told() == ["bo"]
    assert "failed" in kinds(parked)
    monkeypatch.undo()
    world.advance(seconds=10)
    assert world.told() == ["ana"]


def test_parking_backs_off(world, monkeypatch):
    """A15"""
    alert = world.trigger(world.service(world.policy((HOUR, world.person("ana")), (HOUR, world.person("bo")))))
    monkeypatch.setattr(escalating.paging, "page", None)
    world.advance(hours=2)
    assert kinds(alert).count("failed") < 20


def test_an_escalation_that_runs_has_a_due_time(world):
    """A10: what could never start cannot be written."""
    alert = world.trigger(world.service(world.policy((HOUR, world.person("ana")))))
    with pytest.raises(IntegrityError, match="escalation_due_while_running"), transaction.atomic():
        alert.escalations.update(due_at=None)


def test_an_alert_whose_escalation_was_lost_is_found_and_repaired(world):
    """A10: within 60 seconds, on the timeline, and counted as a bug."""
    alert = world.trigger(world.service(world.policy((HOUR, world.person("ana")))))
    world.told()
    Delivery.objects.all().delete()
    Escalation.objects.all().delete()
    assert audit.audit(world.now + 10 * SECOND) == 0
    world.now += MINUTE
    assert audit.audit(world.now) == 1
    world.sweep()
    assert world.told() == ["ana"]
    assert "repaired" in kinds(alert)
    assert SweepRecord.objects.get(name="audit").repaired == 1
    assert audit.audit(world.now) == 0


def test_the_audit_leaves_alone_what_is_in_hand(world):
    ana = world.person("ana")
    service = world.service(world.policy((HOUR, ana)))
    for key, verb in (("a", lifecycle.acknowledge), ("b", lifecycle.resolve)):
        verb(world.trigger(service, key=key), by=ana, now=world.now)
    world.trigger(service, key="c")
    assert audit.audit(world.now + 9 * HOUR) == 0


def test_the_first_alert_of_each_service_goes_before_the_second_of_any(world):
    """A24, S5: a storm in one place holds up no other."""
    storm, calm = (world.service(world.policy((HOUR, world.person(name)))) for name in ("ana", "bo"))
    for number in range(3 * sweep.PASS):
        world.send_later(storm, f"storm {number}")
    world.send_later(calm, "calm")
    sweep.run_steps(world.now)
    assert Alert.objects.get(dedup_key="calm").pages.exists()


def test_a_service_moved_to_another_policy_escalates_new_alerts_by_the_new_one(world):
    service = world.service(world.policy((HOUR, world.person("ana"))))
    service.service.policy = world.policy((HOUR, world.person("bo")))
    service.service.save()
    world.trigger(service)
    assert world.told() == ["bo"]
