"""Any payload whatever becomes storable events, or a refusal in words; nothing else is ever raised (J16)."""

import json
from dataclasses import asdict
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatching.inbound import alertmanager, generic, grafana, pagerduty
from dispatching.inbound.bad_input import BadInput
from dispatching.rules.event import ACTIONS, KEY_LENGTH, NAME_LENGTH, SEVERITIES, SUMMARY_LENGTH

NAMES = ["service", "source", "component", "slo", "deployment", "product"]
FIELDS = [*NAMES, "action", "dedup_key", "summary", "severity", "priority", "runbook_url", "details", "occurred_at"]
FIELDS += ["events", "payload", "links", "event_action", "timestamp", "class", "custom_details", "client", "status"]
FIELDS += ["alerts", "labels", "annotations", "startsAt", "endsAt", "fingerprint", "groupKey", "panelURL", "alertname"]
FIELDS += ["model_config", "model_extra", "__class__", "self"]
TELLING = ["P1", "http://a", "2024-01-01T00:00:00Z", "9999-12-31T23:59-12:00", "resolve", "firing", "critical"]

text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
long_text = st.builds(lambda part, times: part * times, text, st.integers(1, 5_000))
number = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
value = st.recursive(
    st.none() | st.booleans() | number | text | long_text | st.sampled_from(TELLING),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(st.sampled_from(FIELDS), value, max_size=5)


def own(changes):
    return {"summary": "Slow", "dedup_key": "k"} | changes


def enqueued(inner, top):
    payload = {"summary": "Slow", "source": "a", "severity": "error"} | inner
    return {"event_action": "trigger", "payload": payload} | top


def fired(labels, annotations, changes):
    alert = {"status": "firing", "labels": labels, "annotations": annotations, "fingerprint": "f"} | changes
    return {"alerts": [alert]}


@pytest.mark.parametrize(
    ("parser", "likely"),
    [
        pytest.param(generic, st.builds(own, fields), id="generic"),
        pytest.param(pagerduty, st.builds(enqueued, fields, fields), id="pagerduty"),
        pytest.param(alertmanager, st.builds(fired, fields, fields, fields), id="alertmanager"),
        pytest.param(grafana, st.builds(fired, fields, fields, fields), id="grafana"),
    ],
)
@given(data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_j16_any_payload_gives_storable_events_or_a_refusal(parser, likely, data):
    payload = data.draw(likely | fields | value)
    try:
        events = parser.parse(payload)
    except BadInput as refusal:
        assert all(": " in error for error in refusal.errors)
        return
    for event in events:
        if isinstance(event, BadInput):
            assert all(": " in error for error in event.errors)
            continue
        assert event.action in ACTIONS
        assert 1 <= len(event.dedup_key) <= KEY_LENGTH
        assert event.severity in ("", *SEVERITIES)
        assert event.priority in (None, 1, 2, 3, 4, 5)
        assert len(event.summary) <= SUMMARY_LENGTH
        assert max(len(getattr(event, name)) for name in NAMES) <= NAME_LENGTH
        assert event.occurred_at is None or event.occurred_at.utcoffset() == timedelta(0)
        json.dumps({**asdict(event), "occurred_at": None}, allow_nan=False, ensure_ascii=False).encode()
