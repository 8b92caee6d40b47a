"""A definition tried on past alerts: the same answer as if it had been live, and nothing is written."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from dispatching.models import Alert, Priority
from schedules.models import User
from stakeholders.definitions import defining, rehearsal
from stakeholders.models import Match, NotificationDefinition, Outage
from tests.api import client_of
from tests.browser import everything
from tests.stakeholders.organisation import EU, SHOW, US

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def monitoring(world, outside):
    return world.service(world.policy((HOUR, world.person("ana"))), name="Uploads")


@pytest.fixture
def definition(outside, monitoring) -> NotificationDefinition:
    """Not live."""
    values = dict.fromkeys(("title", "text", "why_major", "why_needed", "what_they_do"), "x")
    outside.subscriber("ann", "7")
    outside.subscriber("brief", "7", kinds="ends")
    outside.subscriber("us", "1")
    return NotificationDefinition.objects.create(name="Uploads", service=monitoring.service, mode="auto", **values)


def breach(outside, monitoring, key="k", *, hours=1.0, **more) -> Alert:
    """An alert that lasts so long."""
    values = {"deployment": SHOW, "product": "A", "priority": 2, **more}
    alert = outside.world.trigger(monitoring, key, **values)
    outside.advance(hours=hours)
    outside.world.send(monitoring, "resolve", key)
    return alert


def run(definition, outside, days=30) -> rehearsal.Rehearsal:
    return rehearsal.run(definition, days, now=outside.world.now)


def test_which_alerts_when_how_many_messages_to_how_many_people(outside, monitoring, definition):
    """B100, B102"""
    started = outside.world.now
    first = breach(outside, monitoring, hours=9)  # an update every four hours
    outside.advance(days=1)
    second = breach(outside, monitoring, deployment=US)
    before = everything()
    found = run(definition, outside)
    assert everything() == before
    assert [[each.alert for each in would.alerts] for would in found.outages] == [[first], [second]]
    long, short = found.outages
    assert (long.began, long.until, long.updates) == (started, started + 9 * HOUR, 2)
    assert (long.people, long.messages) == (2, 2 * 2 + 2), "who wants the first and the last only gets no update"
    assert (short.people, short.messages) == (1, 2)
    assert (found.alerts, found.people, found.messages) == (2, 3, 8)


def test_what_goes_on_is_one_outage_however_many_alerts_match(outside, monitoring, definition):
    """B4"""
    for key in ("k1", "k2"):
        outside.world.trigger(monitoring, key, deployment=SHOW, product="A", priority=2)
        outside.advance(hours=1)
    for key in ("k1", "k2"):
        outside.world.send(monitoring, "resolve", key)
    [would] = run(definition, outside).outages
    assert len(would.alerts) == 2 and would.until == outside.world.now and would.messages == 4


def test_one_that_goes_on_has_no_end_yet(outside, monitoring, definition):
    outside.world.trigger(monitoring, deployment=SHOW, product="A", priority=2)
    outside.advance(hours=1)
    [would] = run(definition, outside).outages
    assert (would.until, would.messages) == (None, 2)


def test_only_what_began_in_the_time_asked_for(outside, monitoring, definition):
    breach(outside, monitoring)
    outside.advance(days=40)
    assert (run(definition, outside).alerts, run(definition, outside, 90).alerts) == (0, 1)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"priority": None}, "it has no priority"),
        ({"priority": 5}, "with priority P5 stakeholders are not told"),
        ({"product": "Z"}, "the alert names no known deployment or no known product"),
        ({"deployment": "Bare"}, "no group covers what is affected"),
    ],
    ids=["B142", "B134", "B5", "B26"],
)
def test_what_would_have_been_told_to_nobody_says_why(outside, monitoring, definition, more, reason):
    """B5, B26, B134, B142"""
    Priority.objects.create(level=5, name="P5")
    outside.deployments[US].__class__.objects.create(name="Bare")
    breach(outside, monitoring, **more)
    [would] = run(definition, outside).outages
    assert (would.untold, would.people, would.messages) == (reason, 0, 0)


def test_the_cells_and_groups_of_the_definition_go_before_those_of_the_alert(outside, monitoring, definition):
    definition.deployments.set([outside.deployments[US]])
    breach(outside, monitoring)
    assert run(definition, outside).people == 1
    definition.groups.set([outside.groups["7"]])
    assert run(definition, outside).people == 2


@pytest.mark.parametrize(
    "values",
    [{}, {"slo": "availability"}, {"repeats": 3}, {"repeats": 2, "slo": "latency"}, {"most_important": 1}],
    ids=str,
)
def test_the_trial_says_what_being_live_would_have_done(outside, monitoring, definition, values):
    """B100, B138, B144: one rule for both."""
    important = Priority.objects.create(level=1, name="P1", tells_stakeholders=True, update_interval=HOUR)
    if "most_important" in values:
        values = {"most_important": important}
    NotificationDefinition.objects.update(**values)
    definition.refresh_from_db()
    defining.put_live(definition, now=outside.world.now)
    course = [
        ("a", 2, "availability"),
        ("b", 1, "latency"),
        ("a", 2, "availability"),
        ("c", 2, "latency"),
        ("d", 1, ""),
    ]
    for number, (key, priority, slo) in enumerate(course):
        values = {"priority": priority, "slo": slo, "deployment": SHOW, "product": "A"}
        outside.world.trigger(monitoring, key, **values)
        outside.sweep()
        outside.advance(minutes=13 + 30 * (number == 2))
    done = {
        match.alert_id: match.outage.events.filter(text__startswith=f"alert #{match.alert_id} ").get().at
        for match in Match.objects.all()
    }
    found = run(definition, outside)
    assert {each.alert.pk: each.at for would in found.outages for each in would.alerts} == done
    assert len(found.outages) == Outage.objects.count()


def test_the_trial_groups_outages_as_being_live_does(outside, monitoring, definition):
    """bB1: one that nobody was told of takes up what the next alert says; another place is another outage."""
    defining.put_live(definition, now=outside.world.now)
    course = [("a", None, SHOW), ("b", 2, SHOW), ("c", 2, US), ("d", 2, US), ("e", 2, SHOW)]
    for key, priority, where in course:
        outside.world.trigger(monitoring, key, deployment=where, product="A", priority=priority)
        outside.sweep()
        outside.advance(minutes=1)
    found = run(definition, outside)
    live = [set(outage.alerts.values_list("pk", flat=True)) for outage in Outage.objects.order_by("pk")]
    assert [{each.alert.pk for each in would.alerts} for would in found.outages] == live
    assert [len(alerts) for alerts in live] == [3, 2] and [would.untold for would in found.outages] == ["", ""]


def test_the_number_of_questions_does_not_grow(outside, monitoring, definition, django_assert_num_queries):
    NotificationDefinition.objects.update(repeats=1, most_important=outside.priority)
    definition = NotificationDefinition.objects.select_related("most_important").get()
    for count in (1, 12):
        for number in range(count):
            breach(outside, monitoring, f"{count}-{number}", hours=0.1, deployment=(SHOW, US, EU)[number % 3])
        with django_assert_num_queries(10):
            run(definition, outside)


def test_over_the_api(outside, monitoring, definition):
    alert = breach(outside, monitoring)
    Alert.objects.update(first_at=datetime.now(UTC) - DAY, resolved_at=None)
    api = client_of(User.objects.create_superuser("coach"))
    url = f"notification-definitions/{definition.pk}/trial/"
    found = api.post(url).json()
    assert (found["alerts"], found["people"]) == (1, 2)
    [would] = found["outages"]
    assert would["until"] is None and would["untold"] == "" and would["alerts"][0]["id"] == alert.pk
    assert api.post(url, {"days": 90}).json()["alerts"] == 1
    for wrong in ({"days": 31}, {"days": "x"}, {"span": 30}):
        answer = api.post(url, wrong)
        assert answer.status_code == 400 and list(answer.json()) == list(wrong)
    assert client_of(User.objects.create_user("rep")).post(url).status_code == 403


def test_in_the_admin(client, outside, monitoring, definition):
    breach(outside, monitoring)
    Alert.objects.update(first_at=datetime.now(UTC) - DAY, resolved_at=None)
    client.force_login(User.objects.create_superuser("coach"))
    page = reverse("admin:stakeholders_notificationdefinition_change", args=[definition.pk])
    assert "1 alert, 1 outage" not in client.get(page).content.decode()
    before = everything()
    shown = client.get(page, {"trial": "30"}).content.decode()
    assert "1 alert, 1 outage" in shown and "to 2 people" in shown and "Try it on the last 90 days" in shown
    assert client.get(page, {"trial": "x"}).status_code == 200
    assert everything() == before
