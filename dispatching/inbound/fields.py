"""The shared part of all formats: reads fields with pydantic and makes an Event of them without losing anything."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from dispatching.inbound.bad_input import BadInput, shown
from dispatching.rules.event import NAME_LENGTH, SUMMARY_LENGTH, URL_LENGTH, Event, clean_key

NAMES = ("service", "source", "component", "slo", "deployment", "product")
URLS = ("runbook_url", "dashboard_url")
WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f<>\"\\/]+[^\s\x00-\x20\x7f<>\"\\]*", re.IGNORECASE)
PRIORITY = re.compile(r"[pP]?([1-5])")

WORDS = {
    "missing": "is required",
    "string_type": "must be text",
    "string_unicode": "must be valid Unicode",
    "int_type": "must be a whole number",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "greater_than_equal": "must be from 1 to 5",
    "less_than_equal": "must be from 1 to 5",
}


class Incoming(BaseModel):
    """A part of a payload. Nothing is converted silently; unknown fields are kept, for the event's details."""

    model_config = ConfigDict(extra="allow", strict=True, protected_namespaces=())


def instant(value: Any, *, naive_is_utc: bool = False) -> datetime | None:
    """A time in ISO 8601, as UTC. None if empty, and for year 1, which means "no time" in Go programs. Raises ValueError."""
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValueError("must be text such as 2024-03-10T02:30:00Z")  # noqa: TRY004 - pydantic reports ValueError only
    text = value.strip()
    try:
        read = datetime.fromisoformat(text[:-1] + "Z" if text.endswith("z") else text)
        if read.tzinfo is None and not naive_is_utc:
            raise ValueError("offset required, such as 2024-03-10T02:30:00Z or 2024-03-10T02:30:00+01:00")
        if read.year == 1:
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError("no such time in UTC") from None
    except ValueError as error:
        ours = str(error).startswith("offset required")
        raise ValueError(str(error) if ours else "must be a time such as 2024-03-10T02:30:00Z") from None


def instant_or_utc(value: Any) -> datetime | None:
    return instant(value, naive_is_utc=True)


def none_if_empty(value: Any) -> Any:
    return None if value == "" else value


Instant = Annotated[datetime | None, BeforeValidator(instant)]
InstantOrUTC = Annotated[datetime | None, BeforeValidator(instant_or_utc)]
Severity = Annotated[Literal["critical", "error", "warning", "info"] | None, BeforeValidator(none_if_empty)]
Object = dict[str, Any] | None
Model = TypeVar("Model", bound=Incoming)


def read(model: type[Model], payload: Any, *path: str | int) -> Model:
    """The payload as the model; raises BadInput with one sentence for each wrong field, which begins with its path."""
    if not isinstance(payload, dict):
        raise BadInput(f"{shown(path)}: must be an object")
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=True, include_input=False)
        raise BadInput([f"{shown((*path, *mistake['loc']))}: {_in_words(mistake)}" for mistake in mistakes]) from None


def _in_words(error: Any) -> str:
    kind = error["type"]
    if kind == "literal_error":
        return "must be one of " + error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "too_long":
        return f"must hold at most {error['ctx']['max_length']} at a time"
    return WORDS.get(kind, error["msg"])


def make_event(
    *,
    action: str,
    key: str,
    identity: Mapping[str, Any],
    told: Mapping[str, Any],
    details: dict[str, Any],
    present: bool = False,
) -> Event:
    """An Event from the fields in `told`, whose keys are the Event's names and whose values may be None.

    Text that is too long is cut, and kept whole in the details. A runbook or dashboard that is not a web address is kept only
    there, as text, so that nothing ever makes a link of it.
    """
    fields = {name: value for name, value in told.items() if value is not None}
    for name, length in (("summary", SUMMARY_LENGTH), *((name, NAME_LENGTH) for name in NAMES)):
        if len(text := fields.get(name, "")) > length:
            keep(details, name, text)
            fields[name] = text[: length - 1] + "…"
    for name in URLS:
        if (address := fields.get(name)) and not is_web_address(address):
            keep(details, name, address)
            fields[name] = ""
    return Event(action=action, dedup_key=clean_key(key, identity), details=details, present=present, **fields)


def is_web_address(text: str) -> bool:
    return len(text) <= URL_LENGTH and WEB_ADDRESS.fullmatch(text) is not None


def keep(details: dict[str, Any], name: str, value: Any) -> None:
    """Adds a value to the details unless it is empty. A name that is taken gets an underscore, so that neither value is lost."""
    if value in (None, "", [], {}):
        return
    while name in details and details[name] != value:
        name += "_"
    details[name] = value


def first_text(name: str, *places: Mapping[str, Any] | None) -> str:
    """The first text or number with this name, as text; empty if there is none."""
    for place in places:
        value = (place or {}).get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def lifted(*places: Mapping[str, Any] | None, names: Iterable[str] = (*NAMES, *URLS)) -> dict[str, Any]:
    """Our own fields, including the priority, as found by name in a tool's labels or details; earlier places win."""
    fields: dict[str, Any] = {name: first_text(name, *places) for name in names}
    fields["priority"] = priority(first_text("priority", *places))
    return fields


def priority(text: str) -> int | None:
    """The priority as a number, such as 2 for "P2", "p2" and "2"; None if the text is not a priority from 1 to 5."""
    match = PRIORITY.fullmatch(text.strip())
    return int(match[1]) if match else None
