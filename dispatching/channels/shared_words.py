"""Words that many deliveries share, and what is filled in for each one when it is sent."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

# Private-use characters: nobody types them, and no template escapes them.
OPEN, CLOSE = "\ue000", "\ue001"
_marks = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


def mark(name: str) -> str:
    """Where a delivery's own words go: "parts", or the name of one of the content's links."""
    return f"{OPEN}{name}{CLOSE}"


def split(text: str) -> list[str]:
    """The text in pieces: every second one is the name of a mark."""
    return _marks.split(text)


def fill(text: str, values: dict[str, str]) -> str:
    """The text with the marks filled in; one that has no value is left out."""
    return _marks.sub(lambda found: values.get(found[1], ""), text)


class Words(Hashable, Protocol):
    """What media need of a `Content`: finished words, read once for all who get them, so that they can be the key of a cache.

    `parts`: key → {"text": …, "html": …}.
    """

    subject: str
    text: str
    html: str
    parts: dict[str, dict[str, str]]
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """The words for one of those who get them: the passages by their keys, each link, and the message it follows on."""

    words: Words
    parts: tuple[str, ...]
    # The name of a mark → the URL.
    links: dict[str, str]
    # The key of the first message of its thread that this contact point got; empty: it begins one.
    after: str = ""

    def passages(self, form: str) -> str:
        """Its own passages one below the other, as "text" or "html"; one that is not known any more is left out."""
        return "\n".join(self.words.parts[key][form] for key in self.parts if key in self.words.parts)

    def filled(self, form: str = "text") -> str:
        """The whole as "text" or "html"."""
        return fill(getattr(self.words, form), {**self.links, "parts": self.passages(form)})
