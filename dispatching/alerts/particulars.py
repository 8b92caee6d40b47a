"""What the source of an alert said about it, as short lines for a reader: labels, rule and values, links to the source (A25)."""

import json
from collections.abc import Iterator
from typing import Any

from dispatching.channels.text import one_line
from dispatching.models import Alert
from dispatching.rules import weblinks
from dispatching.rules.event import URL_LENGTH
from dispatching.templatetags.links import is_web

MOST, MOST_LINKS, LONGEST, LONGEST_NAME = 15, 8, 200, 60
OWN = ("summary", "severity", "source", "component", "slo", "deployment", "product", "runbook_url", "dashboard_url")
UNFOLDED = ("labels", "annotations", "values")
LISTS = ("links", "links_", "contexts", "link", "urls")  # the names under which tools send links
SOURCE = "In the source"
RENAMED = {
    **dict.fromkeys(("generatorURL", "generator_url", "client_url", "source_url", "sourceURL", "alert_url"), SOURCE),
    "panelURL": "Panel",
    "dashboardURL": "Whole dashboard",
    "runbookURL": "Runbook",
}
# What concerns the sender's own work, not the thing; it is on the alert's page in full.
LEFT_OUT = {
    *("receiver", "groupKey", "truncatedAlerts", "startsAt", "orgId", "images", "imageURL", "silenceURL", "client"),
    *("externalURL", "num_firing", "num_resolved", "resolved"),
}


def of(alert: Alert) -> list[tuple[str, str]]:
    """(name, value) of what the details say beyond the alert's own fields, at most MOST, the most telling first."""
    details = alert.details if isinstance(alert.details, dict) else {}
    shown = {alert.service.name, *(getattr(alert, name) for name in OWN)}
    told: dict[str, str] = {}
    # Links first: they are what a reader may need most. Two of one name are two links.
    for name, address in _links(details):
        if address not in shown and len(told) < MOST_LINKS:
            shown.add(address)
            told[_free(name, told)] = address
    for name, value in _flat(details):
        text = _text(value)
        if text and text not in shown:
            told.setdefault(one_line(RENAMED.get(name, name), LONGEST_NAME), text)
    return list(told.items())[:MOST]


def links(alert: Alert) -> list[tuple[str, str]]:
    """(name, address) of the lines that a reader can follow."""
    return [line for line in of(alert) if is_web(line[1])]


def _links(details: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, words in RENAMED.items():
        if is_web(address := _text(details.get(name))):
            yield words, address
    for name in LISTS:
        for words, address in weblinks.links(details.get(name)):
            yield words or "Link", _text(address)


def _free(name: str, told: dict[str, str]) -> str:
    name, number = one_line(name, LONGEST_NAME), 2
    free = name
    while free in told:
        free, number = f"{name} {number}", number + 1
    return free


def _flat(details: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in UNFOLDED:
        if isinstance(inner := details.get(name), dict):
            yield from inner.items()
    rest = [pair for pair in details.items() if pair[0] not in (*UNFOLDED, *LEFT_OUT)]
    for name, value in rest:
        if name not in LISTS or not any(weblinks.links(value)):
            yield name, value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return one_line(value, URL_LENGTH if is_web(value) else LONGEST)
    return one_line(json.dumps(value, ensure_ascii=False), LONGEST) if value not in (None, [], {}) else ""
