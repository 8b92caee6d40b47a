"""Grafana unified alerting's webhook: Alertmanager's format, with links to the dashboard and the panel beside the labels."""

from dataclasses import replace
from typing import Any

from dispatching.inbound import alertmanager
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.fields import first_text, is_web_address
from dispatching.rules.event import Event


def parse(payload: Any) -> list[Event | BadInput]:
    """Like alertmanager.parse; the details also hold silenceURL, imageURL, valueString and values."""
    read = alertmanager.parse(payload)
    return [event if isinstance(event, BadInput) else _with_dashboard(event) for event in read]


def _with_dashboard(event: Event) -> Event:
    # The panel is the part of the dashboard that belongs to the rule, so it is closest to what went wrong.
    for name in () if event.dashboard_url else ("panelURL", "dashboardURL"):
        if is_web_address(address := first_text(name, event.details)):
            return replace(event, dashboard_url=address)
    return event
