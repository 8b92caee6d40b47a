"""Our own event format: one object, a list of them, or {"events": [...]}."""

from typing import Any

from dispatching.inbound.bad_input import BadInput, shown
from dispatching.inbound.fields import NAMES, URLS, Fields, make_event
from dispatching.rules.event import ACTIONS, Event

MOST_EVENTS = 1000


def parse(payload: Any) -> list[Event | BadInput]:
    """The events of a body, with its refusal in the place of each that cannot be taken. Raises BadInput if it has none at all.

    An event without a dedup_key is identified by its service, source, component, slo, deployment, product and summary.
    """
    if isinstance(payload, dict) and ("events" not in payload or "summary" in payload):
        return [_event(payload)]
    path = ("events",) if isinstance(payload, dict) else ()
    given = payload["events"] if isinstance(payload, dict) else payload
    if not isinstance(given, list):
        raise BadInput(f"{shown(path)}: must be a list" if path else "body: must be an object or a list of events")
    if not given:
        raise BadInput(f"{shown(path)}: send at least one event")
    if len(given) > MOST_EVENTS:
        raise BadInput(f"{shown(path)}: send at most {MOST_EVENTS} events at once, not {len(given)}")
    return [_event(event, *path, index) for index, event in enumerate(given)]


def _event(payload: Any, *path: str | int) -> Event | BadInput:
    try:
        return _read(Fields(payload, *path))
    except BadInput as bad:
        return bad


def _read(told: Fields) -> Event:
    action = told.one_of("action", ACTIONS, "trigger")
    if action == "trigger":
        key, summary = told.text("dedup_key"), told.needed("summary", "is required to trigger")
    else:
        key, summary = told.needed("dedup_key", f"is required to {action}"), told.text("summary")
    texts = {"summary": summary} | {name: told.text(name) for name in (*NAMES, *URLS)}
    rest = {"severity": told.severity(), "priority": told.priority(), "occurred_at": told.time("occurred_at")}
    details = dict(told.inner("details"))
    told.keep_left(details)
    identity = {name: texts[name] for name in ("summary", *NAMES)}
    return make_event(action=action, key=key, identity=identity, told={**texts, **rest}, details=details)
