"""Our own event format: one object, a list of them, or {"events": [...]}."""

from typing import Any

from dispatching.inbound.bad_input import BadInput, shown
from dispatching.inbound.fields import NAMES, URLS, Fields, as_text, make_event, name_links, quoted
from dispatching.rules.event import ACTIONS, Event

MOST_EVENTS = 1000
FIELDS = ("dedup_key", "summary", "severity", "priority", "occurred_at", "details", "links", "action", *NAMES, *URLS)
# What other tools call the action. If it is absent, these are read: somebody who says that a thing is over means it.
FOREIGN = ("event_action", "status", "state")
SAYS = {
    **dict.fromkeys(("trigger", "triggered", "firing", "alerting"), "trigger"),
    **dict.fromkeys(("acknowledge", "acknowledged"), "acknowledge"),
    **dict.fromkeys(("resolve", "resolved"), "resolve"),
}


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
    told.warn_of_slips(FIELDS)
    action = _action(told)
    if action == "trigger":
        key, summary = told.text("dedup_key"), told.needed("summary", "is required to trigger")
    else:
        key, summary = told.needed("dedup_key", f"is required to {action}"), told.text("summary")
    texts = {"summary": summary} | {name: told.text(name) for name in (*NAMES, *URLS)}
    rest = {"severity": told.severity(), "priority": told.priority(), "occurred_at": told.time("occurred_at")}
    identity = {name: texts[name] for name in ("summary", *NAMES)}
    name_links(texts, told.left.get("links"))
    details = dict(told.inner("details"))
    told.keep_left(details)
    fields = {**texts, **rest}
    return make_event(action=action, key=key, identity=identity, told=fields, details=details, unread=told.unread)


def _action(told: Fields) -> str:
    """The action; without one, what a field of another tool plainly says, with a warning, or else trigger (P16)."""
    if as_text(told.left.get("action")).strip():
        return told.one_of("action", ACTIONS)
    told.left.pop("action", None)
    for name in FOREIGN:
        word = told.left.get(name)
        if isinstance(word, str) and word.strip():
            action = SAYS.get(word.strip().lower(), "")
            if action != "trigger":
                action = _meant(told, name, word, action)
            if action:
                return action
    return "trigger"


def _meant(told: Fields, name: str, word: str, action: str) -> str:
    """The action, if it can be taken as such; empty if not. Warns in both cases."""
    if not action:
        told.warn(
            name,
            f"{quoted(word)} is not understood, so the event counts as firing; send “action”: “resolve” at the end",
        )
    elif not as_text(told.left.get("dedup_key")).strip():
        told.warn(name, f"{quoted(word)} needs a dedup_key to {action} anything, so the event counts as firing")
        return ""
    else:
        told.warn(name, f"{quoted(word)} is taken for “action”: “{action}”; send that")
    return action
