"""An open alert tells the present, what gets worse is told again, and what fires is never dropped (cases 22 and 24, bA9)."""

from datetime import timedelta
from typing import Any

import pytest

from dispatching.alerts import intake, lifecycle, timeline
from dispatching.channels import memory
from dispatching.inbound import alertmanager, pagerduty
from dispatching.models import Alert, AlertEvent, Delivery, Escalation, Priority
from dispatching.rules.event import Event

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SMALL: dict[str, Any] = {"summary": "disk 81% on db1", "severity": "warning", "priority": 4, "details": {"used": 81}}
BIG: dict[str, Any] = {
    "summary": "disk 100% on db1, database stopped",
    "severity": "critical",
    "priority": 1,
    "details": {"used": 100},
}


@pytest.fixture
def disks(world):
    """Ana for 60 minutes, then Bo for 120, then both; twice. There are priorities 1 and 4."""
    for level in (1, 4):
        Priority.objects.create(level=level, name=f"P{level}")
    ana, bo = (world.person(name) for name in ("ana", "bo"))
    return world.service(world.policy((HOUR, ana), (2 * HOUR, bo), (HOUR, ana, bo), repeat=1))


def texts(alert: Alert) -> str:
    return "\n".join(line.text for line in timeline.of(alert))


def test_a_repeat_brings_the_present_and_the_timeline_keeps_the_first(world, disks):
    """Case 24, bA9: what a repeat does not say stays."""
    links = {"runbook_url": "https://r.example/", "deployment": "EU", "source": "db1"}
    alert = world.trigger(disks, **SMALL, **links)
    world.trigger(disks, **BIG, dashboard_url="https://d.example/")
    alert.refresh_from_db()
    assert {name: getattr(alert, name) for name in (*links, "dashboard_url")} == links | {
        "dashboard_url": "https://d.example/"
    }
    assert (alert.summary, alert.severity, alert.details) == (BIG["summary"], "critical", {"used": 100})
    assert (alert.priority.level, alert.occurrences) == (1, 2)
    assert "“disk 81% on db1” (warning, priority 4)" in texts(alert)
    assert "it got worse: critical, priority 1" in texts(alert)
    world.trigger(disks, summary="", severity="", details={})
    alert.refresh_from_db()
    assert (alert.summary, alert.severity, alert.details) == (BIG["summary"], "critical", {"used": 100})


def test_a_rise_is_told_at_once_to_all_who_were_paged_and_delays_nobody(world, disks):
    """Case 24: in the middle of the escalation."""
    alert = world.trigger(disks, **SMALL)
    world.advance(minutes=10)
    assert world.told() == ["ana"]
    world.trigger(disks, **BIG)
    assert world.told() == ["ana"]
    assert memory.outbox[-1].subject == "[P1 service 0] disk 100% on db1, database stopped"
    assert "again because it got worse" in texts(alert)
    world.advance(minutes=50)
    assert (world.minutes(), world.told()) == (60, ["bo"])
    world.advance(hours=2)
    assert (world.minutes(), sorted(world.told())) == (180, ["ana", "bo"])
    assert alert.escalations.filter(state="running").count() == 1


def test_a_later_rise_tells_each_person_once_and_goes_on_from_there(world, disks):
    """Case 24, I11"""
    world.trigger(disks, **SMALL)
    world.advance(minutes=200)
    world.told()
    world.trigger(disks, **BIG)
    assert sorted(world.told()) == ["ana", "bo"]
    world.advance(minutes=39)
    assert world.told() == []
    world.advance(minutes=1)
    assert (world.minutes(), world.told()) == (240, ["ana"])


def test_a_rise_before_the_first_step_is_no_second_page(world, disks):
    for event in (SMALL, BIG):
        intake.accept(disks, [Event(action="trigger", dedup_key="k", **event)], now=world.now)
    world.sweep()
    assert world.told() == ["ana"]
    world.advance(minutes=60)
    assert world.told() == ["bo"]


def test_a_rise_after_an_acknowledgement_is_told_also_to_the_one_who_acknowledged(world, disks):
    """Case 24: it was acknowledged as something small."""
    alert = world.trigger(disks, **SMALL)
    world.advance(minutes=61)
    lifecycle.acknowledge(alert, now=world.now, via="link")
    world.advance(hours=9)
    world.told()
    assert world.send(disks, "trigger", **BIG).outcome == "worsened"
    assert sorted(world.told()) == ["ana", "bo"]
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_at) == ("triggered", None)
    world.advance(minutes=119)
    assert world.told() == []
    world.advance(minutes=1)
    assert sorted(world.told()) == ["ana", "bo"]
    lifecycle.acknowledge(alert, now=world.now, via="link")
    world.advance(days=2)
    assert world.told() == []


def test_after_the_end_of_the_policy_a_rise_begins_anew(world, disks):
    alert = world.trigger(disks, **SMALL)
    world.advance(hours=9)
    assert alert.escalations.get().state == Escalation.State.EXHAUSTED
    world.told()
    world.trigger(disks, **BIG)
    assert world.told() == ["ana"]


def test_only_worse_than_ever_is_a_rise(world, disks):
    """Falling and rising again pages nobody again, so a value that swings pages once for each new worst (case 24)."""
    alert = world.trigger(disks, **SMALL)
    world.trigger(disks, **BIG)
    lifecycle.acknowledge(alert, now=world.now, via="link")
    world.told()
    outcomes = [world.send(disks, "trigger", **event).outcome for event in (SMALL, BIG, SMALL)]
    alert.refresh_from_db()
    assert outcomes == ["repeated"] * 3
    assert (world.told(), alert.state, alert.severity, alert.priority.level) == ([], "acknowledged", "warning", 4)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ({}, {"priority": 1}, ["ana"]),  # bA9
        ({}, {"severity": "critical"}, ["ana"]),
        ({"severity": "error"}, {"severity": "critical"}, ["ana"]),
        ({"severity": "critical", "priority": 4}, {"severity": "info", "priority": 1}, ["ana"]),
        ({"severity": "critical", "priority": 1}, {"severity": "error", "priority": 4}, []),
        ({"severity": "error"}, {"severity": ""}, []),
        ({"priority": 4}, {"priority": 3}, []),  # there is no priority 3 here
    ],
)
def test_a_rise_in_priority_or_severity_is_one(world, disks, first, second, told):
    world.trigger(disks, **first)
    world.told()
    world.trigger(disks, **second)
    assert world.told() == told


def test_pages_that_wait_with_the_old_words_are_withdrawn(world):
    """Case 24: a contact point with a delay gets the new words at its time, not both."""
    ana = world.person("ana", points=2, after={"ana": 0 * MINUTE, "ana-2": 5 * MINUTE})
    integration = world.service(world.policy((HOUR, ana)))
    world.trigger(integration, summary="small", severity="warning")
    world.trigger(integration, summary="big", severity="critical")
    world.advance(minutes=6)
    assert [(e.address, e.subject.endswith("big")) for e in memory.outbox] == [
        ("ana", False),
        ("ana", True),
        ("ana-2", True),
    ]
    assert Delivery.objects.get(state="suppressed").reason == "the alert got worse, and is told again"


def test_what_was_said_last_in_one_post_is_the_present(world, disks):
    events = [Event(action="trigger", dedup_key="k", **event) for event in (SMALL, BIG)]
    assert [a.outcome for a in intake.accept(disks, events, now=world.now)] == ["triggered", "repeated"]
    assert (Alert.objects.get().summary, Alert.objects.get().occurrences) == (BIG["summary"], 2)


# --- what fires is never dropped (case 22, faults I4) -----------------------------------------------------------------


def at(moment) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def link_down(world, status, started, ended=None):
    labels = {"alertname": "LinkDown", "instance": "sw1"}
    alert = {"status": status, "labels": labels, "annotations": {}, "fingerprint": "f", "startsAt": at(started)}
    return alertmanager.parse({"alerts": [alert | {"endsAt": at(ended) if ended else "0001-01-01T00:00:00Z"}]})


@pytest.mark.parametrize("moved", [0, 5], ids=["the old start", "another old start"])
def test_alertmanager_fires_again_with_the_old_start_and_pages(world, disks, moved):
    """Case 22: Alertmanager made the end up, and the rule has been firing all the time."""
    started, ended = world.now - 20 * MINUTE, world.now - MINUTE
    first, end = link_down(world, "firing", started), link_down(world, "resolved", started, ended)
    again = link_down(world, "firing", started + moved * MINUTE)
    outcomes = [intake.accept(disks, events, now=world.now)[0].outcome for events in (first, end, again)]
    world.sweep()
    assert (outcomes, world.told()) == (["triggered", "resolved", "triggered"], ["ana"])
    assert Alert.objects.exclude(state="resolved").count() == 1


def test_any_source_that_fires_again_with_the_old_start_is_heard(world, disks):
    """Case 22, its kind: also in formats whose times are those of the message."""
    for action, hours in (("trigger", 0), ("resolve", 1)):
        world.send(disks, action, occurred_at=world.now + hours * HOUR)
    assert world.send(disks, "trigger", occurred_at=world.now).outcome == "triggered"


def test_an_end_years_ahead_does_not_silence_the_key(world, disks):
    """Case 22, its sister: a source that says it ended in 2099."""
    world.send(disks, "trigger", occurred_at=world.now)
    world.send(disks, "resolve", occurred_at=world.now + 9999 * HOUR)
    world.advance(days=2)
    assert world.send(disks, "trigger", occurred_at=world.now).outcome == "triggered"


def test_an_end_from_before_the_beginning_ends_nothing(world, disks):
    """Case 22, its sister: the end of the time before arrives late, or twice from two Alertmanagers."""
    started = world.now
    end = link_down(world, "resolved", started - HOUR, started - MINUTE)
    for events in (link_down(world, "firing", started - HOUR), end, link_down(world, "firing", started)):
        intake.accept(disks, events, now=world.now)
    assert intake.accept(disks, end, now=world.now)[0].outcome == "ignored"
    alert = Alert.objects.exclude(state="resolved").get()
    assert alert.events.get(kind=AlertEvent.Kind.IGNORED).text.startswith("the source sent the end of something")


def test_the_rise_of_one_format_is_a_rise_of_all(world, disks):
    """Case 24: PagerDuty's severity, Alertmanager's label."""
    inner = {"summary": "disk", "source": "db1"}
    for severity in ("warning", "critical"):
        body = {"event_action": "trigger", "dedup_key": "p", "payload": inner | {"severity": severity}}
        [event] = pagerduty.parse(body)
        assert isinstance(event, Event)
        [accepted] = intake.accept(disks, [event], now=world.now)
    assert accepted.outcome == "worsened"
