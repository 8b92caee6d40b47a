"""Our own event format: one object, a list of them, or {"events": [...]}."""

from typing import Annotated, Any, Literal

from pydantic import Field

from dispatching.inbound.bad_input import BadInput, shown
from dispatching.inbound.fields import NAMES, URLS, Incoming, Instant, Object, Severity, keep, make_event, read
from dispatching.rules.event import Event

MOST_EVENTS = 1000


class OwnEvent(Incoming):
    action: Literal["trigger", "acknowledge", "resolve"] | None = None
    dedup_key: str | None = None
    summary: str | None = None
    severity: Severity = None
    priority: Annotated[int, Field(ge=1, le=5)] | None = None
    service: str | None = None
    source: str | None = None
    component: str | None = None
    slo: str | None = None
    deployment: str | None = None
    product: str | None = None
    runbook_url: str | None = None
    dashboard_url: str | None = None
    details: Object = None
    occurred_at: Instant = None


def parse(payload: Any) -> list[Event]:
    """All the events of a body; raises BadInput if any of them is wrong, and then accepts none.

    An event without a dedup_key is identified by its service, source, component, slo, deployment, product and summary.
    """
    if isinstance(payload, dict) and ("events" not in payload or "summary" in payload):
        return [_event(payload, ())]
    path = ("events",) if isinstance(payload, dict) else ()
    given = payload["events"] if isinstance(payload, dict) else payload
    if not isinstance(given, list):
        raise BadInput(f"{shown(path)}: must be a list" if path else "body: must be an object or a list of events")
    if not 1 <= len(given) <= MOST_EVENTS:
        raise BadInput(f"{shown(path)}: must hold 1 to {MOST_EVENTS} events, not {len(given)}")
    events, errors = [], []
    for index, event in enumerate(given):
        try:
            events.append(_event(event, (*path, index)))
        except BadInput as bad:
            errors += bad.errors
    if errors:
        raise BadInput(errors)
    return events


def _event(payload: Any, path: tuple[str | int, ...]) -> Event:
    told = read(OwnEvent, payload, *path)
    action = told.action or "trigger"
    if action == "trigger" and not (told.summary or "").strip():
        raise BadInput(f"{shown((*path, 'summary'))}: is required to trigger")
    if action != "trigger" and not told.dedup_key:
        raise BadInput(f"{shown((*path, 'dedup_key'))}: is required to {action}")
    details = dict(told.details or {})
    for name, value in (told.model_extra or {}).items():
        keep(details, name, value)
    texts = {name: getattr(told, name) for name in ("summary", *NAMES, *URLS)}
    return make_event(
        action=action,
        key=told.dedup_key or "",
        identity={name: texts[name] for name in ("summary", *NAMES)},
        told={**texts, "severity": told.severity, "priority": told.priority, "occurred_at": told.occurred_at},
        details=details,
    )
