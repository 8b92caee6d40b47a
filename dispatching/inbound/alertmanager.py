"""Prometheus Alertmanager's webhook, version 4: each of its alerts becomes one event. Copy this file to add a format."""

from typing import Any, Literal

from pydantic import Field

from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.fields import Incoming, Instant, Object, first_text, keep, lifted, make_event, read
from dispatching.rules.event import NAME_LENGTH, SUMMARY_LENGTH, Event

MOST_ALERTS = 2000
"""Half a megabyte holds about this many; max_alerts in the webhook_config lowers what is sent."""

SEVERITIES = {
    "critical": "critical",
    "error": "error",
    "major": "error",
    "page": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
}


class Alert(Incoming):
    status: Literal["firing", "resolved"] | None = None
    labels: Object = None
    annotations: Object = None
    starts_at: Instant = Field(default=None, alias="startsAt")
    ends_at: Instant = Field(default=None, alias="endsAt")
    fingerprint: str | None = None


class Group(Incoming):
    status: Literal["firing", "resolved"] | None = None
    alerts: list[Alert] = Field(max_length=MOST_ALERTS)
    receiver: str | None = None
    group_key: str | None = Field(default=None, alias="groupKey")
    external_url: str | None = Field(default=None, alias="externalURL")
    truncated_alerts: int | None = Field(default=None, alias="truncatedAlerts")


def parse(payload: Any) -> list[Event]:
    """One event for each alert in the body, keyed by its fingerprint or, without one, by its labels."""
    group = read(Group, payload)
    errors = [error for index, alert in enumerate(group.alerts) for error in _errors(alert, group, index)]
    if errors:
        raise BadInput(errors)
    about_group = _about(group)
    return [_event(alert, group, about_group) for alert in group.alerts]


def _errors(alert: Alert, group: Group, index: int) -> list[str]:
    errors = []
    if not (alert.status or group.status):
        errors.append(f"alerts[{index}].status: is required")
    if not (alert.fingerprint or alert.labels):
        errors.append(f"alerts[{index}].labels: is required if there is no fingerprint")
    return errors


def _about(group: Group) -> dict[str, Any]:
    # Repeated in every event, so the length is limited: a long key in many alerts must not add up to a gigabyte.
    about: dict[str, Any] = {
        "receiver": (group.receiver or "")[:NAME_LENGTH],
        "groupKey": (group.group_key or "")[:SUMMARY_LENGTH],
        "externalURL": (group.external_url or "")[:SUMMARY_LENGTH],
        "truncatedAlerts": group.truncated_alerts,
    }
    return {name: value for name, value in about.items() if value}


def _event(alert: Alert, group: Group, about_group: dict[str, Any]) -> Event:
    labels, annotations = alert.labels or {}, alert.annotations or {}
    resolved = (alert.status or group.status) == "resolved"
    fields = lifted(labels, annotations)
    fields["summary"] = _summary(labels, annotations)
    fields["severity"] = SEVERITIES.get(first_text("severity", labels).strip().lower(), "")
    fields["source"] = fields["source"] or first_text("instance", labels)
    fields["runbook_url"] = fields["runbook_url"] or first_text("runbook", annotations, labels)
    fields["dashboard_url"] = fields["dashboard_url"] or first_text("dashboard", annotations, labels)
    fields["occurred_at"] = alert.ends_at if resolved else alert.starts_at
    details = {**about_group, "labels": labels, "annotations": annotations}
    if resolved and alert.starts_at:
        details["startsAt"] = alert.starts_at.isoformat()
    for name, value in (alert.model_extra or {}).items():
        keep(details, name, value)
    return make_event(
        action="resolve" if resolved else "trigger",
        present=True,
        key=alert.fingerprint or "",
        identity=labels,
        told=fields,
        details=details,
    )


def _summary(labels: dict[str, Any], annotations: dict[str, Any]) -> str:
    return (
        first_text("summary", annotations)
        or first_text("description", annotations)
        or first_text("alertname", labels)
        or ", ".join(f"{name}={value}" for name, value in list(labels.items())[:10])
        or "An alert without a name"
    )
