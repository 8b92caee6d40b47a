"""What senders really send, over HTTP: odd paths, old formats, batches of which a part is wrong, services of other teams."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from dispatching.alerts import intake
from dispatching.inbound import refusals
from dispatching.models import Alert, AlertEvent, Integration, Refusal, Unread
from dispatching.rules.event import Event
from stakeholders.definitions import defining
from stakeholders.models import NotificationDefinition, Outage
from tests.browser import browser_of
from tests.sure import sure

HOUR = timedelta(hours=1)
V1 = {
    "event_type": "trigger",
    "description": "[FIRING:1] MyAlert",
    "incident_key": "abc123",
    "details": {"firing": "x"},
}
V2 = {"event_action": "trigger", "dedup_key": "d", "payload": {"summary": "s", "source": "h", "severity": "error"}}


@pytest.fixture
def service(world):
    return world.service(world.policy((HOUR, world.person("ana"))), name="Log-on")


def post(client, path, body):
    body = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post("/", body, content_type="application/json", PATH_INFO=path)  # as it is, two slashes included


def test_slashes_may_be_as_they_like(client, service, settings):
    """Case 12: no 5xx with DEBUG, no redirect without it."""
    key, settings.DEBUG = service.key, True
    firing = {"status": "firing", "alerts": [{"labels": {"a": "b"}}]}
    bodies = {
        f"/integrations/{key}/alertmanager": firing,
        f"/integrations/{key}/grafana": firing,
        f"//integrations//{key}//events": {"summary": "s"},
        "/v2/enqueue/": V2 | {"routing_key": key},
        "//v2/enqueue": V2 | {"routing_key": key},
        "//generic/2010-04-15/create_event.json/": V1 | {"service_key": key},
    }
    assert {path: post(client, path, body).status_code // 100 for path, body in bodies.items()} == dict.fromkeys(
        bodies, 2
    )
    assert Alert.objects.count() == 4
    assert [post(client, f"/inbound/mail/{x}", b"").status_code for x in ("nope", "nope/")] == [401, 401]


def test_who_knocks_at_a_wrong_door_is_answered_in_json(client, service, settings):
    """Point 3, cases 10 and 11: nothing but JSON 4xx; and a key with a format that does not exist is told to the owner."""
    settings.DEBUG = True
    paths = ["/v2/change/enqueue", "/v2/nope", "/integrations/", "/generic/x", "/inbound/", "/api/v1/nope/", "/v2"]
    answers = {
        path: post(client, path, {"routing_key": service.key, "payload": {"summary": "Deployed"}}) for path in paths
    }
    assert {path: a.status_code for path, a in answers.items()} == dict.fromkeys(paths, 404)
    assert all(a.json()["errors"][0].startswith("path: ") for a in answers.values())
    assert client.get("/v2/enqueue").json()["errors"] == [
        "GET: send events by POST; http://127.0.0.1:8000/api/docs/ describes them"
    ]
    assert not Refusal.objects.exists()  # a deployment is no alert
    answer = post(client, f"/integrations/{service.key}/alertmanagr/", {})
    assert (answer.status_code, Refusal.objects.get().count) == (404, 1)
    assert post(client, "/integrations/nope/alertmanagr/", {}).status_code == 401


@pytest.mark.parametrize("debug", [False, True])
def test_who_leaves_out_the_last_slash_of_the_rest_api_hears_the_right_address(client, settings, debug):
    """Case 12's sister: a redirect would make a GET of a POST; with DEBUG it was an error of the server."""
    settings.DEBUG = debug
    for method in ("post", "put", "patch", "delete"):
        answer = getattr(client, method)("/api/v1/teams?x=1", {}, content_type="application/json")
        assert answer.status_code == 404
        assert answer.json()["detail"].endswith("Send this to /api/v1/teams/")
    assert client.get("/api/v1/teams?x=1")["Location"] == "/api/v1/teams/?x=1"
    assert client.post("/api/v1/nope").json()["errors"] == ["path: there is nothing at /api/v1/nope"]


def test_version_1_of_pagerdutys_events_is_taken_from_trigger_to_resolve(client, service):
    """Case 11"""
    for kind, state in (("trigger", "triggered"), ("acknowledge", "acknowledged"), ("resolve", "resolved")):
        answer = post(
            client, "/generic/2010-04-15/create_event.json", V1 | {"service_key": service.key, "event_type": kind}
        )
        assert (answer.status_code, answer.json()["incident_key"]) == (200, "abc123")
        assert Alert.objects.get().state == state
    answer = post(client, "/generic/2010-04-15/create_event.json", V1)
    assert (answer.status_code, answer.json()["errors"]) == (400, ["service_key: is required"])


def test_a_number_beyond_signed_64_bits_is_kept(client, service):
    """Case 06: exactly, in the database."""
    ids = {"trace": 13043817825332782212, "span": 2**63, "most": 2**64 - 1, "more": 2**64}
    assert post(client, f"/integrations/{service.key}/events/", {"summary": "s", "details": ids}).status_code == 202
    assert Alert.objects.get().details == ids | {"more": str(2**64)}


def test_one_bad_alert_of_a_group_costs_no_other_and_is_named(client, service):
    """Point 3: 2xx for those taken, the answer names the other."""
    alerts = [{"fingerprint": "a"}, {"fingerprint": "b", "status": "odd"}, {"fingerprint": "c"}]
    answer = post(client, f"/integrations/{service.key}/alertmanager/", {"status": "firing", "alerts": alerts})
    told = answer.json()
    assert (answer.status_code, told["status"]) == (202, "partial")
    assert told["errors"] == ["alerts[1].status: must be one of firing, resolved"]
    assert [each["dedup_key"] for each in told["events"]] == ["a", "c"]
    assert Refusal.objects.get().reasons == {"alerts[].status: must be one of firing, resolved": 1}


def test_what_was_ignored_says_why_in_the_answer(client, service):
    """Case 22: to somebody who looks."""
    answer = post(client, f"/integrations/{service.key}/events/", {"action": "resolve", "dedup_key": "k"}).json()
    assert answer["events"] == [
        {"dedup_key": "k", "alert": None, "outcome": "ignored", "why": "there is no alert with this key"}
    ]


# --- some events are refused, and nobody would know (case 02) ---------------------------------------------------------


@pytest.fixture
def kuma(client, world, service):
    """One monitor sends no source: two of its events are refused, before and after others that are accepted."""
    push = V2 | {
        "routing_key": service.key,
        "dedup_key": "42",
        "payload": {"summary": "backup", "severity": "critical"},
    }
    answers = [post(client, "/v2/enqueue", body) for body in (V2 | {"routing_key": service.key}, push, push)]
    assert [answer.status_code for answer in answers] == [202, 400, 400]
    assert answers[1].json()["errors"] == ["payload.source: is required"]
    post(client, "/v2/enqueue", V2 | {"routing_key": service.key})
    world.now = timezone.now()
    world.sweep()
    world.told()
    return service


def about_refusals() -> Alert:
    return Alert.objects.filter(dedup_key="tocsin/refused").latest("pk")


def test_the_owner_hears_of_refused_events_while_others_are_accepted(client, world, kuma):
    """Case 02, J17: after ten minutes, with counts; it ends when nothing has been refused for six hours."""
    world.advance(minutes=11)
    assert world.told() == ["ana"]
    alert = about_refusals()
    assert alert.summary == "Some alerts of Log-on are being refused (2 so far): payload.source: is required"
    assert alert.details["reasons"] == {"payload.source: is required": 2}
    post(client, "/v2/enqueue", V2 | {"routing_key": kuma.key})
    alert.refresh_from_db()
    assert alert.state == "triggered"  # an accepted event says nothing about those that are refused
    world.advance(hours=6)
    alert.refresh_from_db()
    assert alert.state == "resolved"
    assert sure(alert.events.last()).text.startswith("resolved by Tocsin: nothing was refused for 6 hours")
    assert not Refusal.objects.exists()


def test_refusals_that_go_on_are_told_again_after_somebody_has_closed_the_alert(client, world, kuma):
    """Case 02"""
    world.advance(minutes=11)
    world.send(kuma, "resolve", "tocsin/refused")
    world.told()
    Refusal.objects.update(count=7, last_at=world.now + HOUR)
    world.advance(hours=6)
    assert "ana" in world.told()
    assert "(7 so far)" in about_refusals().summary


def test_the_alert_about_refusals_ends_exactly_six_hours_after_the_last_one(world, kuma):
    """Case 02: that is when it is looked at again; a moment later would be ten minutes more."""
    world.advance(minutes=11)
    last = Refusal.objects.get().last_at
    for at, state in ((refusals.QUIET - timedelta(seconds=1), "triggered"), (refusals.QUIET, "resolved")):
        Refusal.objects.update(due_at=last + at)
        refusals.tell_owners(last + at)
        assert about_refusals().state == state


def test_an_alert_about_refusals_never_matches_a_definition(world, kuma):
    """Point 3, C7 of the coach: a mistake in JSON was announced to customers."""
    words = {"title": "Shop is down", "text": "t", "why_major": "x", "why_needed": "x", "what_they_do": "x"}
    definition = NotificationDefinition.objects.create(name="Shop", service=kuma.service, mode="semi", **words)
    defining.put_live(definition, now=world.now)
    world.advance(minutes=11)
    assert about_refusals().state == "triggered"
    assert (defining.match_due(world.now), Outage.objects.count()) == (0, 0)
    world.trigger(kuma, "another")
    assert (defining.match_due(world.now), Outage.objects.count()) == (1, 1)


def test_the_integrations_page_shows_what_arrived_and_what_was_refused(admin_client, world, kuma):
    """Point 3: last event, refusals with counts, what was ignored."""
    for action in ("resolve", "resolve"):
        world.send(kuma, action, "d")
    page = admin_client.get(f"/admin/dispatching/integration/{kuma.pk}/change/").content.decode()
    assert "The last event arrived at" in page
    assert "2 × payload.source: is required" in page
    assert "the source sent “resolve”, which changes nothing now" in page


def test_what_was_not_understood_stands_in_the_answer_and_is_counted_on_the_page(admin_client, client, world, service):
    """P16: “status: nonsense” and “priority: 9” were accepted without a word; “status: resolved” was one more report."""
    path = f"/integrations/{service.key}/events/"
    assert "warnings" not in post(client, path, {"summary": "a", "dedup_key": "d"}).json()
    assert post(client, path, {"summary": "a", "dedup_key": "d", "priority": 9}).json()["warnings"] == [
        "priority: “9” is not a priority (1 to 5); it is kept in the details"
    ]
    post(client, path, [{"summary": "a", "dedup_key": "d", "status": "odd"}, {"summary": "b", "priority": 9}])
    over = post(client, path, {"summary": "a", "dedup_key": "d", "status": "resolved"}).json()
    assert over["events"][0]["outcome"] == "resolved" and over["warnings"][0].startswith("status: “resolved” is taken")
    payload = {"summary": "s", "source": "h", "severity": "x"}
    odd = post(client, "/v2/enqueue", V2 | {"routing_key": service.key, "payload": payload})
    assert (odd.status_code, odd.json()["dedup_key"], len(odd.json()["warnings"])) == (202, "d", 1)
    page = admin_client.get(f"/admin/dispatching/integration/{service.pk}/change/").content.decode()
    assert "something in them was not understood: 5 since" in page
    assert "1 × priority: “9” is not a priority" in page and "1 × [].priority: “9” is not a priority" in page
    Unread.objects.update(last_at=timezone.now() - timedelta(days=31))
    post(client, path, {"summary": "a", "dedup_key": "d", "priority": 9})
    assert (Unread.objects.get().count, len(Unread.objects.get().reasons)) == (1, 1), "a month without one"


@pytest.mark.parametrize("address", ["alertmanager", "grafana"])
def test_alerts_that_the_sender_cut_off_are_named(client, service, address):
    """Field F6: nobody heard that there were more, even if none was left."""
    path, firing = f"/integrations/{service.key}/{address}/", {"status": "firing", "labels": {"a": "b"}}
    how = "did not arrive: raise max_alerts in the webhook_config (0 means all), or group by more labels"
    for alerts, number, warned in (
        (
            [firing, firing | {"fingerprint": "f"}],
            7,
            [f"truncatedAlerts: 7 alerts were cut off by max_alerts and {how}"],
        ),
        ([], 5, [f"truncatedAlerts: 5 alerts were cut off by max_alerts and {how}"]),
        ([], "1", [f"truncatedAlerts: 1 alert was cut off by max_alerts and {how}"]),
        *(([firing], nothing, []) for nothing in (0, None, "", True, -1, "many", [7])),
    ):
        answer = post(client, path, {"alerts": alerts, "truncatedAlerts": number})
        assert answer.status_code == 202 and answer.json().get("warnings", []) == warned
    unread = Unread.objects.get()
    assert (unread.count, len(unread.reasons)) == (3, 3)


# Bodies that say the integration's key, KEY, in more places than the one where it belongs.
LEAKS = {
    "/integrations/KEY/events/": {
        "summary": "leak of KEY", "dedup_key": "KEY-1", "routing_key": "KEY", "url": "https://b/integrations/KEY/events/",
        "severity": "KEY", "source": "KEY", "details": {"KEY": [{"deep": "a KEY b"}]}, "runbook_url": "https://b/KEY",
    },
    "/v2/enqueue": V2 | {"routing_key": "KEY", "service_key": "KEY", "links": [{"href": "https://b/KEY", "text": "KEY"}]},
    "/generic/2010-04-15/create_event.json": V1 | {"service_key": "KEY", "routing_key": "KEY", "details": {"a": "KEY"}},
    "/integrations/KEY/alertmanager/": {
        "receiver": "KEY", "alerts": [{"status": "firing", "labels": {"KEY": "KEY"}}, {"status": "KEY", "labels": {"a": "b"}}],
    },
    "/integrations/KEY/grafana/": {"alerts": [{"status": "firing", "labels": {"a": "b"}, "valueString": "KEY", "KEY": 1}]},
    "/integrations/KEY/events": '{"summary": "a", "KEY": 1, "KEY": 2}',
}  # fmt: skip


def test_no_row_keeps_the_key_of_an_integration(client, service):
    """Field F2: what an event says is read by every login, and whoever has the key can resolve alerts."""
    for path, body in LEAKS.items():
        text = body if isinstance(body, str) else json.dumps(body)
        answer = post(client, path.replace("KEY", service.key), text.replace("KEY", service.key))
        assert answer.status_code in (200, 202) or "more than once" in answer.content.decode()
    rows = {model.__name__: list(model.objects.values()) for model in (Alert, AlertEvent, Refusal, Unread)}
    assert service.key not in json.dumps(rows, default=str)
    assert [len(kept) for kept in rows.values()] == [5, 5, 1, 1]
    own = Alert.objects.get(dedup_key="…-1")
    assert (own.summary, own.details["…"]) == ("leak of …", [{"deep": "a … b"}])


def test_a_test_event_goes_the_way_of_events_and_pages_nobody(world, service):
    """Point 3: by POST only."""
    coach = browser_of(world.person("coach", is_staff=True, is_superuser=True))
    path = f"/admin/dispatching/integration/{service.pk}/"
    assert "Send a test event" in coach.get(f"{path}change/").content.decode()
    assert not Alert.objects.exists()
    answer = coach.post(f"{path}verb/send_test/", follow=True)
    alert = Alert.objects.get()
    world.now += HOUR
    world.sweep()
    assert (alert.state, alert.service, world.told()) == ("resolved", service.service, [])
    assert f"A test event opened alert #{alert.pk} for Log-on" in answer.content.decode()


# --- whose services a key may name (S20) ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("team", "allowed", "told"),
    [("other", False, "ana"), ("other", True, "bo"), ("own", False, "bo"), ("none", False, "bo")],
)
def test_a_key_raises_alerts_for_another_teams_service_only_if_allowed(world, service, team, allowed, told):
    """S20: otherwise its own people are told, so that nothing is lost."""
    bo = world.person("bo")
    teams = {"own": world.team("Team 1"), "other": world.team("Team 2", bo), "none": None}
    reports = world.service(world.policy((HOUR, bo)), name="Reports").service
    for each, owner in ((service.service, "own"), (reports, team)):
        each.team = teams[owner]
        each.save()
    Integration.objects.filter(pk=service.pk).update(other_teams=allowed)
    _, [accepted] = sure(intake.receive(service.key, [Event("trigger", "k", summary="s", service="reports")]))
    world.now = timezone.now()
    world.sweep()
    assert world.told() == [told]
    text = sure(Alert.objects.get(pk=sure(accepted.alert_id)).events.first()).text
    assert ("it belongs to another team: assigned to Log-on" in text) == (told == "ana")
