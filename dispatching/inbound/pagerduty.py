"""PagerDuty's Events API v2 and v1, so that any tool that supports PagerDuty supports us, Alertmanager's pagerduty_configs included."""

from typing import Any

from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.fields import NAMES, URLS, Fields, lifted, make_event, name_links
from dispatching.rules.event import ACTIONS, Event


def routing_key(payload: Any, name: str = "routing_key") -> str:
    """The credential in the body, to be looked up before anything else is read; raises BadInput if there is none."""
    if not isinstance(payload, dict):
        raise BadInput("body: must be an object")
    key = payload.get(name)
    if key is None or key == "":
        raise BadInput(f"{name}: is required")
    if not isinstance(key, str):
        raise BadInput(f"{name}: must be text")
    return key


def parse(payload: Any) -> list[Event | BadInput]:
    """The one event of a body of version 2, in a list. Its routing_key is ignored here.

    An event without a dedup_key is identified by its source, component, group, class and summary. Our own fields (service,
    slo, deployment, product, priority, runbook_url, dashboard_url) are taken from custom_details. If one of the last two is
    missing, a link whose text contains "runbook" or "dashboard" is used. A resolve or an acknowledgement needs its key only.
    """
    told = Fields(payload)
    told.left.pop("routing_key", None)
    action = told.one_of("event_action", ACTIONS)
    if action == "trigger":
        key, inner = told.text("dedup_key"), _payload(told)
        texts = {name: inner.needed(name) for name in ("summary", "source")}
    else:
        key, inner = told.needed("dedup_key", f"is required to {action}"), Fields(told.inner("payload"), "payload")
        texts = {name: inner.text(name) for name in ("summary", "source")}
    texts["component"] = inner.text("component")
    identity = {**texts, **{name: inner.left.get(name) for name in ("group", "class")}}
    rest = {"severity": inner.severity(), "occurred_at": inner.time("timestamp", naive_is_utc=True)}
    details = dict(inner.inner("custom_details"))
    fields = lifted(details, names=(*NAMES, *URLS)) | {name: text for name, text in texts.items() if text} | rest
    name_links(fields, told.left.get("links"))
    inner.keep_left(details)
    told.keep_left(details)
    unread = [*told.unread, *inner.unread]
    return [make_event(action=action, key=key, identity=identity, told=fields, details=details, unread=unread)]


def _payload(told: Fields) -> Fields:
    if told.left.get("payload") is None:
        raise told.wrong("payload", "is required to trigger")
    return Fields(told.left.pop("payload"), "payload")


def parse_v1(payload: Any) -> list[Event | BadInput]:
    """The one event of a body of version 1, in a list: service_key, event_type, incident_key, description, details."""
    told = Fields(payload)
    told.left.pop("service_key", None)
    action = told.one_of("event_type", ACTIONS)
    if action == "trigger":
        key, summary = told.text("incident_key"), told.needed("description", "is required to trigger")
    else:
        key, summary = told.needed("incident_key", f"is required to {action}"), told.text("description")
    details = dict(told.inner("details"))
    fields = {**lifted(details), "summary": summary, "severity": Fields(details).severity()}
    fields["source"] = fields["source"] or told.text("client")
    name_links(fields, told.left.get("contexts"))
    told.keep_left(details)
    identity = {"summary": summary, "source": fields["source"]}
    return [make_event(action=action, key=key, identity=identity, told=fields, details=details)]
