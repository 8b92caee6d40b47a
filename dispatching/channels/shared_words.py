"""Words that many deliveries share, with marks that are filled in for each delivery when it is sent."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

# Private-use characters: nobody types them, and no template escapes them.
OPEN, CLOSE = "\ue000", "\ue001"
_marks = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


def mark(name: str) -> str:
    """A mark for the place where a delivery's own words go. `name` is "parts" or the name of one of the content's links."""
    return f"{OPEN}{name}{CLOSE}"


def split(text: str) -> list[str]:
    """The text in pieces; every second piece is the name of a mark."""
    return _marks.split(text)


def fill(text: str, values: dict[str, str]) -> str:
    """The text with its marks filled in; a mark that has no value is left out."""
    return _marks.sub(lambda match: values.get(match[1], ""), text)


class Words(Hashable, Protocol):
    """The attributes of a `Content` that channels need: finished words, read once for all recipients. Hashable, to be a cache key.

    `parts`: key → {"text": …, "html": …}.
    """

    subject: str
    text: str
    html: str
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

    def passages(self, form: str) -> str:
        """This letter's own passages, one below the other, as "text" or "html"; an unknown key is left out."""
        return "\n".join(self.words.parts[key][form] for key in self.parts if key in self.words.parts)

    def filled(self, form: str = "text") -> str:
        """The complete words as "text" or "html"."""
        return fill(getattr(self.words, form), {**self.links, "parts": self.passages(form)})
