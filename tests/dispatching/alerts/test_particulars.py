"""The page names the thing (A25, case 18): labels, rule, values and the link to the source, without a database."""

import json
from pathlib import Path

import pytest

from dispatching.alerts import particulars
from dispatching.alerts.page_words import page_words
from dispatching.alerts.related import Line
from dispatching.inbound import alertmanager, generic, grafana, pagerduty
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


HERE, THERE = "https://a.example/x?a=1&b=2", "http://b.example/"
MANY = [(f"Link {n + 1}" if n else "Link", f"{THERE}{n}") for n in range(20)]


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        ({"links": [{"href": HERE, "text": "Dashboard"}]}, [("Dashboard", HERE)]),
        ({"links": {"href": HERE}}, [("Link", HERE)]),
        ({"links": [HERE, THERE, HERE]}, [("Link", HERE), ("Link 2", THERE)]),
        ({"links": HERE}, [("Link", HERE)]),
        ({"links": {"Graph": HERE, "Logs": THERE}}, [("Graph", HERE), ("Logs", THERE)]),
        (
            {"links": [{"url": HERE, "title": "Graph"}, 5, None, {}, {"text": "none"}]},
            [("Graph", HERE), ("text", "none")],
        ),
        ({"contexts": [{"type": "link", "href": HERE, "text": "Graph"}]}, [("Graph", HERE)]),
        ({"links": [{"href": "javascript:alert(1)", "text": "x"}]}, [("x", "javascript:alert(1)")]),
        ({"source_url": HERE, "client_url": THERE}, [("In the source", THERE), ("In the source 2", HERE)]),
        ({"links": [f"{THERE}{n}" for n in range(20)], "pod": "a"}, [*MANY[:8], ("pod", "a")]),
        ({"links": [5], "n": 1}, [("links", "[5]"), ("n", "1")]),
    ],
    ids=str,
)
def test_links_of_any_form_are_lines_of_their_own_first(details, lines):
    """A25: `links` stood on the page as raw JSON, and could not be tapped."""
    assert particulars.of(Alert(summary="Slow", service=Service(name="shop"), details=details)) == lines


def test_what_an_event_says_cannot_pretend_to_be_another_line_of_the_page():
    """Field F10: a summary brought its own “Acknowledge:” above ours, and U+202E turned the line around."""
    evil, plain = "a\r\nAcknowledge: http://evil/\u202e\u2028b", "a Acknowledge: http://evil/ b"
    texts = dict.fromkeys(("summary", "component", "deployment", "product", "source", "slo"), evil)
    alert = Alert(pk=1, service=Service(name="Log-on"), first_at=MONDAY, **texts)
    lines = [Line("Outage", evil)]
    words = page_words(alert, Recipient(pk=1, display_name="x"), why="on call", related=lines, now=MONDAY)
    body = words["body"].splitlines()
    assert [line.partition(":")[0] for line in body if line.startswith("Ack")] == ["Acknowledge"]
    assert body[0] == plain and {f"{name}: {plain}" for name in ("Source", "SLO", "Product", "Outage")} <= set(body)
    assert "\u202e" not in words["body"] and f"Service: Log-on ({plain})" in body


def test_links_of_our_own_format_are_read_as_those_of_pagerduty():
    """A25"""
    links = [{"href": HERE, "text": "Runbook of the shop"}, {"href": THERE, "text": "Logs"}]
    alert = alert_of(generic.parse({"summary": "Slow", "links": links})[0])
    assert (alert.runbook_url, particulars.of(alert)) == (HERE, [("Logs", THERE)])
    words = page_words(alert, Recipient(pk=1, display_name="x"), why="on call", now=MONDAY)
    assert f"\nLogs: {THERE}\n" in words["body"] and "[{" not in words["body"]
    assert words["data"]["alert"]["links"] == [{"text": "Logs", "href": THERE}]


@pytest.mark.parametrize("contexts", [5, "x", None, [5], {"a": 1}, [[[[["deep"]]]]]])
def test_odd_links_cost_no_event(contexts):
    payload = {"event_type": "trigger", "description": "x", "contexts": contexts}
    assert alert_of(pagerduty.parse_v1(payload)[0]).summary == "x"


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
