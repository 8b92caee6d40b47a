"""PagerDuty Events API v2, so that any tool that supports PagerDuty supports us, including Alertmanager's pagerduty_configs."""

from typing import Any, Literal

from pydantic import Field

from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.fields import (
    NAMES,
    URLS,
    Incoming,
    InstantOrUTC,
    Severity,
    keep,
    lifted,
    make_event,
    read,
)
from dispatching.rules.event import Event

LINKED = {"runbook_url": "runbook", "dashboard_url": "dashboard"}


class Payload(Incoming):
    summary: str | None = None
    source: str | None = None
    severity: Severity = None
    timestamp: InstantOrUTC = None
    component: str | None = None
    group: str | None = None
    class_: str | None = Field(default=None, alias="class")
    custom_details: Any = None


class Enqueued(Incoming):
    routing_key: str | None = None
    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str | None = None
    payload: Payload | None = None
    links: list[Any] | None = None
    images: list[Any] | None = None
    client: str | None = None
    client_url: str | None = None


def routing_key(payload: Any) -> str:
    """The credential in the body, to be looked up before anything else is read; raises BadInput if there is none."""
    key = payload.get("routing_key") if isinstance(payload, dict) else None
    if not isinstance(payload, dict):
        raise BadInput("body: must be an object")
    if key is None or key == "":
        raise BadInput("routing_key: is required")
    if not isinstance(key, str):
        raise BadInput("routing_key: must be text")
    return key


def parse(payload: Any) -> list[Event]:
    """The one event of the body, in a list. Its routing_key is ignored here.

    An event without a dedup_key is identified by its source, component, group, class and summary. Our own fields (service,
    slo, deployment, product, priority, runbook_url, dashboard_url) are taken from custom_details. If one of the last two is
    missing, a link whose text contains "runbook" or "dashboard" is used.
    """
    told = read(Enqueued, payload)
    _check(told)
    inner = told.payload or Payload()
    custom = inner.custom_details if isinstance(inner.custom_details, dict) else {}
    fields = lifted(custom, names=(*NAMES, *URLS))
    for name, word in LINKED.items():
        fields[name] = fields[name] or _link(told.links or [], word)
    for name in ("source", "component"):
        fields[name] = getattr(inner, name) or fields[name]
    fields |= {"summary": inner.summary, "severity": inner.severity, "occurred_at": inner.timestamp}
    identity = {name: getattr(inner, name) for name in ("source", "component", "group", "class_", "summary")}
    return [
        make_event(
            action=told.event_action,
            key=told.dedup_key or "",
            identity=identity,
            told=fields,
            details=_details(told, inner),
        )
    ]


def _check(told: Enqueued) -> None:
    errors = []
    if told.event_action != "trigger":
        if not told.dedup_key:
            errors.append(f"dedup_key: is required to {told.event_action}")
    elif told.payload is None:
        errors.append("payload: is required to trigger")
    else:
        needed = ("summary", "source", "severity")
        errors += [f"payload.{name}: is required" for name in needed if not (getattr(told.payload, name) or "").strip()]
    if errors:
        raise BadInput(errors)


def _link(links: list[Any], word: str) -> str:
    for link in links:
        if isinstance(link, dict) and word in str(link.get("text", "")).lower() and isinstance(link.get("href"), str):
            return link["href"]
    return ""


def _details(told: Enqueued, inner: Payload) -> dict[str, Any]:
    custom = inner.custom_details
    details: dict[str, Any] = dict(custom) if isinstance(custom, dict) else {}
    if not isinstance(custom, dict):
        keep(details, "custom_details", custom)
    keep(details, "group", inner.group)
    keep(details, "class", inner.class_)
    for name in ("client", "client_url", "links", "images"):
        keep(details, name, getattr(told, name))
    for extra in (inner.model_extra, told.model_extra):
        for name, value in (extra or {}).items():
            keep(details, name, value)
    return details
