"""Section 8.2 as stories: an alert reaches the right person, escalates, and stops on acknowledgement."""

from datetime import timedelta

import pytest

from dispatching.alerts import lifecycle, timeline
from dispatching.channels import memory
from dispatching.models import Alert, ContactPoint, Delivery, Escalation, EscalationPolicy, Step, Target
from schedules.models import Override, Rotation
from schedules.refused import Refused
from tests.world import MONDAY

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def kinds(alert: Alert) -> list[str]:
    return [line.kind for line in timeline.of(alert)]


def texts(alert: Alert) -> str:
    return "\n".join(line.text for line in timeline.of(alert))


@pytest.fixture
def figure_8_2(world):
    """Main 60 min → backup 120 min → everyone on team 1 240 min → the engineering manager 60 min; three repeats."""
    ana, bo, cy, mo = (world.person(name) for name in ("ana", "bo", "cy", "mo"))
    main, backup = world.weekly(ana, bo)
    team = world.team("Team 1", ana, bo, cy, manager=mo)
    world.last_resort()
    return world.policy((HOUR, main), (2 * HOUR, backup), (4 * HOUR, team), (HOUR, mo), repeat=3)


def test_figure_8_2_runs_to_the_minute_and_ends_with_the_last_resort(world, figure_8_2):
    """A42, A43: 0, 60, 180, 420, again at 480, three repeats, then the end."""
    alert = world.trigger(world.service(figure_8_2))
    told = {world.minutes(): world.told()}
    for _ in range(2400):
        world.advance(minutes=1)
        if new := world.told():
            told[world.minutes()] = sorted(new)
    one_round = {0: ["ana"], 60: ["bo"], 180: ["ana", "bo", "cy"], 420: ["mo"]}
    expected = {480 * turn + minute: who for turn in range(4) for minute, who in one_round.items()}
    assert told == {**expected, 1920: ["fallback"]}
    assert alert.escalations.get().state == Escalation.State.EXHAUSTED
    assert kinds(alert).count("exhausted") == 1


@pytest.mark.parametrize("minute", [0, 1, 59, 60, 61, 179, 180, 419, 420, 480, 1000, 1919])
def test_an_acknowledgement_at_any_point_ends_it(world, figure_8_2, minute):
    """A41: if anyone acknowledges before the span ends, nothing starts afterwards."""
    alert = world.trigger(world.service(figure_8_2))
    world.advance(minutes=minute)
    world.told()
    lifecycle.acknowledge(alert, by=figure_8_2.steps.get(order=3).targets.get().user, now=world.now)
    world.advance(days=3)
    assert world.told() == []
    assert alert.escalations.get().state == Escalation.State.STOPPED


def test_the_rotation_decides_when_the_step_runs_not_when_the_alert_came(world):
    """A52, E21: people are resolved when a step runs; the week changes between the alert and the repeat."""
    ana, bo = world.person("ana"), world.person("bo")
    main, _ = world.weekly(ana, bo)
    alert_at = timedelta(days=6, hours=23)
    world.now = world.start = world.start + alert_at
    world.trigger(world.service(world.policy((2 * HOUR, main), repeat=1)))
    world.advance(hours=2)
    assert world.told() == ["ana", "bo"]


def test_an_override_wins(world):
    """A8"""
    ana, bo, cy = (world.person(name) for name in ("ana", "bo", "cy"))
    main, _ = world.weekly(ana, bo)
    Override.objects.create(schedule=main, user=cy, start=world.now - HOUR, end=world.now + HOUR, reason="dentist")
    alert = world.trigger(world.service(world.policy((HOUR, main))))
    assert world.told() == ["cy"]
    assert "override: dentist" in texts(alert)


def test_one_person_reached_by_two_targets_is_told_once(world):
    """I11"""
    ana = world.person("ana")
    main, _ = world.weekly(ana)
    world.trigger(world.service(world.policy((HOUR, main, ana, world.team("T", ana)))))
    assert world.told() == ["ana"]


def test_an_edit_does_not_disturb_a_running_escalation(world):
    """A52, F1, F2: it finishes on its snapshot, even when the policy is emptied."""
    ana, bo, cy = (world.person(name) for name in ("ana", "bo", "cy"))
    policy = world.policy((HOUR, ana), (HOUR, bo))
    world.trigger(world.service(policy))
    Step.objects.filter(policy=policy).delete()
    Target.objects.create(step=Step.objects.create(policy=policy, escalate_after=MINUTE), user=cy)
    world.advance(hours=5)
    assert world.told() == ["ana", "bo"]


def test_an_empty_schedule_costs_no_waiting_time(world):
    """A49, F5"""
    bo = world.person("bo")
    [empty] = world.weekly(positions=1)
    alert = world.trigger(world.service(world.policy((HOUR, empty), (HOUR, bo))))
    assert world.told() == ["bo"]
    assert "nobody is on duty: no layer covers this time" in texts(alert)


AWAY = {
    "absent": (lambda ana: ana.absences.create(start=MONDAY, end=MONDAY + HOUR), "Ana is away"),
    "deactivated": (lambda ana: type(ana).objects.filter(pk=ana.pk).update(is_active=False), "Ana is no longer active"),
}


@pytest.mark.parametrize(("leave", "reason"), AWAY.values(), ids=AWAY)
@pytest.mark.parametrize("fills", [False, True])
def test_who_is_not_there_costs_no_waiting_time(world, leave, reason, fills):
    """A8, A49, F5: the next step at once and the timeline says why; or, if the rotation fills, whoever is next."""
    ana, bo, cy = (world.person(name) for name in ("ana", "bo", "cy"))
    [main] = world.weekly(ana, cy, positions=1)
    Rotation.objects.update(fills=fills)
    leave(ana)
    alert = world.trigger(world.service(world.policy((HOUR, main), (HOUR, bo))))
    assert world.told() == (["cy"] if fills else ["bo"])
    if fills:
        assert "on call in rotation 0 main: in place of Ana" in texts(alert)
    else:
        assert f"schedule rotation 0 main: nobody is on duty: {reason}" in texts(alert)


def test_a_person_named_in_the_policy_who_is_away_costs_no_waiting_time(world):
    """A8, A49; the team is called without them"""
    ana, bo = world.person("ana"), world.person("bo")
    ana.absences.create(start=MONDAY, end=MONDAY + 2 * HOUR)
    alert = world.trigger(world.service(world.policy((HOUR, ana), (HOUR, world.team("Team", ana, bo)))))
    assert world.told() == ["bo"]
    assert "user Ana: away or no longer active" in texts(alert)


def test_outside_the_hours_of_a_schedule_the_next_step_runs_at_once(world):
    """A7, A49"""
    ana, bo = world.person("ana"), world.person("bo")
    [main] = world.weekly(ana, positions=1)
    main.layers.update(hours="Mon-Fri 12:00-17:00")
    alert = world.trigger(world.service(world.policy((HOUR, main), (HOUR, bo))))
    assert world.told() == ["bo"]
    assert "nobody is on duty: outside the hours of its layers" in texts(alert)


def test_a_deactivated_person_costs_no_waiting_time(world):
    """A49, F4, O3"""
    ana, bo = world.person("ana", is_active=False), world.person("bo")
    main, _ = world.weekly(ana)
    world.trigger(world.service(world.policy((HOUR, main, ana), (HOUR, bo))))
    assert world.told() == ["bo"]


@pytest.mark.parametrize("change", [{"verified": False}, {"disabled_reason": "hard bounce"}])
def test_an_unreachable_person_costs_no_waiting_time(world, change):
    """A49, F6"""
    ana, bo = world.person("ana"), world.person("bo")
    ContactPoint.objects.filter(recipient__user=ana).update(**change)
    alert = world.trigger(world.service(world.policy((HOUR, ana), (HOUR, bo))))
    assert world.told() == ["bo"]
    assert "Ana cannot be reached" in texts(alert)
    assert "Why you: named in the policy\nCould not be reached: Ana\n" in memory.outbox[-1].body


def test_a_policy_that_reaches_nobody_tells_the_last_resort_at_once(world):
    world.last_resort()
    alert = world.trigger(world.service(world.policy((HOUR, world.weekly(positions=1)[0]), repeat=3)))
    assert world.told() == ["fallback"]
    assert kinds(alert).count("step") == 4


def test_without_a_last_resort_the_timeline_says_so(world):
    alert = world.trigger(world.service(world.policy()))
    assert "no last resort could be told" in texts(alert)


def test_personal_rules_delay_and_acknowledging_withdraws(world):
    """A47: chat at once, the phone after 5 minutes, unless acknowledged."""
    delays = {"ana": timedelta(0), "ana-2": 5 * MINUTE}
    ana = world.person("ana", points=2, after=delays)
    service = world.service(world.policy((HOUR, ana)))
    world.trigger(service, key="first")
    world.advance(minutes=10)
    assert world.told() == ["ana", "ana-2"]
    alert = world.trigger(service, key="second")
    lifecycle.acknowledge(alert, by=ana, now=world.now)
    world.advance(minutes=50)
    assert world.told() == ["ana"]
    assert "1 page withdrawn" in texts(alert)
    assert Delivery.objects.get(page__alert=alert, contact_point__address="ana-2").reason == "acknowledged by Ana"


def test_a_later_step_does_not_cancel_somebodys_remaining_contact_points(world):
    """A47"""
    ana = world.person("ana", points=2, after={"ana": timedelta(0), "ana-2": 5 * MINUTE})
    world.trigger(world.service(world.policy((MINUTE, ana), (HOUR, world.person("bo")))))
    world.advance(minutes=10)
    assert world.told() == ["ana", "bo", "ana-2"]


def test_repeats_count_and_do_not_page(world):
    """A23"""
    ana = world.person("ana")
    service = world.service(world.policy((HOUR, ana)))
    world.trigger(service)
    alert = world.trigger(service)
    assert (alert.occurrences, world.told()) == (2, ["ana"])


def test_the_source_resolves_and_a_new_event_opens_a_new_alert(world):
    """A20: resolve then re-fire starts a new escalation at step 1."""
    ana, bo = world.person("ana"), world.person("bo")
    service = world.service(world.policy((HOUR, ana), (HOUR, bo)))
    first = world.trigger(service)
    assert world.send(service, "resolve").outcome == "resolved"
    second = world.trigger(service)
    world.advance(minutes=30)
    assert first.pk != second.pk
    assert world.told() == ["ana", "ana"]


def test_the_source_acknowledges(world):
    ana, bo = world.person("ana"), world.person("bo")
    service = world.service(world.policy((HOUR, ana), (HOUR, bo)))
    alert = world.trigger(service)
    world.send(service, "acknowledge")
    world.advance(hours=3)
    alert.refresh_from_db()
    assert (world.told(), alert.state) == (["ana"], "acknowledged")


def test_calling_the_next_step_at_once(world):
    ana, bo = world.person("ana"), world.person("bo")
    alert = world.trigger(world.service(world.policy((HOUR, ana), (HOUR, bo))))
    lifecycle.escalate(alert, by=ana, now=world.now)
    world.sweep()
    assert world.told() == ["ana", "bo"]


def test_a_verb_that_the_state_forbids_is_refused_and_changes_nothing(world):
    ana = world.person("ana")
    alert = world.trigger(world.service(world.policy((HOUR, ana))))
    lifecycle.acknowledge(alert, by=ana, now=world.now)
    with pytest.raises(Refused, match="already acknowledged by Ana"):
        lifecycle.acknowledge(alert, now=world.now)
    lifecycle.resolve(alert, by=ana, now=world.now)
    for verb in (lifecycle.acknowledge, lifecycle.resolve, lifecycle.escalate):
        before = len(timeline.of(alert))
        with pytest.raises(Refused):
            verb(alert, now=world.now)
        assert len(timeline.of(alert)) == before


def test_a_policy_cannot_be_deleted_while_a_service_uses_it(world):
    """F1"""
    policy = world.policy((HOUR, world.person("ana")))
    world.service(policy)
    with pytest.raises(Exception, match="protected"):
        EscalationPolicy.objects.get(pk=policy.pk).delete()


def test_the_page_holds_all_that_is_needed_to_act(world):
    """A25"""
    ana = world.person("ana")
    world.trigger(
        world.service(world.policy((HOUR, ana)), name="Log-on"),
        severity="critical",
        deployment="Production EU",
        slo="log-on 99.9 %",
        runbook_url="https://runbook.example/1",
        dashboard_url="https://dash.example/1",
    )
    [page] = memory.outbox
    for part in (
        "log-on is down",
        "Log-on",
        "critical",
        "Production EU",
        "log-on 99.9 %",
        "https://runbook.example/1",
        "https://dash.example/1",
        "Mon 5 Jan 2026, 09:00 UTC",
        "reported once",
        "/a/",
        "Priority: not set",
    ):
        assert part in page.body, part
    assert page.data["kind"] == "page" and page.data["alert"]["severity"] == "critical"
    assert page.data["url"] in page.body
