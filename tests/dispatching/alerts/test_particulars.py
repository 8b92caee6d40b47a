"""The page names the thing (A25, case 18): labels, rule, values and the link to the source, without a database."""

import json
from pathlib import Path

import pytest

from dispatching.alerts import particulars
from dispatching.alerts.page_words import page_words
from dispatching.inbound import alertmanager, grafana, pagerduty
from dispatching.models import Alert, Recipient, Service
from tests.world import MONDAY

PAYLOADS = Path(__file__).parent.parent / "inbound/payloads"
FIELDS = ("summary", "severity", "source", "component", "slo", "deployment", "product", "runbook_url", "dashboard_url")


def alert_of(event) -> Alert:
    told = {name: getattr(event, name) for name in FIELDS}
    return Alert(pk=7, service=Service(name="shop"), details=event.details, first_at=MONDAY, **told)


def sample(parse, name) -> Alert:
    return alert_of(parse(json.loads((PAYLOADS / f"{name}.json").read_text()))[0])


@pytest.mark.parametrize(
    ("parse", "name", "lines"),
    [
        (alertmanager.parse, "alertmanager_firing", {"alertname", "In the source"}),
        (grafana.parse, "grafana_firing", {"alertname", "A", "C", "In the source", "valueString"}),
        (pagerduty.parse, "pagerduty_trigger", {"group", "class", "load", "In the source"}),
    ],
)
def test_labels_rule_values_and_the_source_are_among_the_lines(parse, name, lines):
    """A25"""
    alert = sample(parse, name)
    told = dict(particulars.of(alert))
    assert lines <= set(told)
    assert not set(told.values()) & {alert.summary, alert.runbook_url, alert.dashboard_url, alert.source}


def test_the_page_has_them_after_the_link_to_acknowledge():
    """A25: what somebody needs first comes first."""
    alert, somebody = sample(alertmanager.parse, "alertmanager_firing"), Recipient(pk=1, display_name="x")
    body = page_words(alert, somebody, why="on call", now=MONDAY)["body"]
    assert body.index("Acknowledge: http") < body.index("alertname: ") < body.index("Alert #7")


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({}, []),
        ([1], []),
        ({"labels": {"a": "b\nc\u202e"}, "n": 3, "none": None, "empty": {}}, [("a", "b c"), ("n", "3")]),
        ({"x" * 99: {"deep": ["ü"]}}, [("x" * 59 + "…", '{"deep": ["ü"]}')]),
        ({"t": "y" * 999}, [("t", "y" * 199 + "…")]),
        ({"same": "Slow", "url": "https://e.example/" + "z" * 300}, [("url", "https://e.example/" + "z" * 300)]),
        ({f"k{n:02}": n for n in range(99)}, [(f"k{n:02}", str(n)) for n in range(15)]),
    ],
    ids=str,
)
def test_any_details_become_short_lines(details, lines):
    alert = Alert(summary="Slow", service=Service(name="shop"), details=details)
    assert particulars.of(alert) == lines
