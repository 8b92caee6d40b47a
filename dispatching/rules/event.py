"""An event in our own form, whatever format it arrived in, and the key by which its repeats become one alert."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
PRIORITIES = range(1, 6)

KEY_LENGTH = 255
SUMMARY_LENGTH = 1024
NAME_LENGTH = 255
URL_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """An event from a monitoring tool, in our own terms. Text has no NUL or lone surrogate and fits the lengths above."""

    action: str
    dedup_key: str
    """Never empty, at most KEY_LENGTH characters, compared byte by byte: neither case nor Unicode form is folded."""
    summary: str = ""
    severity: str = ""
    """One of SEVERITIES, or empty: not given."""
    priority: int | None = None
    """1 (highest) to 5, or None: not given; the person on call sets it."""
    service: str = ""
    """A service's name; empty means the integration's own."""
    source: str = ""
    component: str = ""
    slo: str = ""
    deployment: str = ""
    product: str = ""
    runbook_url: str = ""
    dashboard_url: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    """Whatever has no field above, ready for JSON; also the full text of a field that had to be cut."""
    occurred_at: datetime | None = None
    """Aware, UTC; None unless the source said so. For a resolve: when the source says it ended."""
    unread: tuple[str, ...] = ()
    """Sentences about fields that were sent and not understood, each beginning with the field's path."""
    present: bool = False
    """The source sends its present state: whatever `occurred_at` says, the thing is firing as it sends this."""


def clean_key(key: str, identity: Mapping[str, Any]) -> str:
    """The key exactly as it arrived; its hash if it is too long; a key derived from the identity if it is empty."""
    if not key:
        return derive_key(identity)
    if len(key) > KEY_LENGTH:
        return "sha256-" + hashlib.sha256(key.encode()).hexdigest()
    return key


def derive_key(identity: Mapping[str, Any]) -> str:
    """A key for an event without one: equal identities give equal keys, whatever the order of their fields.

    The identity consists of the fields that stay the same when the event repeats, such as its source and its name, never a
    measured value or a time. Each format chooses these fields. Empty values do not count.
    """
    told = {name: value for name, value in identity.items() if value not in ("", None)}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "derived-" + hashlib.sha256(text.encode()).hexdigest()
