"""Words that many deliveries share, with marks that are filled in for each delivery when it is sent."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from django.utils import dateformat, translation

from schedules.models.zones import zone_of

# Private-use characters: nobody types them, and no template escapes them.
OPEN, CLOSE = "\ue000", "\ue001"
_marks = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
# The first words of a mark for an instant, with UTC beside the reader's own clock or alone.
MOMENT, BRIEF = "moment", "brief"


def mark(name: str) -> str:
    """A mark for the place where a delivery's own words go. `name` is "parts" or the name of one of the content's links."""
    return f"{OPEN}{name}{CLOSE}"


def moment(at: datetime, form: str, *, brief: bool = False) -> str:
    """A mark for an instant, to be said on each reader's own clock in the language that is active now, with UTC beside it
    unless it is `brief`. `form`: the day and the time in the letters of Django's `date` filter.
    """
    return mark(f"{BRIEF if brief else MOMENT} {translation.get_language()} {at.astimezone(UTC).isoformat()} {form}")


def of_moment(name: str) -> bool:
    """Whether this is the name of a mark for an instant."""
    return name.startswith((f"{MOMENT} ", f"{BRIEF} "))


@lru_cache(2048)
def on_clock(name: str, zone: str) -> str:
    """The instant of a mark on the clock of `zone` (empty: UTC): “1 December 2020, 16:00 CET (15:00 UTC)”."""
    kind, language, iso, form = name.split(" ", 3)
    at = datetime.fromisoformat(iso)
    own = at.astimezone(zone_of(zone or "UTC"))
    with translation.override(language):
        words = f"{dateformat.format(own, form)} {_name(own)}"
        if kind == BRIEF or not own.utcoffset():
            return words
        same_day = own.date() == at.date()
        return f"{words} ({f'{at:%H:%M}' if same_day else dateformat.format(at, form)} UTC)"


def _name(at: datetime) -> str:
    """The short name of the zone; “UTC+05:45” for a zone without one."""
    if not at.utcoffset():
        return "UTC"
    name = at.tzname() or ""
    offset = at.strftime("%z")
    return name if name.isalpha() else f"UTC{offset[:3]}:{offset[3:5]}"


def split(text: str) -> list[str]:
    """The text in pieces; every second piece is the name of a mark."""
    return _marks.split(text)


def fill(text: str, values: dict[str, str], zone: str = "") -> str:
    """The text with its marks filled in, instants on the clock of `zone`; a mark that has no value is left out."""
    return _marks.sub(lambda match: on_clock(match[1], zone) if of_moment(match[1]) else values.get(match[1], ""), text)


class Words(Hashable, Protocol):
    """The attributes of a `Content` that channels need: finished words, read once for all recipients. Hashable, to be a cache key.

    `parts`: key → {"text": …, "html": …}.
    """

    subject: str
    text: str
    html: str
    short: str
    parts: dict[str, dict[str, str]]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """Shared words for one contact point: the keys of its passages, its links, and the earlier message that it follows."""

    words: Words
    parts: tuple[str, ...]
    # The name of a mark → the URL.
    links: dict[str, str]
    # The key of the first message of its thread that this contact point got. Empty: the message begins a thread.
    after: str = ""
    # The time zone of its reader by its IANA name; empty: UTC.
    zone: str = ""

    def passages(self, form: str) -> str:
        """This letter's own passages, one below the other, as "text" or "html"; an unknown key is left out."""
        return "\n".join(self.words.parts[key][form] for key in self.parts if key in self.words.parts)

    def filled(self, form: str = "text") -> str:
        """The complete words as "text", "html" or "short"; only the short ones have no passages of their own."""
        passages = {} if form == "short" else {"parts": self.passages(form)}
        return fill(getattr(self.words, form), {**self.links, **passages}, self.zone)
