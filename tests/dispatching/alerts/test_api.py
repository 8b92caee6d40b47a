"""Alerts, their verbs, their timeline and the ledger of deliveries over the REST API."""

from datetime import timedelta

import pytest

from dispatching.models import Alert, Delivery, Priority
from schedules.models import User
from tests.api import client_of
from tests.sure import sure

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def monitoring(world, ana):
    """A service whose alerts page ana, then bo after an hour."""
    return world.service(world.policy((HOUR, ana), (HOUR, world.person("bo"))), name="Log-on")


@pytest.fixture
def api(ana):
    """Ana is on call and no administrator."""
    return client_of(ana)


def test_an_alert_shows_what_is_wrong_and_what_happens_next(world, monitoring, api):
    Priority.objects.create(level=2, name="P2")
    alert = world.trigger(monitoring, "k1", priority=2, severity="critical", details={"host": "a"})
    world.trigger(monitoring, "k1")
    shown = api.get(f"alerts/{alert.pk}/").json()
    expected = {
        "state": "triggered",
        "service": "Log-on",
        "service_id": monitoring.service_id,
        "dedup_key": "k1",
        "occurrences": 2,
        "priority": 2,
        "severity": "critical",
        "details": {"host": "a"},
        "first_at": "2026-01-05T09:00:00Z",
        "acknowledged_by": None,
    }
    assert {name: shown[name] for name in expected} == expected
    run = {"state": "running", "position": 1, "due_at": "2026-01-05T10:00:00Z", "started_at": "2026-01-05T09:00:00Z"}
    assert shown["escalation"] == run


def test_a_list_leaves_out_the_details(world, monitoring, api):
    world.trigger(monitoring, details={"log": "long"})
    [shown] = api.get("alerts/").json()["results"]
    assert "details" not in shown


def test_whoever_is_on_call_acknowledges_and_no_page_starts(world, monitoring, api, ana):
    alert = world.trigger(monitoring)
    world.told()
    answer = api.post(f"alerts/{alert.pk}/acknowledge/")
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["acknowledged_by"]) == ("acknowledged", "ana")
    assert answer.json()["escalation"]["state"] == "stopped"
    world.advance(hours=5)
    assert world.told() == []


def test_escalating_calls_the_next_step_now(world, monitoring, api):
    alert = world.trigger(monitoring)
    world.told()
    assert api.post(f"alerts/{alert.pk}/escalate/").status_code == 200
    # The API's clock is the real one, and the world's stands in the past.
    due = Alert.objects.get().escalations.get().due_at
    world.now = due
    world.sweep()
    assert world.told() == ["bo"]


def test_resolving_ends_the_alert(world, monitoring, api):
    alert = world.trigger(monitoring)
    assert api.post(f"alerts/{alert.pk}/resolve/").json()["state"] == "resolved"


@pytest.mark.parametrize(
    ("before", "verb"),
    [
        *[("acknowledge", "acknowledge"), ("acknowledge", "escalate"), ("acknowledge", "reopen")],
        *[("resolve", "acknowledge"), ("resolve", "resolve")],
    ],
)
def test_what_the_state_forbids_is_a_conflict_with_a_sentence(world, monitoring, api, before, verb):
    alert = world.trigger(monitoring)
    state = api.post(f"alerts/{alert.pk}/{before}/").json()["state"]
    answer = api.post(f"alerts/{alert.pk}/{verb}/")
    assert answer.status_code == 409
    assert state in answer.json()["detail"]
    assert Alert.objects.get().state == state


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "escalate", "reopen"])
def test_reading_a_verb_does_nothing_and_a_stranger_cannot_act(world, monitoring, api, ana, verb):
    alert = world.trigger(monitoring)
    stranger = client_of(User.objects.create(username="gone", is_active=False))
    assert api.get(f"alerts/{alert.pk}/{verb}/").status_code == 405
    assert stranger.post(f"alerts/{alert.pk}/{verb}/").status_code == 401
    assert Alert.objects.get().state == "triggered"
    assert api.post(f"alerts/999/{verb}/").status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("noun", ["alerts", "deliveries"])
def test_nobody_writes_history(world, monitoring, noun, method):
    world.trigger(monitoring)
    coach = client_of(User.objects.create_superuser("coach"))
    row = Alert.objects.first() if noun == "alerts" else Delivery.objects.first()
    path = f"{noun}/" if method == "post" else f"{noun}/{sure(row).pk}/"
    assert getattr(coach, method)(path, {"state": "resolved"}).status_code == 405


def test_the_timeline_tells_everything_oldest_first(world, monitoring, api, ana):
    alert = world.trigger(monitoring)
    api.post(f"alerts/{alert.pk}/acknowledge/")
    lines = api.get(f"alerts/{alert.pk}/timeline/").json()["results"]
    assert [line["kind"] for line in lines] == ["triggered", "step", "paged", "sent", "acknowledged"]
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    last = lines[-1]
    assert last.keys() == {"at", "kind", "text", "by", "who", "data"}
    assert (last["by"], last["who"], last["text"]) == ("ana", "Ana", "acknowledged by Ana via the API")
    assert lines[0]["by"] is lines[0]["who"] is None


def test_a_timeline_has_pages(world, monitoring, api):
    alert = world.trigger(monitoring)
    answer = api.get(f"alerts/{alert.pk}/timeline/?limit=1&offset=1").json()
    assert (answer["count"], [line["kind"] for line in answer["results"]]) == (4, ["step"])
    assert api.get(f"alerts/{alert.pk}/timeline/?limit=x").status_code == 400


def test_alerts_are_found_by_what_people_know_of_them(world, monitoring, api):
    Priority.objects.create(level=1, name="P1")
    first = world.trigger(monitoring, "a b ", severity="error", priority=1)
    world.advance(minutes=10)
    other = world.service(monitoring.service.policy, name="Uploads")
    second = world.trigger(other, "k2", severity="info")
    api.post(f"alerts/{second.pk}/resolve/")

    def found(**query):
        return {row["id"] for row in api.get("alerts/", query).json()["results"]}

    assert found(state="triggered") == {first.pk}
    assert found(state=["triggered", "resolved"]) == {first.pk, second.pk}
    assert found(service="LOG-ON") == found(service_id=first.service_id) == {first.pk}
    assert found(severity="info") == found(integration=other.pk) == {second.pk}
    assert found(priority=1) == found(dedup_key="a b ") == {first.pk}
    assert found(dedup_key="a b") == set()
    assert found(since="2026-01-05T09:10:00Z") == {second.pk}
    assert found(until="2026-01-05T10:10:00+01:00") == {first.pk}


def test_the_ledger_says_who_was_told_and_keeps_the_link_to_itself(world, monitoring, api, ana):
    alert = world.trigger(monitoring)
    answer = api.get("deliveries/", {"alert": alert.pk, "state": "sent", "channel": "memory", "username": "ana"})
    [row] = answer.json()["results"]
    body = Delivery.objects.get().body
    link = next(word for word in body.split() if "/a/" in word)
    assert link.rsplit("/a/")[1] not in answer.content.decode()
    delivery = Delivery.objects.get()
    assert row == {
        "id": delivery.pk,
        "alert": alert.pk,
        "notice": None,
        "recipient": "Ana",
        "username": "ana",
        "contact_point": delivery.contact_point_id,
        "channel": "memory",
        "address": "ana",
        "state": "sent",
        "reason": "",
        "attempts": 1,
        "created_at": "2026-01-05T09:00:00Z",
        "due_at": None,
        "sent_at": "2026-01-05T09:00:00Z",
        "subject": "[Log-on] log-on is down",
    }
    assert api.get(f"deliveries/{delivery.pk}/").json() == row


def test_a_delivery_that_belongs_to_no_alert_is_listed_too(world, monitoring, api):
    world.trigger(monitoring)
    Delivery.objects.get().page.delete()
    [row] = api.get("deliveries/").json()["results"]
    assert (row["alert"], row["username"]) == (None, None)


@pytest.mark.parametrize("verb", ["acknowledge", "resolve", "escalate"])
def test_who_is_neither_paged_nor_of_the_team_is_refused(world, monitoring, verb):
    alert = world.trigger(monitoring)
    rep = client_of(world.person("rep"))
    assert rep.post(f"alerts/{alert.pk}/{verb}/").status_code == 403
    alert.refresh_from_db()
    assert alert.state == "triggered"


def test_the_services_team_may_act_before_anyone_of_it_is_paged(world, monitoring):
    monitoring.service.team = world.team("Team 1", dee := world.person("dee"))
    monitoring.service.save()
    assert client_of(dee).post(f"alerts/{world.trigger(monitoring).pk}/acknowledge/").status_code == 200


def test_addresses_are_for_their_owners_and_those_who_may_read_them_all(world, monitoring, api):
    """K13: a webhook's address can hold a secret."""
    world.trigger(monitoring)
    coach = client_of(User.objects.create(username="coach", is_superuser=True))
    rep = client_of(world.person("rep"))
    addresses = {
        name: (
            [point["address"] for point in client.get("contact-points/").json()["results"]],
            [delivery["address"] for delivery in client.get("deliveries/").json()["results"]],
        )
        for name, client in (("ana", api), ("coach", coach), ("rep", rep))
    }
    assert addresses == {
        "ana": (["ana"], ["ana"]),
        "coach": (["ana", "bo", "rep"], ["ana"]),
        "rep": (["rep"], [None]),
    }
