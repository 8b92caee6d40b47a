"""The shared part of all formats: reads the fields of a payload and makes an Event of them without losing anything.

Only what routing needs can refuse an event: what is wrong, what happened to it, under which key. Every other field whose value
is of an unexpected kind is kept as it is, or as text: a page must not be lost over a label.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from dispatching.channels.text import printable, shorten
from dispatching.inbound.bad_input import BadInput, shown
from dispatching.rules import weblinks
from dispatching.rules.event import NAME_LENGTH, SUMMARY_LENGTH, URL_LENGTH, Event, clean_key
from dispatching.rules.event import SEVERITIES as SEVERITY_NAMES
from dispatching.rules.instant import instant, is_no_time

NAMES = ("service", "source", "component", "slo", "deployment", "product")
URLS = ("runbook_url", "dashboard_url")
LINKED = {"runbook_url": "runbook", "dashboard_url": "dashboard"}
NOTHING: tuple[Any, ...] = (None, "", [], {})
MOST_UNKNOWN, LONGEST_QUOTED = 20, 60
LENGTHS = (("summary", SUMMARY_LENGTH), *((name, NAME_LENGTH) for name in NAMES))
WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"\\/]+[^\s\x00-\x20\x7f<>\"\\]*", re.IGNORECASE)
PRIORITY = re.compile(r"[pP]?([1-5])")
SEVERITIES = {
    "critical": "critical",
    "error": "error",
    "major": "error",
    "page": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
}


class Fields:
    """The fields of one object. Each is read once, by name; what cannot be read stays in `left`, for the event's details."""

    def __init__(self, payload: Any, *path: str | int):
        if not isinstance(payload, dict):
            raise BadInput(f"{shown(path)}: must be an object")
        self.left: dict[str, Any] = dict(payload)
        self.unread: list[str] = []
        self._path = path

    def wrong(self, name: str, why: str) -> BadInput:
        """The refusal of the event because of this field."""
        return BadInput(f"{shown((*self._path, name))}: {why}")

    def warn(self, name: str, why: str) -> None:
        """Notes that this field was not understood, or not as it was meant; the event is taken all the same."""
        self.unread.append(f"{shown((*self._path, name))}: {why}")

    def text(self, name: str) -> str:
        value = self.left.pop(name, "")
        return value if type(value) is str else as_text(value)

    def needed(self, name: str, why: str = "is required") -> str:
        """The text, which must not be blank."""
        text = self.text(name)
        if not text.strip():
            raise self.wrong(name, f"{why}{self._meant(name)}")
        return text

    def _meant(self, name: str) -> str:
        """Words about a field that may be this one misspelt; empty if there is none."""
        names = [other for other in list(self.left)[:100] if len(other) <= 2 * len(name)]
        near = get_close_matches(name, names, 1, 0.8)
        return f"; “{shown(tuple(near))}” is not a field" if near else ""

    def warn_of_slips(self, known: Iterable[str]) -> None:
        """Warns of fields whose names are nearly those of `known` ones that were not sent."""
        names = [name for name in self.left if name not in known][:MOST_UNKNOWN]
        absent = [name for name in known if name not in self.left] if names else []
        for name in names:
            if near := get_close_matches(name[:NAME_LENGTH].lower(), absent, 1, 0.85):
                self.warn(name, f"is not a field here; it is kept in the details (do you mean {near[0]}?)")

    def one_of(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """One of the words in `allowed`, in any case; raises BadInput for another one, or for none if there is no default."""
        word = self.text(name).strip().lower() or default
        if not word:
            raise self.wrong(name, "is required")
        if word not in allowed:
            raise self.wrong(name, f"must be one of {', '.join(allowed)}")
        return word

    def inner(self, name: str) -> dict[str, Any]:
        return self.left.pop(name) if isinstance(self.left.get(name), dict) else {}

    def listed(self, name: str) -> list[Any]:
        return self.left.pop(name) if isinstance(self.left.get(name), list) else []

    def severity(self, name: str = "severity") -> str:
        severity = SEVERITIES.get(as_text(self.left.get(name)).strip().lower(), "")
        return self._read(name, severity, f"a severity ({', '.join(SEVERITY_NAMES)})")

    def priority(self, name: str = "priority") -> int | None:
        return self._read(name, priority(first_text(name, self.left)), "a priority (1 to 5)")

    def time(self, name: str, *, naive_is_utc: bool = False) -> datetime | None:
        value = self.left.get(name)
        if is_no_time(value):
            self.left.pop(name, None)
            return None
        return self._read(name, instant(value, naive_is_utc=naive_is_utc), "a time with its zone")

    def keep_left(self, details: dict[str, Any]) -> None:
        for name, value in self.left.items():
            keep(details, name, value)

    def _read(self, name: str, value: Any, what: str) -> Any:
        given = self.left.pop(name, None) if value else self.left.get(name)
        if not value and given not in NOTHING:
            self.warn(name, f"{quoted(given)} is not {what}; it is kept in the details")
        return value


def quoted(value: Any) -> str:
    return f"“{shorten(printable(as_text(value)), LONGEST_QUOTED)}”"


def as_text(value: Any) -> str:
    """Any value as text: text as it is, everything else as its JSON; empty if there is nothing."""
    if isinstance(value, str):
        return value
    return "" if value in (None, [], {}) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def make_event(
    *,
    action: str,
    key: str,
    identity: Mapping[str, Any],
    told: Mapping[str, Any],
    details: dict[str, Any],
    present: bool = False,
    unread: Iterable[str] = (),
) -> Event:
    """An Event from the fields in `told`, whose keys are the Event's names and whose values may be None.

    Text that is too long is cut, and kept whole in the details. A runbook or dashboard that is not a web address is kept only
    there, as text, so that nothing ever makes a link of it.
    """
    fields = {name: value for name, value in told.items() if value is not None}
    for name, length in LENGTHS:
        if len(text := fields.get(name, "")) > length:
            keep(details, name, text)
            fields[name] = text[: length - 1] + "…"
    for name in URLS:
        if (address := fields.get(name)) and not is_web_address(address):
            keep(details, name, address)
            fields[name] = ""
    more: dict[str, Any] = {"details": details, "present": present, "unread": tuple(unread)}
    return Event(action=action, dedup_key=clean_key(key, identity), **more, **fields)


def name_links(fields: dict[str, Any], sent: Any) -> None:
    """Fills in the runbook and the dashboard, if there is none, by the words of the links that were sent."""
    for words, address in weblinks.links(sent):
        for name, word in LINKED.items():
            if word in words.lower():
                fields[name] = fields[name] or address


def is_web_address(text: str) -> bool:
    return len(text) <= URL_LENGTH and WEB_ADDRESS.fullmatch(text) is not None


def keep(details: dict[str, Any], name: str, value: Any) -> None:
    """Adds a value to the details unless it is empty. A name that is taken gets an underscore, so that neither value is lost."""
    if value in NOTHING:
        return
    while name in details and details[name] != value:
        name += "_"
    details[name] = value


def first_text(name: str, *places: Mapping[str, Any] | None) -> str:
    """The first text or number with this name, as text; empty if there is none."""
    for place in places:
        if place and name in place and (text := _text_or_number(place[name])):
            return text
    return ""


def _text_or_number(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def lifted(*places: Mapping[str, Any] | None, names: Iterable[str] = (*NAMES, *URLS)) -> dict[str, Any]:
    """Our own fields, including the priority, as found by name in a tool's labels or details; earlier places win."""
    fields: dict[str, Any] = dict.fromkeys((*names, "priority"), "")
    # A place has few fields, and mostly others than ours: so each is looked at once, the first place last.
    for place in reversed(places):
        for name, value in (place or {}).items():
            if name in fields and (text := _text_or_number(value)):
                fields[name] = text
    fields["priority"] = priority(fields["priority"])
    return fields


def priority(text: str) -> int | None:
    """The priority as a number, such as 2 for "P2", "p2" and "2"; None if the text is not a priority from 1 to 5."""
    match = PRIORITY.fullmatch(text.strip())
    return int(match[1]) if match else None
