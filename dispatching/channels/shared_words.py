"""Words that many deliveries share, and what is filled in for each one when it is sent."""

import re
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Finished words, read once for all who get them; compared by identity, so that they can be the key of a cache.

    `parts`: key → {"text": …, "html": …}.
    """

    subject: str
    text: str
    html: str
    short: str
    parts: dict[str, dict[str, str]]
    links: list[str]
    headers: dict[str, str]
    data: dict[str, Any]


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

    @property
    def text(self) -> str:
        return fill(self.words.text, {**self.links, "parts": self.passages("text")})
