"""Four formats, one Event: what monitoring tools really send, and what they get wrong."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatching.inbound import alertmanager, generic, grafana, pagerduty
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.strict_json import loads
from dispatching.rules.event import KEY_LENGTH, NAME_LENGTH, SUMMARY_LENGTH, URL_LENGTH, Event, derive_key
from dispatching.rules.instant import instant, is_no_time

PAYLOADS = Path(__file__).parent / "payloads"


def sample(name):
    return loads((PAYLOADS / f"{name}.json").read_bytes())


def own(**changes):
    return {"summary": "Login is slow", "dedup_key": "login", **changes}


def enqueued(**changes):
    inner = {"summary": "Login is slow", "source": "probe-1", "severity": "error"}
    top = {name: changes.pop(name) for name in ("event_action", "dedup_key", "links") if name in changes}
    return {"routing_key": "r", "event_action": "trigger", "payload": {**inner, **changes}, **top}


def fired(labels=None, annotations=None, **changes):
    alert = {"status": "firing", "labels": {"alertname": "Slow"} | (labels or {}), "annotations": annotations or {}}
    return {"version": "4", "status": "firing", "alerts": [{**alert, "fingerprint": "f1", **changes}]}


def taken(read) -> list[Event]:
    """The events, none of which was refused."""
    assert all(isinstance(each, Event) for each in read)
    return list(read)


def only(read) -> Event:
    (event,) = taken(read)
    return event


def refusal(parse, payload):
    try:
        read = parse(payload)
    except BadInput as bad:
        return bad.errors
    return [error for each in read if isinstance(each, BadInput) for error in each.errors]


# --- real payloads ----------------------------------------------------------------------------------------------------


def test_our_own_format_carries_an_slo_breach_whole():
    event = only(generic.parse(sample("own_slo_breach")))
    assert (event.action, event.dedup_key, event.priority, event.severity) == (
        "trigger",
        "login-availability/us",
        1,
        "critical",
    )
    assert (event.service, event.deployment, event.product) == ("login", "Production US", "Product B")
    assert event.slo == "99.95 % of logins succeed"
    assert event.occurred_at == datetime(2026, 3, 10, 1, 30, tzinfo=UTC)
    assert event.details["sli"] == "availability"
    assert event.details["team_hint"] == "identity"


def test_pagerduty_events_keep_everything_they_bring():
    payload = sample("pagerduty_trigger")
    event = only(pagerduty.parse(payload))
    assert pagerduty.routing_key(payload) == "0123456789abcdef0123456789abcdef"
    assert (event.action, event.dedup_key, event.severity) == ("trigger", "srv01/HTTP", "critical")
    assert (event.source, event.component, event.service, event.priority) == ("srv01.example.org", "nginx", "shop", 1)
    assert event.runbook_url == "https://runbooks.example.org/http"
    assert event.occurred_at == datetime(2026, 7, 17, 8, 42, 58, 315000, tzinfo=UTC)
    kept = event.details
    assert (kept["group"], kept["class"], kept["client"], kept["load"]) == (
        "web",
        "latency",
        "Example Monitoring",
        [0.7, 1.2],
    )
    assert (kept["links"], kept["images"]) == (payload["links"], payload["images"])


def test_alertmanagers_own_pagerduty_messages_resolve():
    event = only(pagerduty.parse(sample("pagerduty_from_alertmanager")))
    assert event.action == "resolve"
    assert event.dedup_key.startswith("5f43ccd7")
    assert event.details["num_resolved"] == "1"


def test_each_alert_of_alertmanager_is_one_event():
    burning, crashing = taken(alertmanager.parse(sample("alertmanager_firing")))
    assert (burning.action, burning.dedup_key) == ("trigger", "6c1fbe2ab0cd8c2d")
    assert burning.summary == "Checkout burns its error budget too fast in eu-1"
    assert (burning.severity, burning.priority, burning.service) == ("error", 2, "checkout")
    assert (burning.deployment, burning.product, burning.slo) == ("Production EU", "Product A", "checkout-availability")
    assert burning.source == "10.2.0.17:8080"
    assert burning.runbook_url == "https://runbooks.example.org/checkout/error-budget"
    assert burning.dashboard_url == "https://grafana.example.org/d/checkout/slo?var-cluster=eu-1"
    assert burning.occurred_at == datetime(2026, 3, 28, 23, 12, 26, 739266, tzinfo=UTC)
    assert burning.details["generatorURL"].startswith("http://prometheus-0:9090/")
    assert burning.details["externalURL"] == "http://alertmanager-0:9093"
    assert (crashing.action, crashing.dedup_key) == ("resolve", "3ff92e2fe8cb42ae")
    assert crashing.summary.startswith("Pod checkout/checkout-7c9d6bd4f-x2v5k")
    assert crashing.occurred_at == datetime(2026, 3, 28, 23, 10, 11, 10000, tzinfo=UTC)
    assert crashing.details["startsAt"] == "2026-03-28T22:55:11.010000+00:00"


def test_grafana_brings_the_panel_as_the_dashboard():
    event = only(grafana.parse(sample("grafana_firing")))
    assert event.dashboard_url == "https://grafana.example.org/d/memory?orgId=1&viewPanel=4"
    assert (event.severity, event.source) == ("error", "web-3")
    assert event.summary == "Less than 5 % of the memory of web-3 is free."
    assert event.details["values"] == {"A": 96.2, "C": 1}
    assert {"valueString", "imageURL", "silenceURL", "dashboardURL", "panelURL"} <= set(event.details)


def test_a_dashboard_annotation_goes_before_grafanas_panel():
    payload = fired(annotations={"dashboard_url": "https://a.example"}, panelURL="https://b.example")
    assert only(grafana.parse(payload)).dashboard_url == "https://a.example"


# --- what makes two events one alert ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parse", "build"),
    [
        (generic.parse, own),
        (pagerduty.parse, enqueued),
        (alertmanager.parse, lambda dedup_key: fired(fingerprint=dedup_key)),
    ],
    ids=["generic", "pagerduty", "alertmanager"],
)
def test_i6_an_empty_key_is_derived_and_a_long_one_hashed(parse, build):
    def key(given):
        return only(parse(build(dedup_key=given))).dedup_key

    assert key("k" * KEY_LENGTH) == "k" * KEY_LENGTH
    assert key("").startswith("derived-") and key("") == key(None)
    assert key("k" * 10_240).startswith("sha256-") and len(key("k" * 10_240)) <= KEY_LENGTH
    assert key("k" * 10_240) == key("k" * 10_240) != key("k" * 10_241)


@pytest.mark.parametrize(("one", "other"), [("Login", "login"), ("é", "e\u0301"), ("a", "a "), ("ſ", "s")])
def test_i7_keys_are_compared_byte_by_byte(one, other):
    assert [only(generic.parse(own(dedup_key=key))).dedup_key for key in (one, other)] == [one, other]
    long = [only(generic.parse(own(dedup_key=key * 300))).dedup_key for key in (one, other)]
    assert long[0] != long[1]


def test_i6_a_derived_key_forgets_measurements_and_times_but_not_places():
    def key(**changes):
        return only(generic.parse({"summary": "Slow", "source": "a", **changes})).dedup_key

    assert key(details={"value": 1}, occurred_at="2026-01-01T00:00:00Z", severity="info") == key()
    assert len({key(), key(source="b"), key(service="a"), key(summary="Fast"), key(source="", component="a")}) == 5


def test_i6_a_derived_key_tells_pagerduty_events_apart_by_all_that_places_them():
    places = [{}, {"source": "b"}, {"component": "b"}, {"group": "b"}, {"class": "b"}, {"summary": "b"}]
    keys = {only(pagerduty.parse(enqueued(**place))).dedup_key for place in [*places, {"timestamp": "2026-01-01"}]}
    assert len(keys) == len(places)


def test_i6_a_derived_key_is_the_same_tomorrow_and_in_any_order():
    assert derive_key({"a": "1"}) == "derived-9afeb0f2b203f254312ec8ded441d0318b7c34c57f8695ede42d2215a30c0960"
    assert derive_key({"a": "1", "b": "", "c": "2"}) == derive_key({"c": "2", "b": None, "a": "1"})


def test_alerts_without_a_fingerprint_are_known_by_their_labels():
    def key(**labels):
        return only(alertmanager.parse(fired(labels, fingerprint=None))).dedup_key

    assert key(pod="a") == key(pod="a") != key(pod="b")


def test_i13_a_resolve_finds_its_alert_by_the_key_whatever_the_title():
    fire, resolve = own(summary="Slow"), {"action": "resolve", "dedup_key": "login", "summary": "All well"}
    assert only(generic.parse(fire)).dedup_key == only(generic.parse(resolve)).dedup_key


# --- refusals ---------------------------------------------------------------------------------------------------------

WRONG = {
    "no summary": (generic, {}, "summary: is required to trigger"),
    "a slip": (generic, {"sumary": "x"}, "summary: is required to trigger; “sumary” is not a field"),
    "blank summary": (generic, {"summary": "  "}, "summary: is required to trigger"),
    "resolve without a key": (generic, {"action": "resolve"}, "dedup_key: is required to resolve"),
    "acknowledge with an empty key": (
        generic,
        {"action": "acknowledge", "dedup_key": ""},
        "dedup_key: is required to acknowledge",
    ),
    "unknown action": (generic, own(action="close"), "action: must be one of trigger, acknowledge, resolve"),
    "scalar (J15)": (generic, 5, "body: must be an object or a list"),
    "empty list (J15)": (generic, [], "body: send at least one event"),
    "list of scalars": (generic, [own(), 5], "[1]: must be an object"),
    "too many": (generic, {"events": [own()] * 1001}, "events: send at most 1000 events at once, not 1001"),
    "one wrong of three": (generic, {"events": [own(), own(summary=""), own()]}, "events[1].summary: is required"),
    "events not a list": (generic, {"events": {}}, "events: must be a list"),
    "no event_action": (pagerduty, {"routing_key": "r"}, "event_action: is required"),
    "no payload": (pagerduty, {"event_action": "trigger"}, "payload: is required to trigger"),
    "payload a list": (pagerduty, {"event_action": "trigger", "payload": []}, "payload: must be an object"),
    "no source (case 02)": (pagerduty, enqueued(source=""), "payload.source: is required"),
    "PagerDuty resolve without a key": (
        pagerduty,
        enqueued(event_action="resolve"),
        "dedup_key: is required to resolve",
    ),
    "no alerts": (alertmanager, {"version": "4"}, "alerts: is required"),
    "alerts an object": (alertmanager, {"alerts": {}}, "alerts: must be a list"),
    "alert a scalar": (alertmanager, {"alerts": [1]}, "alerts[0]: must be an object"),
    "no status": (alertmanager, {"alerts": [{"fingerprint": "f"}]}, "alerts[0].status: is required"),
    "odd status": (alertmanager, fired(status="gone"), "alerts[0].status: must be one of firing, resolved"),
    "no labels": (alertmanager, {"status": "firing", "alerts": [{}]}, "alerts[0].labels: is required"),
    "too many alerts": (alertmanager, {"alerts": [{}] * 2001}, "alerts: send at most 2000 at once"),
}


@pytest.mark.parametrize(("parser", "payload", "message"), WRONG.values(), ids=WRONG)
def test_j16_a_wrong_field_is_named(parser, payload, message):
    assert refusal(parser.parse, payload)[0].startswith(message)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "routing_key: is required"),
        ({"routing_key": 5}, "routing_key: must be text"),
        ([], "body: must be an object"),
    ],
)
def test_j16_a_missing_routing_key_is_named(payload, message):
    assert refusal(pagerduty.routing_key, payload) == [message]


def test_every_wrong_event_of_a_batch_is_named_and_costs_no_other():
    """Point 3: one bad event does not cost the others, in our own format as in Alertmanager's."""
    batch = [own(action="close"), own(), {}]
    assert refusal(generic.parse, batch) == [
        "[0].action: must be one of trigger, acknowledge, resolve",
        "[2].summary: is required to trigger",
    ]
    assert [getattr(each, "summary", None) for each in generic.parse(batch)] == [None, "Login is slow", None]
    group = {"status": "firing", "alerts": [{"fingerprint": "a"}, 5, {"fingerprint": "b", "status": "odd"}, {}]}
    assert [getattr(each, "dedup_key", None) for each in alertmanager.parse(group)] == ["a", None, None, None]


# Each value of an unexpected kind → what becomes of it; the event is taken (cases 01, 03; E18 and E19 at the intake).
KEPT = {
    "source a number (case 01)": (pagerduty, enqueued(source=1), {"source": "1"}, {}),
    "severity unknown (case 03)": (pagerduty, enqueued(severity="none"), {"severity": ""}, {"severity": "none"}),
    "severity missing": (pagerduty, enqueued(severity=None), {"severity": ""}, {}),
    "severity in capitals": (pagerduty, enqueued(severity="CRITICAL"), {"severity": "critical"}, {}),
    "key a number": (pagerduty, enqueued(dedup_key=13), {"dedup_key": "13"}, {}),
    "class a number": (pagerduty, enqueued(**{"class": 5}), {}, {"class": 5}),
    "links an object": (pagerduty, enqueued(links={"a": 1}), {}, {"links": {"a": 1}}),
    "custom_details text": (pagerduty, enqueued(custom_details="log"), {}, {"custom_details": "log"}),
    "PagerDuty leap second": (
        pagerduty,
        enqueued(timestamp="2024-03-10T02:30:60Z"),
        {"occurred_at": None},
        {"timestamp": "2024-03-10T02:30:60Z"},
    ),
    "summary a number": (generic, {"summary": 5}, {"summary": "5"}, {}),
    "service an object": (generic, own(service={"a": [True]}), {"service": '{"a": [true]}'}, {}),
    "priority text": (generic, own(priority="P1"), {"priority": 1}, {}),
    "priority 0": (generic, own(priority=0), {"priority": None}, {"priority": 0}),
    "priority 2^31 (J15)": (generic, own(priority=2**31), {"priority": None}, {"priority": 2**31}),
    "priority true": (generic, own(priority=True), {"priority": None}, {"priority": True}),
    "details a list": (generic, own(details=[1]), {}, {"details": [1]}),
    "E18 naive": (
        generic,
        own(occurred_at="2024-03-10T02:30:00"),
        {"occurred_at": None},
        {"occurred_at": "2024-03-10T02:30:00"},
    ),
    "labels a list": (alertmanager, {"alerts": [{"status": "firing", "labels": [1]}]}, {}, {"labels_": [1]}),
    "fingerprint a number": (alertmanager, fired(fingerprint=5), {"dedup_key": "5"}, {}),
    "startsAt words": (alertmanager, fired(startsAt="yesterday"), {"occurred_at": None}, {"startsAt": "yesterday"}),
    "truncatedAlerts text": (alertmanager, fired() | {"truncatedAlerts": "3"}, {}, {"truncatedAlerts": "3"}),
}


@pytest.mark.parametrize(("parser", "payload", "fields", "details"), KEPT.values(), ids=KEPT)
def test_a_value_of_an_unexpected_kind_costs_no_page(parser, payload, fields, details):
    """Cases 01 and 03, and their kind."""
    event = only(parser.parse(payload))
    assert {name: getattr(event, name) for name in fields} == fields
    assert {name: event.details.get(name) for name in details} == details


odd: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-5, 2**64 - 1) | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
)
odd |= st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2)
OWN = [
    "severity",
    "priority",
    "service",
    "source",
    "component",
    "slo",
    "deployment",
    "product",
    "details",
    "occurred_at",
]
ALERT = ["fingerprint", "annotations", "startsAt", "endsAt", "generatorURL", "values"]
INNER = ["severity", "timestamp", "component", "group", "class", "custom_details"]


@given(st.sampled_from(OWN), st.sampled_from(ALERT), st.sampled_from(INNER), odd, st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_field_but_those_of_routing_refuses_an_event(ours, alert, inner, value, ends):
    """Point 3: whatever the type of the value is; a resolve needs its key and nothing else."""
    state, action = ("resolved", "resolve") if ends else ("firing", "trigger")
    payload = {inner: value} if ends else {"summary": "s", "source": "h", inner: value}
    bodies = [
        (generic, {"summary": "s", "dedup_key": "k", "action": action, ours: value}),
        (alertmanager, {"alerts": [{"labels": {"a": "b"}, "status": state, alert: value}], "receiver": value}),
        (pagerduty, {"event_action": action, "dedup_key": "k", "client": value, "payload": payload}),
        (pagerduty, {"event_action": "resolve", "dedup_key": 7, "payload": value, "links": value}),
    ]
    for parser, body in bodies:
        assert isinstance(only(parser.parse(body)), Event)


AT = datetime(2026, 11, 27, 21, 40, 3, tzinfo=UTC)
FORMS = [
    *("2026-11-27T21:40:03Z", "2026-11-27t21:40:03z", "2026-11-27 22:40:03+0100", "2026-11-27T21:40:03+00"),
    *("2026-11-27 21:40:03 +0000 UTC m=+0.01", "2026-11-27T22:40:03+01:00[Europe/Berlin]", "20261127T214003Z"),
    *("2026/11/27 21:40:03 GMT", "Fri, 27 Nov 2026 21:40:03 GMT", "27 Nov 2026 22:40:03 +0100"),
    *("Fri Nov 27 2026 22:40:03 GMT+0100 (Central European Standard Time)", "2026-11-27T21:40:03,000000000Z"),
    *(1795815603, 1795815603.0, "1795815603", 1795815603000, "1795815603000", 1795815603000000, 1795815603000000000),
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_any_form_of_a_time_in_use_is_read(form):
    """Point 3: never a 400."""
    assert only(generic.parse(own(occurred_at=form))).occurred_at == AT


@given(st.datetimes(datetime(1991, 1, 1), datetime(2199, 1, 1)), st.sampled_from(["iso", "s", "ms", "mail", "go"]))
@settings(max_examples=60, deadline=None)
def test_every_time_is_read_in_every_form(moment, form):
    at = moment.replace(tzinfo=UTC, microsecond=0)
    forms = {
        "iso": at.isoformat(),
        "s": at.timestamp(),
        "ms": int(at.timestamp() * 1000),
        "mail": format_datetime(at),
        "go": f"{at:%Y-%m-%d %H:%M:%S} +0000 UTC",
    }
    assert instant(forms[form]) == at


@given(st.text(alphabet="0123456789-:TZ+. ,/[]GMTUCNovFri", max_size=40) | odd | st.floats(allow_nan=False))
@settings(max_examples=150, deadline=None)
def test_what_is_no_time_is_kept_and_costs_nothing(value):
    event = only(generic.parse(own(occurred_at=value)))
    assert event.occurred_at or is_no_time(value) or not value or event.details["occurred_at"] == value


@pytest.mark.parametrize(
    ("name", "summary"), [("nodata", "No data: Service failed"), ("nodata_with_summary", "No data: Checkout")]
)
def test_a_rule_without_data_is_named_and_nothing_is_claimed_to_be_down(name, summary):
    """Case 18"""
    event = only(grafana.parse(sample(name)))
    assert event.summary == summary
    assert event.details["labels"]["alertname"] == "DatasourceNoData"


@pytest.mark.parametrize(
    ("labels", "annotations", "summary"),
    [
        ({"alertname": "DatasourceError", "rulename": "Disk"}, {"summary": "full"}, "Not measured (error): Disk"),
        ({"alertname": "Disk"}, {"summary": "full", "grafana_state_reason": "NoData"}, "No data: Disk"),
        ({"alertname": "DatasourceNoData"}, {}, "DatasourceNoData"),
        ({"alertname": "Disk", "rulename": "x"}, {"summary": "full"}, "full"),
    ],
)
def test_what_was_not_measured_is_not_claimed(labels, annotations, summary):
    """Case 18, its kind: also by way of another Alertmanager."""
    assert only(alertmanager.parse(fired(labels, annotations))).summary == summary


def test_version_1_of_pagerdutys_events_is_taken():
    """Case 11"""
    event = only(pagerduty.parse_v1(sample("events_v1")))
    assert (event.action, event.dedup_key, event.source) == ("trigger", "abc123", "AlertManager")
    assert event.summary == "[FIRING:1] MyAlert (labels)"
    assert event.details["firing"] == "Labels//Instanceinfo//ETC"
    assert only(pagerduty.parse_v1({"event_type": "resolve", "incident_key": "abc123"})).action == "resolve"
    assert refusal(pagerduty.parse_v1, {"event_type": "trigger"}) == ["description: is required to trigger"]


# --- leniency where a page would be lost ------------------------------------------------------------------------------


def test_the_action_is_trigger_unless_said_otherwise():
    assert only(generic.parse(own())).action == "trigger"
    assert [event.dedup_key for event in taken(generic.parse({"events": [own(), own(dedup_key="b")]}))] == [
        "login",
        "b",
    ]


def test_what_is_not_given_may_be_null_or_empty():
    nothing = dict.fromkeys(["action", "severity", "priority", "service", "runbook_url", "details", "occurred_at"])
    assert generic.parse(own(**nothing)) == generic.parse(own()) == generic.parse(own(severity="", occurred_at=""))


def test_long_text_is_cut_and_kept_whole_in_the_details():
    event = only(generic.parse(own(summary="s" * 2_000, service="n" * 300, details={"summary": "mine"})))
    assert len(event.summary) == SUMMARY_LENGTH and event.summary.endswith("s…")
    assert len(event.service) == NAME_LENGTH
    assert event.details == {"summary": "mine", "summary_": "s" * 2_000, "service": "n" * 300}
    assert only(generic.parse(own(summary="s" * SUMMARY_LENGTH))).details == {}


def test_a_detail_and_an_unknown_field_of_the_same_name_are_both_kept():
    assert only(generic.parse(own(host="a", details={"host": "b"}))).details == {"host": "b", "host_": "a"}


def test_an_event_with_a_summary_is_one_event_even_if_it_counts_events():
    assert only(generic.parse(own(events=[1, 2]))).details == {"events": [1, 2]}


def test_what_pagerduty_defines_goes_before_custom_details_and_links():
    custom = {"source": "b", "component": "c", "runbook_url": "https://a.example", "service": True, "slo": 3}
    links = [{"text": "runbook", "href": "https://b.example"}]
    event = only(pagerduty.parse(enqueued(custom_details=custom, links=links)))
    assert (event.source, event.component, event.runbook_url) == ("probe-1", "c", "https://a.example")
    assert (event.service, event.slo) == ("", "3")


def test_pagerduty_times_without_an_offset_are_utc():
    event = only(pagerduty.parse(enqueued(timestamp="2015-07-17T08:42:58")))
    assert event.occurred_at == datetime(2015, 7, 17, 8, 42, 58, tzinfo=UTC)


@pytest.mark.parametrize("zero", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "", None])
def test_a_zero_time_means_none(zero):
    assert only(alertmanager.parse(fired(startsAt=zero, endsAt=zero))).occurred_at is None


def test_lower_case_z_and_nanoseconds_are_times():
    at = only(generic.parse(own(occurred_at="2024-03-10T02:30:00.123456789z"))).occurred_at
    assert at == datetime(2024, 3, 10, 2, 30, 0, 123456, tzinfo=UTC)
    assert at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("label", "severity"),
    [("critical", "critical"), ("Error", "error"), ("major", "error"), ("page", "error"), ("WARNING", "warning")]
    + [("info", "info"), ("none", ""), ("", ""), (3, ""), (["critical"], "")],
)
def test_severity_labels_are_mapped_and_unknown_ones_left_open(label, severity):
    assert only(alertmanager.parse(fired({"severity": label}))).severity == severity


@pytest.mark.parametrize(
    ("label", "priority"),
    [
        ("P2", 2),
        ("2", 2),
        (2, 2),
        ("p5", 5),
        ("P0", None),
        ("6", None),
        ("high", None),
        ("٢", None),
        (True, None),
        (2.5, None),
    ],
)
def test_priority_labels_are_taken_only_when_they_say_1_to_5(label, priority):
    assert only(alertmanager.parse(fired({"priority": label}))).priority == priority


@pytest.mark.parametrize(
    ("annotations", "labels", "summary"),
    [
        ({"summary": "S", "description": "D"}, {}, "S"),
        ({"summary": "", "description": "D"}, {}, "D"),
        ({}, {}, "Slow"),
        ({}, {"alertname": "", "pod": "a"}, "alertname=, pod=a"),
        ({"description": {"odd": 1}}, {"alertname": 7}, "7"),
    ],
)
def test_an_alert_always_has_words(annotations, labels, summary):
    assert only(alertmanager.parse(fired(labels, annotations))).summary == summary


UNSAFE = ["javascript:alert(1)", " https://a.example", "data:text/html,x", "//a.example", "https://", "http:///x"]
UNSAFE += [
    "https://a.example/\nx",
    'https://a.example/"onclick=',
    "https://a\\b",
    "https://a.example/" + "x" * URL_LENGTH,
]


@pytest.mark.parametrize("address", UNSAFE, ids=lambda text: text[:30])
def test_k8_only_web_addresses_become_links_and_others_stay_as_text(address):
    events = [
        *generic.parse(own(runbook_url=address, dashboard_url=address)),
        *pagerduty.parse(enqueued(custom_details={"runbook_url": address, "dashboard_url": address})),
        *pagerduty.parse(enqueued(links=[{"text": "runbook", "href": address}, 5, {"text": "dashboard", "href": 5}])),
        *alertmanager.parse(fired(annotations={"runbook_url": address, "dashboard": address}, generatorURL=address)),
        *grafana.parse(fired(annotations={"runbook": address}, panelURL=address, dashboardURL=address)),
    ]
    for event in taken(events):
        assert (event.runbook_url, event.dashboard_url) == ("", "")
        assert event.details["runbook_url"] == address


@pytest.mark.parametrize("address", ["http://[::1]:9090/x", "HTTPS://a.example/ü?x={a|b}#c", "https://a"])
def test_k8_ordinary_addresses_are_links(address):
    assert only(generic.parse(own(runbook_url=address))).runbook_url == address


def test_one_long_group_key_does_not_multiply():
    payload = {**fired(), "groupKey": "k" * 100_000}
    payload["alerts"] *= 500
    assert sum(len(json.dumps(event.details)) for event in taken(alertmanager.parse(payload))) < 1_000_000


def test_an_unknown_field_of_an_event_is_kept_for_people_to_see():
    """P16: a resolve that was meant by a word that we do not know stands at least on the alert's page."""
    [event] = taken(generic.parse({"summary": "x", "status": "nonsense"}))
    assert (event.action, event.details) == ("trigger", {"status": "nonsense"})


# What was sent in our own format → the action, and the fields that the answer names as not understood, or not as meant.
UNREAD = {
    "nothing": ({}, "trigger", []),
    "all understood": ({"priority": "P1", "severity": "error", "links": ["https://a.example"]}, "trigger", []),
    "details of one's own": ({"host": "a", "status_code": 500, "status": 500}, "trigger", []),
    "status: resolved": ({"status": "resolved"}, "resolve", ["status"]),
    "event_action: resolve": ({"event_action": "resolve"}, "resolve", ["event_action"]),
    "state: Acknowledged": ({"state": " Acknowledged"}, "acknowledge", ["state"]),
    "the clearest word counts": ({"status": "odd", "event_action": "resolve"}, "resolve", ["event_action"]),
    "an empty action": ({"action": " ", "status": "resolved"}, "resolve", ["status"]),
    "an action is an action": ({"action": "trigger", "status": "resolved"}, "trigger", []),
    "status: firing": ({"status": "firing"}, "trigger", []),
    "status: nonsense": ({"status": "nonsense"}, "trigger", ["status"]),
    "nothing to resolve by": ({"status": "resolved", "dedup_key": ""}, "trigger", ["status"]),
    "priority: 9": ({"priority": 9}, "trigger", ["priority"]),
    "severity and time": ({"severity": "awful", "occurred_at": "soon"}, "trigger", ["severity", "occurred_at"]),
    "slips": ({"priorty": 1, "Severity": "error"}, "trigger", ["priorty", "Severity"]),
    "a slip beside the field": ({"priority": 1, "priorty": 1}, "trigger", []),
}


@pytest.mark.parametrize(("changes", "action", "named"), UNREAD.values(), ids=UNREAD)
def test_what_is_not_understood_is_named_and_costs_no_page(changes, action, named):
    """P16: “it is over” in another tool's words was counted as one more report, without a word."""
    event = only(generic.parse(own(**changes)))
    assert (event.action, [sentence.partition(":")[0] for sentence in event.unread]) == (action, named)
    resolved = only(generic.parse({"dedup_key": "login", "status": "resolved"}))
    assert resolved.action == "resolve", "which needs no summary"


def test_what_is_not_understood_is_named_in_other_formats_too():
    event = only(pagerduty.parse(enqueued(severity="none", timestamp="soon")))
    assert event.unread == (
        "payload.severity: “none” is not a severity (critical, error, warning, info); it is kept in the details",
        "payload.timestamp: “soon” is not a time with its zone; it is kept in the details",
    )
    assert [event.unread for event in taken(generic.parse([own(), own(priority=9)]))] == [
        (),
        ("[1].priority: “9” is not a priority (1 to 5); it is kept in the details",),
    ]
    assert only(alertmanager.parse(fired(startsAt="yesterday"))).unread[0].startswith("alerts[0].startsAt: ")
