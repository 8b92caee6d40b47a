"""Races with real threads and real transactions."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from dispatching import audit, sweep
from dispatching.alerts import escalating, intake, lifecycle
from dispatching.channels import memory
from dispatching.delivery import delivering
from dispatching.models import Alert, Delivery, Escalation, Page
from dispatching.rules.event import Event
from schedules.refused import Refused
from tests.races import behind, during, together
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def world(transactional_db) -> World:
    return World()


def test_escalating_fifty_times_at_once_is_escalating_once(world):
    """S22: it wrote fifty lines."""
    ana, bo, coach = (world.person(name) for name in ("ana", "bo", "coach"))
    alert = world.trigger(world.service(world.policy((HOUR, ana), (HOUR, bo), (HOUR, coach))))
    apart = timedelta(milliseconds=15)  # the requests came together, and each read the clock
    together(*(partial(lifecycle.escalate, alert, by=coach, now=world.now + n * apart) for n in range(12)))
    assert alert.events.filter(kind="escalated").count() == 1
    world.advance(seconds=1)
    assert world.told() == ["ana", "bo"]
    lifecycle.escalate(alert, by=coach, now=world.now)
    world.sweep()
    assert world.told() == ["coach"] and alert.events.filter(kind="escalated").count() == 2


def test_the_audit_starts_nothing_for_an_alert_that_is_acknowledged_while_it_looks(world):
    """A10: it looks again under the alert's lock; whoever has acknowledged would be paged for ever."""
    ana = world.person("ana")
    alert = world.trigger(world.service(world.policy((HOUR, ana))))
    world.told()
    Escalation.objects.all().delete()
    world.now += HOUR
    acknowledge = partial(lifecycle.acknowledge, alert, by=ana, now=world.now)
    assert during(acknowledge, partial(audit.audit, world.now)) == 0
    assert not alert.escalations.exists() and not alert.events.filter(kind="repaired").exists()
    world.sweep()
    assert world.told() == []


def event(key: str = "k", action: str = "trigger") -> Event:
    return Event(action=action, dedup_key=key, summary="log-on is down")


@pytest.mark.parametrize("turn", range(20))
def test_fifty_posts_of_a_new_key_are_one_alert(world, turn):
    """I1: one alert, fifty occurrences, one escalation; twenty times."""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    answers = together(*[lambda: intake.accept(service, [event()], now=world.now)] * 50)
    assert Counter(a[0].outcome for a in answers) == {"triggered": 1, "repeated": 49}
    alert = Alert.objects.get()
    assert (alert.occurrences, alert.escalations.count(), alert.events.count()) == (50, 1, 50)
    world.sweep()
    assert world.told() == ["ana"]


def test_batches_with_the_same_keys_in_opposite_order_do_not_deadlock(world):
    """D2: the statement locks in the order of the keys."""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    there = [event(f"k{n}") for n in range(50)]
    calls = [lambda b=batch: intake.accept(service, b, now=world.now) for batch in (there, there[::-1]) * 8]
    together(*calls)
    assert set(Alert.objects.values_list("occurrences", flat=True)) == {16}
    # Ends lock many alerts, too (field F1); the starts between them, some of them old news, write on the same alerts.
    ends = [replace(event(f"k{n}", "resolve"), occurred_at=world.now) for n in range(50)]
    old = [replace(again, occurred_at=world.now - HOUR) for again in there]
    orders = [there, ends[::-1], there[::-1], ends, [replace(end, action="acknowledge") for end in ends], old]
    together(*[lambda b=batch: intake.accept(service, b, now=world.now) for batch in orders * 4])
    still_open = Alert.objects.going_on()
    assert Escalation.objects.running().count() == still_open.filter(state="triggered").count()
    assert still_open.values("dedup_key").distinct().count() == still_open.count()


def test_ten_posts_of_something_worse_are_one_rise(world):
    """Case 24: beside acknowledgements, whoever comes first, one run goes on or none, and it is told."""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    alert = world.trigger(service, severity="warning")
    worse = Event(action="trigger", dedup_key="k", summary="log-on is down", severity="critical")
    rises = [lambda: intake.accept(service, [worse], now=world.now)] * 10
    answers = together(*rises, *[lambda: lifecycle.acknowledge(alert, now=world.now)] * 3)
    assert Counter(answer[0].outcome for answer in answers[:10]) == {"worsened": 1, "repeated": 9}
    alert.refresh_from_db()
    assert (alert.state, alert.occurrences) in [("triggered", 11), ("acknowledged", 11)]
    assert alert.escalations.filter(state="running").count() == (alert.state == "triggered")
    world.sweep()
    assert world.told() == ["ana"] * (1 + (alert.state == "triggered"))


def test_the_same_key_at_two_integrations_is_two_alerts(world):
    """I5"""
    policy = world.policy((HOUR, world.person("ana")))
    services = [world.service(policy), world.service(policy)]
    together(*(lambda s=s: intake.accept(s, [event()], now=world.now) for s in services))
    assert Alert.objects.count() == 2


@pytest.mark.parametrize("turn", range(5))
def test_resolve_and_refire_at_the_same_time_leave_one_truth(world, turn):
    """I2, A20: whatever the order, at most one open alert, and an open one has a running escalation."""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    for _ in range(10):
        together(
            lambda: intake.accept(service, [event()], now=world.now),
            lambda: intake.accept(service, [event(action="resolve")], now=world.now),
            lambda: intake.accept(service, [event()], now=world.now),
        )
        is_open = Alert.objects.exclude(state="resolved").count()
        assert is_open in (0, 1)
        assert Escalation.objects.running().count() == is_open


@pytest.mark.parametrize("acknowledged", [False, True])
def test_undone_resolves_beside_the_same_thing_coming_again_leave_one_truth(world, acknowledged):
    """I2, P3: at most one is open, the old alert or a new one; who comes too late is refused, and nothing else."""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    again = partial(intake.accept, service, [event()], now=world.now)
    for _ in range(10):
        alert = world.trigger(service)
        if acknowledged:
            lifecycle.acknowledge(alert, now=world.now)
        lifecycle.resolve(alert, now=world.now)
        read = [Alert.objects.get(pk=alert.pk) for _ in range(5)]
        answers = together(
            *(partial(lifecycle.reopen, each, now=world.now) for each in read[:4]),
            again,
            partial(lifecycle.resolve, read[4], now=world.now),
            again,
        )
        still_open = list(Alert.objects.exclude(state="resolved"))
        assert len(still_open) <= 1
        assert Escalation.objects.running().count() == sum(each.state == "triggered" for each in still_open)
        undone = sum(isinstance(answer, Alert) for answer in answers[:4])
        assert undone <= 1 + isinstance(answers[5], Alert), "no resolve is undone twice"
        assert alert.events.filter(kind="reopened").count() == undone
        for each in still_open:
            lifecycle.resolve(each, now=world.now)


@pytest.mark.parametrize(
    ("before", "verbs", "ends"),
    [
        ([], ["acknowledge", "acknowledge"], {("acknowledged", 1)}),
        ([], ["resolve", "resolve"], {("resolved", 1)}),
        (["resolve"], ["reopen", "reopen"], {("triggered", 1)}),
        (["acknowledge", "resolve"], ["reopen", "reopen"], {("acknowledged", 1)}),
        ([], ["acknowledge", "resolve"], {("resolved", 1), ("resolved", 2)}),
        (["resolve"], ["resolve", "reopen"], {("triggered", 1), ("resolved", 2)}),
    ],
)
def test_a_verb_decides_by_what_it_reads_under_the_lock(world, before, verbs, ends):
    """I2, A19, P3: two that wait for the same lock. An end is the state, and how many of the two were not refused."""
    alert = world.trigger(world.service(world.policy((HOUR, world.person("ana")))))
    for verb in before:
        getattr(lifecycle, verb)(alert, now=world.now)
    calls = [partial(getattr(lifecycle, verb), Alert.objects.get(), now=world.now) for verb in verbs]
    done = sum(isinstance(answer, Alert) for answer in behind(alert, *calls))
    alert.refresh_from_db()
    assert (alert.state, done) in ends
    kinds = ("acknowledged", "resolved", "reopened")
    assert alert.events.filter(kind__in=kinds).count() == len(before) + done
    assert Escalation.objects.running().count() == (alert.state == "triggered")


def test_a_refire_after_a_resolve_ends_firing(world):
    """I2"""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    for action in ("trigger", "resolve", "trigger"):
        intake.accept(service, [event(action=action)], now=world.now)
    assert sorted(Alert.objects.values_list("state", flat=True)) == ["resolved", "triggered"]


@pytest.mark.parametrize("turn", range(10))
def test_a_step_run_by_many_at_once_runs_once(world, turn):
    """B5, T2: alarms, tickers and two beats all at once."""
    team = world.team("T", *(world.person(f"p{n}") for n in range(5)))
    service = world.service(world.policy((HOUR, team), (HOUR, team)))
    intake.accept(service, [event()], now=world.now)
    together(*[lambda: sweep.run_steps(world.now)] * 8)
    assert Escalation.objects.get().position == 1
    assert Page.objects.count() == Delivery.objects.count() == 5


@pytest.mark.parametrize("turn", range(10))
def test_an_acknowledgement_and_a_due_step_at_the_same_instant(world, turn):
    """A19, W8: one order wins; after the acknowledgement nothing is on its way and nothing starts."""
    service = world.service(world.policy((HOUR, world.person("ana")), (HOUR, world.person("bo"))))
    alert = world.trigger(service)
    world.told()
    world.now += HOUR
    run = Escalation.objects.get()
    moment = escalating.Moment(world.now)
    together(
        lambda: escalating.run_step(run.pk, 1, moment=moment),
        lambda: lifecycle.acknowledge(alert, now=world.now),
        lambda: sweep.deliver_next("page", world.now),
    )
    told = world.told()
    world.advance(hours=5)
    assert world.told() == []
    assert set(told) <= {"bo"}
    assert not Delivery.objects.live().exists()
    assert not Escalation.objects.running().exists()


def test_of_many_acknowledgements_one_wins_and_the_others_hear_who_has_it(world):
    """A19"""
    ana = world.person("ana")
    alert = world.trigger(world.service(world.policy((HOUR, ana))))
    # Each has read the alert before any of them acts, as eight requests would.
    read = [Alert.objects.get(pk=alert.pk) for _ in range(8)]
    answers = together(*(lambda a=each: lifecycle.acknowledge(a, by=ana, now=world.now) for each in read))
    assert sum(isinstance(answer, Refused) for answer in answers) == 7
    assert alert.events.filter(kind="acknowledged").count() == 1


def test_a_hundred_deliveries_and_eight_senders_are_a_hundred_messages(world):
    """B5: SKIP LOCKED hands every row to exactly one sender."""
    team = world.team("T", *(world.person(f"p{n}") for n in range(100)))
    intake.accept(world.service(world.policy((HOUR, team))), [event()], now=world.now)
    sweep.run_steps(world.now)

    def drain():
        while sweep.deliver_next("page", world.now):
            pass

    together(*[drain] * 8)
    assert len(memory.outbox) == len({e.address for e in memory.outbox}) == 100
    assert set(Delivery.objects.values_list("state", "attempt")) == {("sent", 1)}


def test_withdrawing_pages_while_senders_claim_them_lets_none_slip_through(world):
    """A18: every page was either handed over before the acknowledgement committed or never is."""
    team = world.team("T", *(world.person(f"p{n}") for n in range(60)))
    service = world.service(world.policy((HOUR, team)))
    intake.accept(service, [event()], now=world.now)
    sweep.run_steps(world.now)
    alert = Alert.objects.get()
    after = []

    def drain():
        while claim := delivering.claim_next("page", now=world.now):
            delivering.deliver(claim, now=world.now)

    def acknowledge():
        lifecycle.acknowledge(alert, now=world.now)
        after.append(len(memory.outbox))

    together(drain, drain, acknowledge, drain)
    # The three senders may each have been in a call when the acknowledgement committed, no more.
    assert len(memory.outbox) - after[0] <= 3
    assert not Delivery.objects.live().exists()
    assert Delivery.objects.filter(state="sent").count() == len(memory.outbox)
