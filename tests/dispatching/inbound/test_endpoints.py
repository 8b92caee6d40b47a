"""Intake over HTTP: what is accepted is committed, what is wrong is refused with the field named, never a 5xx."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from dispatching.alerts import intake
from dispatching.models import Alert, AlertEvent, Escalation, Refusal
from dispatching.rules.event import Event
from tests.sure import sure

HOUR = timedelta(hours=1)
PAYLOADS = Path(__file__).parent / "payloads"


@pytest.fixture
def service(world):
    ana = world.person("ana")
    return world.service(world.policy((HOUR, ana)), name="Log-on")


def post(client, path, body, **more):
    body = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(path, body, content_type=more.pop("content_type", "application/json"), **more)


def own(service) -> str:
    return f"/integrations/{service.key}/events/"


def page_of(action="trigger", **more):
    payload = {"summary": "disk full", "source": "db-1", "severity": "critical"}
    return {"routing_key": more.pop("key"), "event_action": action, "dedup_key": "d", "payload": payload, **more}


def test_pagerduty_events_trigger_acknowledge_and_resolve(client, world, service):
    states = []
    for action in ("trigger", "acknowledge", "resolve"):
        answer = post(client, "/v2/enqueue", page_of(action, key=service.key))
        assert (answer.status_code, answer.json()["status"], answer.json()["dedup_key"]) == (202, "success", "d")
        states.append(Alert.objects.get().state)
    assert states == ["triggered", "acknowledged", "resolved"]


def test_a_pagerduty_event_without_a_key_gets_one(client, service):
    """I6"""
    event = page_of(key=service.key, dedup_key="")
    first, second = (post(client, "/v2/enqueue", event).json()["dedup_key"] for _ in range(2))
    assert first == second != ""


def test_our_own_event_brings_everything(client, world, service):
    """A20"""
    body = {
        "summary": "log-on is down", "dedup_key": "k", "priority": 2, "severity": "error", "slo": "99.9 %",
        "deployment": "Production EU", "product": "A", "runbook_url": "https://r.example/", "details": {"endpoint": "/login"},
    }  # fmt: skip
    answer = post(client, own(service), body)
    alert = Alert.objects.get()
    assert answer.status_code == 202
    assert answer.json()["events"] == [{"dedup_key": "k", "alert": alert.pk, "outcome": "triggered"}]
    assert (alert.severity, alert.slo, alert.deployment, alert.details) == (
        "error",
        "99.9 %",
        "Production EU",
        {"endpoint": "/login"},
    )
    assert alert.priority is None  # there is no priority 2 here yet: the person on call sets it


def test_alertmanager_alerts_are_one_event_each_and_resolve(client, world, service):
    payload = json.loads(next(PAYLOADS.glob("alertmanager*")).read_text())
    path = f"/integrations/{service.key}/alertmanager/"
    for alert in payload["alerts"]:
        alert.update(status="firing", endsAt="0001-01-01T00:00:00Z")
    assert post(client, path, payload).status_code == 202
    assert Alert.objects.filter(state="triggered").count() == len(payload["alerts"])
    for alert in payload["alerts"]:
        alert.update(status="resolved", endsAt="2030-01-01T00:00:00Z")
    assert post(client, path, payload).status_code == 202
    assert not Alert.objects.exclude(state="resolved").exists()


@pytest.mark.parametrize("path", ["events", "alertmanager", "grafana"])
def test_an_unknown_key_is_refused(client, db, path):
    answer = post(client, f"/integrations/nope/{path}/", {"summary": "x"})
    assert (answer.status_code, answer.json()["errors"]) == (401, ["key: no integration has this key"])


def test_an_unknown_or_disabled_routing_key_is_refused(client, service):
    service.enabled = False
    service.save(update_fields=["enabled"])
    for key in (service.key, "nope"):
        answer = post(client, "/v2/enqueue", page_of(key=key))
        assert answer.status_code == 401 and "routing_key" in answer.json()["errors"][0]


BAD = {
    "J1 NUL in a column": (b'{"summary": "a\\u0000b"}', 400),
    "J1 NUL in free form": (b'{"summary": "a", "details": {"log": "a\\u0000b"}}', 202),
    "J2 NUL in a key": (b'{"summary": "a", "details": {"a\\u0000": 1}}', 400),
    "J3 lone surrogate": (b'{"summary": "a\\ud800b"}', 400),
    "J3 lone surrogate in free form": (b'{"summary": "a", "details": {"log": "\\ud800"}}', 202),
    "J4 5,000 deep": (b'{"summary": "a", "details": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400),
    "J4 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, 400),
    "J5 900 deep": (b'{"summary": "a", "details": ' + b'{"a":' * 900 + b"1" + b"}" * 901, 400),
    "J9 4,000 digits": (b'{"summary": "a", "details": {"n": ' + b"9" * 4000 + b"}}", 202),
    "J9 4,000 digits in a field": (b'{"summary": "a", "priority": ' + b"9" * 4000 + b"}", 400),
    "J10 duplicate keys": (b'{"summary": "a", "summary": "b"}', 400),
    "J12 right-to-left override": ('{"summary": "a\u202eb"}'.encode(), 202),
    "J15 NaN": (b'{"summary": "a", "n": NaN}', 400),
    "J15 NaN in free form": (b'{"summary": "a", "details": {"n": NaN}}', 202),
    "J15 1e400": (b'{"summary": "a", "n": 1e400}', 400),
    "J15 UTF-16": ('{"summary": "a"}'.encode("utf-16"), 400),
    "J15 BOM": (b'\xef\xbb\xbf{"summary": "a"}', 202),
    "J15 empty": (b"", 400),
    "J15 scalar": (b"3", 400),
    "J15 cut off": (b'{"summary": "a"', 400),
    "J15 invalid UTF-8": (b'{"summary": "\xff"}', 400),
    "J16 no summary": (b'{"severity": "error"}', 400),
    "J16 action": (b'{"summary": "a", "action": "close"}', 400),
    "case 03, priority 7": (b'{"summary": "a", "priority": 7}', 202),
    "case 03, severity": (b'{"summary": "a", "severity": "bad"}', 202),
    "case 01, a list as text": (b'{"summary": ["a"]}', 202),
    "J16 an empty list as text": (b'{"summary": []}', 400),
}


@pytest.mark.parametrize(("body", "status"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_or_made_harmless(client, world, service, body, status):
    """J1 to J5, J9, J10, J12, J15, J16: on every format, and never a 5xx."""
    answer = post(client, own(service), body)
    assert answer.status_code == status, answer.content
    if status == 400:
        assert answer.json()["errors"]
        assert not Alert.objects.exists()
    else:
        world.now = timezone.now()
        world.sweep()  # what was stored can be rendered and sent
        assert world.told() == ["ana"]
    for path in ("/v2/enqueue", f"/integrations/{service.key}/alertmanager/", f"/integrations/{service.key}/grafana/"):
        assert post(client, path, body).status_code < 500


def test_the_error_names_the_field(client, service):
    """J16"""
    [error] = post(client, own(service), {"summary": "a", "action": "close"}).json()["errors"]
    assert error.startswith("action")


@pytest.mark.parametrize(
    ("file", "address", "right"),
    [
        ("alertmanager_firing", "events", "/alertmanager/"),
        ("grafana_firing", "events", "/grafana/"),
        ("pagerduty_trigger", "events", "/v2/enqueue"),
        ("pagerduty_trigger", "alertmanager", "/v2/enqueue"),
        ("own_slo_breach", "alertmanager", "/events/"),
        ("own_slo_breach", "grafana", "/events/"),
    ],
)
def test_a_body_at_the_address_of_another_format_is_told_the_right_one(client, service, file, address, right):
    body = (PAYLOADS / f"{file}.json").read_text()
    answer = post(client, f"/integrations/{service.key}/{address}/", body)
    hint = f"send it to the address that ends in {right}"
    assert answer.status_code == 400 and answer.json()["errors"][0].endswith(hint)
    assert hint in Refusal.objects.get().reason, "the integration's owner reads it, too"


def test_a_fault_in_the_right_format_is_not_taken_for_another_format(client, service):
    alert = {"status": "nonsense", "labels": {"alertname": "Disk"}}
    for path, body, error in (
        ("alertmanager", {"alerts": [alert], "orgId": 1}, "alerts[0].status"),
        ("events", {"dedup_key": "k"}, "summary"),
        ("events", {"routing_key": 1}, "summary"),
        ("grafana", ["junk"], "body"),
    ):
        answer = post(client, f"/integrations/{service.key}/{path}/", body)
        assert answer.status_code == 400 and answer.json()["errors"][0].startswith(error), answer.json()
    assert post(client, own(service), [{"summary": "x"}, {"alerts": []}]).json()["status"] == "partial"


def test_a_body_over_the_limit_is_413_and_names_it(client, service):
    """J14"""
    answer = post(client, own(service), {"summary": "a", "details": {"x": "y" * 600_000}})
    assert (answer.status_code, "512 KiB" in answer.json()["message"]) == (413, True)


def test_a_bogus_charset_is_415(client, service):
    """J11"""
    answer = client.generic("POST", own(service), b"{}", content_type="application/json; charset=bogus-999")
    assert answer.status_code == 415


@pytest.mark.parametrize("query", ["?x=%00", "?x=%ff", "?page=abc"])
def test_junk_in_the_query_is_ignored(client, service, query):
    """J6"""
    assert post(client, own(service) + query, {"summary": "a"}).status_code == 202


def test_keys_with_junk_are_unknown(client, db):
    """J6, J13"""
    for key in ("%00", "%ed%a0%80", "٣", "a" * 5000):
        assert post(client, f"/integrations/{key}/events/", {"summary": "a"}).status_code in (400, 401, 404)


def test_get_changes_nothing_and_is_refused(client, service):
    assert client.get(own(service)).status_code == 405


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(client, service):
    """D4, D9: every sender tries a 503 again."""

    def away(*args, **kwargs):
        raise OperationalError

    with connection.execute_wrapper(away):
        answer = post(client, own(service), {"summary": "a"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("key", ["", "x" * 10_000, "K", "k", "é", "e\u0301"])
def test_keys_are_taken_as_they_are(client, service, key):
    """I6, I7: empty is derived, long is hashed, the rest are exact characters."""
    for _ in range(2):
        assert post(client, own(service), {"summary": "a", "dedup_key": key}).status_code == 202
    post(client, own(service), {"summary": "a", "dedup_key": "another"})
    assert sorted(Alert.objects.values_list("occurrences", flat=True)) == [1, 2]


def test_a_resolve_for_an_unknown_key_is_a_recorded_no_op(world, service):
    """I3"""
    assert world.send(service, "resolve") == intake.Accepted("k", None, "ignored")
    alert = world.trigger(service)
    for _ in range(2):
        world.send(service, "resolve")
    assert alert.events.filter(kind="ignored").count() == 1


def test_an_event_older_than_the_resolve_is_ignored_with_record(world, service):
    """I4: by the source's own clock."""
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    alert = world.trigger(service, occurred_at=noon)
    world.send(service, "resolve", occurred_at=noon + HOUR)
    assert world.send(service, "trigger", occurred_at=noon + HOUR / 2).outcome == "ignored"
    assert alert.events.filter(kind="ignored").count() == 1
    assert world.send(service, "trigger", occurred_at=noon + 2 * HOUR).outcome == "triggered"


def test_without_the_sources_clock_nothing_is_taken_for_old(world, service):
    """I4: our clock against theirs would swallow alerts of a source whose clock is behind."""
    world.trigger(service)
    world.send(service, "resolve")
    assert world.send(service, "trigger", occurred_at=world.now - 9 * HOUR).outcome == "triggered"


def test_the_same_key_at_another_integration_is_another_alert(world, service):
    """I5"""
    other = world.service(service.service.policy)
    world.trigger(service)
    world.trigger(other)
    assert Alert.objects.count() == 2


def test_a_resolve_with_another_summary_closes_it(world, service):
    """I13"""
    world.trigger(service)
    assert world.send(service, "resolve", summary="something else").outcome == "resolved"


def test_an_event_can_name_its_service_in_any_case(world, service):
    """A54"""
    other = world.service(world.policy((HOUR, world.person("bo"))), name="Uploads")
    assert world.trigger(service, service="uploads").service == other.service
    assert world.told() == ["bo"]


def test_an_event_for_a_service_nobody_knows_goes_to_the_integrations_own(world, service):
    """A54: never nowhere, and the timeline says so."""
    alert = world.trigger(service, service="typo")
    assert (alert.service, world.told()) == (service.service, ["ana"])
    assert "no service “typo” is known" in alert.events.first().text


def test_one_statement_for_any_number_of_events(world, service, django_assert_num_queries):
    with django_assert_num_queries(1):
        intake.accept(
            service, [Event(action="trigger", dedup_key=f"k{n % 70}", summary="x") for n in range(100)], now=world.now
        )
    assert Alert.objects.count() == 70


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_ends_take_as_many_statements_for_many_alerts_as_for_one(world, service, action, django_assert_max_num_queries):
    """Field F1: 1,500 resolves took 12 seconds, so the sender got 503 and sent them again."""
    for name in ("bo", "cy"):  # two pages are on their way for one alert, none for the others
        service.service.policy.steps.get().targets.create(
            user=world.person(name, points=2, after={name: 0 * HOUR, f"{name}-2": HOUR})
        )
    world.trigger(service, key="paged")
    starts = [Event(action="trigger", dedup_key=f"k{n}", summary="x") for n in range(30)]
    intake.accept(service, starts, now=world.now)
    ends = [
        Event(action=action, dedup_key=key, occurred_at=world.now) for key in ["paged", *(f"k{n}" for n in range(60))]
    ]
    with django_assert_max_num_queries(13):
        answers = intake.accept(service, ends, now=world.now)
    done = Alert.State.RESOLVED if action == "resolve" else Alert.State.ACKNOWLEDGED
    assert [answer.outcome for answer in answers] == [done] * 31 + ["ignored"] * 30
    ended = {done, world.now if action == "resolve" else None}
    assert {value for row in Alert.objects.values_list("state", "ended_at") for value in row} == ended
    assert not Escalation.objects.running().exists() and sorted(world.told()) == ["ana", "bo", "cy"]
    lines = Counter(AlertEvent.objects.filter(kind=done).values_list("text", flat=True))
    assert lines == {f"{done} by the source": 30, f"{done} by the source; 2 pages withdrawn": 1}
    with django_assert_max_num_queries(7):
        again = intake.accept(service, ends, now=world.now)
    assert {answer.outcome for answer in again} == {"ignored"}
    assert AlertEvent.objects.filter(kind="ignored", text__contains="which changes nothing now").count() == 31


@pytest.mark.parametrize(
    ("sent", "outcomes"),
    [
        ("+a -a", "triggered resolved"),
        ("-a +a", "ignored triggered"),
        ("+a -a -a", "triggered resolved ignored"),
        ("+a -a +a -a", "triggered resolved triggered resolved"),
        ("+a !a +a -a !a", "triggered acknowledged repeated resolved ignored"),
        ("+a +b -a +c -b +a !c", "triggered triggered resolved triggered resolved triggered acknowledged"),
        ("-b +a -c +b -a +c -b", "ignored triggered ignored triggered resolved triggered resolved"),
    ],
)
def test_the_events_of_a_key_keep_their_order_in_a_body(world, service, sent, outcomes):
    """Field F1: those of different keys need not."""
    actions = {"+": "trigger", "-": "resolve", "!": "acknowledge"}
    events = [Event(action=actions[mark], dedup_key=key, summary="x") for mark, key in sent.split()]
    answers = intake.accept(service, events, now=world.now)
    assert [answer.dedup_key for answer in answers] == [event.dedup_key for event in events]
    assert " ".join(answer.outcome for answer in answers) == outcomes


def test_of_two_ends_the_one_that_is_not_too_old_counts(world, service):
    """Field F1, I4"""
    alert = world.trigger(service, occurred_at=world.now)
    ends = [Event(action="resolve", dedup_key="k", occurred_at=world.now + span) for span in (-HOUR, HOUR, 2 * HOUR)]
    answers = intake.accept(service, ends, now=world.now)
    assert [answer.outcome for answer in answers] == ["ignored", "resolved", "ignored"]
    alert.refresh_from_db()
    assert alert.ended_at == world.now + HOUR


def test_repeats_in_one_post_all_count(world, service):
    """A23, S1"""
    alert = world.trigger(service)
    intake.accept(service, [Event(action="trigger", dedup_key="k", summary="x")] * 3, now=world.now)
    alert.refresh_from_db()
    assert (alert.occurrences, alert.escalations.count()) == (4, 1)


def test_a_hundred_events_in_one_post_keep_their_order(client, service):
    events = [
        {"summary": "a", "dedup_key": "k", "action": action} for action in ("trigger", "resolve", "trigger", "trigger")
    ]
    answer = post(client, own(service), events)
    assert [e["outcome"] for e in answer.json()["events"]] == ["triggered", "resolved", "triggered", "repeated"]


# --- every request is refused (faults J17) ----------------------------------------------------------------------------


@pytest.fixture
def refused(client, world, service):
    """Three requests of the integration are refused; the clock stands at the first of them."""
    world.now = timezone.now()
    post(client, own(service), {"summary": ""})
    post(client, own(service), b"\x00" * 600_000)
    post(client, "/v2/enqueue", page_of(action="explode", key=service.key))
    return service


def test_an_integration_whose_requests_are_all_refused_tells_its_owner(world, refused):
    """J17"""
    world.advance(minutes=9)
    assert world.told() == []
    world.advance(minutes=2)
    assert world.told() == ["ana"]
    alert = Alert.objects.get()
    assert alert.summary.startswith("The alerts of Log-on are being refused: event_action")
    assert alert.details["refused"] == 3
    assert "explode" in alert.details["sample"]
    assert refused.key not in json.dumps(alert.details)
    world.advance(hours=5)
    assert Alert.objects.get().occurrences == 1


def test_the_first_event_accepted_ends_it(client, world, refused):
    """J17"""
    world.advance(minutes=11)
    told = Alert.objects.get()
    assert post(client, own(refused), {"summary": "a"}).status_code == 202
    told.refresh_from_db()
    assert told.state == Alert.State.RESOLVED
    assert sure(told.events.last()).text.startswith("resolved by Tocsin: an event was accepted again")
    assert not Refusal.objects.exists()


def test_one_accepted_event_within_ten_minutes_is_no_reason_to_tell_anybody(client, world, refused):
    """J17"""
    post(client, own(refused), {"summary": "a"})
    world.advance(hours=5)
    assert [alert.summary for alert in Alert.objects.all()] == ["a"]


def test_the_integrations_page_and_api_say_that_it_is_refused(admin_client, refused):
    """J17"""
    page = admin_client.get(f"/admin/dispatching/integration/{refused.pk}/change/").content.decode()
    assert "refused 3 times since" in page
    assert "refused 3 times since" in admin_client.get(f"/api/v1/integrations/{refused.pk}/").json()["refusal"]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_database_has_closed_is_replaced(client, world):
    """D1: no question beforehand whether it still works, and yet no event is refused."""
    service = world.service(world.policy((HOUR, world.person("ana"))), name="Log-on")
    with psycopg.connect(connection.connection.info.dsn) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    assert post(client, own(service), {"summary": "s", "dedup_key": "k"}).status_code == 202
    assert Alert.objects.get().dedup_key == "k"
