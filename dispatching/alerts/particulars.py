"""What the source of an alert said about it, as short lines for a reader: labels, rule and values, links to the source (A25)."""

import json
from collections.abc import Iterator
from typing import Any

from dispatching.channels.text import one_line
from dispatching.models import Alert
from dispatching.rules.event import URL_LENGTH
from dispatching.templatetags.links import is_web

MOST, LONGEST = 15, 200
OWN = ("summary", "severity", "source", "component", "slo", "deployment", "product", "runbook_url", "dashboard_url")
UNFOLDED = ("labels", "annotations", "values")
RENAMED = {"generatorURL": "In the source", "client_url": "In the source", "panelURL": "Panel"}
# What concerns the sender's own work, not the thing; it is on the alert's page in full.
LEFT_OUT = {
    *("receiver", "groupKey", "truncatedAlerts", "startsAt", "orgId", "images", "imageURL", "silenceURL", "client"),
    *("externalURL", "num_firing", "num_resolved", "resolved"),
}


def of(alert: Alert) -> list[tuple[str, str]]:
    """(name, value) of what the details say beyond the alert's own fields, at most MOST, the most telling first."""
    shown = {alert.service.name, *(getattr(alert, name) for name in OWN)}
    told: dict[str, str] = {}
    for name, value in _flat(alert.details if isinstance(alert.details, dict) else {}):
        text = _text(value)
        if text and text not in shown:
            told.setdefault(one_line(RENAMED.get(name, name), 60), text)
    return list(told.items())[:MOST]


def _flat(details: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in UNFOLDED:
        if isinstance(inner := details.get(name), dict):
            yield from inner.items()
    # Links first: they are what a reader may need most.
    rest = [pair for pair in details.items() if pair[0] not in (*UNFOLDED, *LEFT_OUT)]
    yield from sorted(rest, key=lambda pair: pair[0] not in RENAMED)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return one_line(value, URL_LENGTH if is_web(value) else LONGEST)
    return one_line(json.dumps(value, ensure_ascii=False), LONGEST) if value not in (None, [], {}) else ""
