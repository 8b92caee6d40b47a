"""Prometheus Alertmanager's webhook, version 4: each of its alerts becomes one event. Copy this file to add a format."""

from typing import Any

from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.fields import SEVERITIES, Fields, as_text, first_text, lifted, make_event
from dispatching.rules.event import NAME_LENGTH, SUMMARY_LENGTH, Event

MOST_ALERTS = 2000
"""Half a megabyte holds about this many; max_alerts in the webhook_config lowers what is sent."""
STATES = ("firing", "resolved")
# What Grafana sends in place of a rule that has no data or cannot be evaluated; the rule's name is in another label.
NOT_MEASURED = {"DatasourceNoData": "No data", "DatasourceError": "Not measured (error)"}
REASONS = {"NoData": "No data", "Error": "Not measured (error)"}


def parse(payload: Any) -> list[Event | BadInput]:
    """One event for each alert in the body, keyed by its fingerprint or, without one, by its labels.

    The refusal of an alert that cannot be taken stands in its place: it does not cost the others.
    """
    group = Fields(payload)
    alerts = group.left.get("alerts")
    if not isinstance(alerts, list):
        raise group.wrong("alerts", "is required" if alerts is None else "must be a list")
    if len(alerts) > MOST_ALERTS:
        raise group.wrong("alerts", f"send at most {MOST_ALERTS} at once")
    status, about_group = group.text("status"), _about(group)
    return [_event(alert, index, status, about_group) for index, alert in enumerate(alerts)]


def cut_off(payload: Any) -> list[str]:
    """A sentence if Alertmanager sent only a part of its alerts, because nobody is told of the others."""
    number = as_text(payload.get("truncatedAlerts")) if isinstance(payload, dict) else ""
    if not (number.isascii() and number.isdecimal() and int(number)):
        return []
    how = "raise max_alerts in the webhook_config (0 means all), or group by more labels"
    were = "1 alert was" if int(number) == 1 else f"{int(number)} alerts were"
    return [f"truncatedAlerts: {were} cut off by max_alerts and did not arrive: {how}"]


def _about(group: Fields) -> dict[str, Any]:
    # Repeated in every event, so the length is limited: a long key in many alerts must not add up to a gigabyte.
    truncated = group.left.get("truncatedAlerts")
    about: dict[str, Any] = {
        "receiver": group.text("receiver")[:NAME_LENGTH],
        "groupKey": group.text("groupKey")[:SUMMARY_LENGTH],
        "externalURL": group.text("externalURL")[:SUMMARY_LENGTH],
        "truncatedAlerts": truncated if isinstance(truncated, int) else as_text(truncated)[:NAME_LENGTH],
    }
    return {name: value for name, value in about.items() if value}


def _event(payload: Any, index: int, status: str, about_group: dict[str, Any]) -> Event | BadInput:
    try:
        return _read(Fields(payload, "alerts", index), status, about_group)
    except BadInput as bad:
        return bad


def _read(alert: Fields, status: str, about_group: dict[str, Any]) -> Event:
    resolved = alert.one_of("status", STATES, status) == "resolved"
    key, odd_labels = alert.text("fingerprint"), alert.left.get("labels")
    labels, annotations = alert.inner("labels"), alert.inner("annotations")
    if not (key or labels or as_text(odd_labels)):
        raise alert.wrong("labels", "is required if there is no fingerprint")
    fields = lifted(labels, annotations)
    fields["summary"] = _summary(labels, annotations)
    fields["severity"] = SEVERITIES.get(first_text("severity", labels).strip().lower(), "")
    fields["source"] = fields["source"] or first_text("instance", labels)
    fields["runbook_url"] = fields["runbook_url"] or first_text("runbook", annotations, labels)
    fields["dashboard_url"] = fields["dashboard_url"] or first_text("dashboard", annotations, labels)
    starts_at, ends_at = alert.time("startsAt"), alert.time("endsAt")
    fields["occurred_at"] = ends_at if resolved else starts_at
    details = {**about_group, "labels": labels, "annotations": annotations}
    if resolved and starts_at:
        details["startsAt"] = starts_at.isoformat()
    alert.keep_left(details)
    return make_event(
        action="resolve" if resolved else "trigger",
        present=True,
        key=key,
        identity=labels or {"labels": odd_labels},
        told=fields,
        details=details,
        unread=alert.unread,
    )


def _summary(labels: dict[str, Any], annotations: dict[str, Any]) -> str:
    return (
        _not_measured(labels, annotations)
        or first_text("summary", annotations)
        or first_text("description", annotations)
        or first_text("alertname", labels)
        or ", ".join(f"{name}={value}" for name, value in list(labels.items())[:10])
        or "An alert without a name"
    )


def _not_measured(labels: dict[str, Any], annotations: dict[str, Any]) -> str:
    """Words that name the rule if the alert is about the measuring, not about the thing; its own words would claim too much."""
    name = first_text("alertname", labels)
    if (what := NOT_MEASURED.get(name)) and (rule := first_text("rulename", labels)):
        return f"{what}: {rule}"
    what = REASONS.get(first_text("grafana_state_reason", annotations, labels))
    return f"{what}: {name}" if what and name else ""
