"""Makes text safe to send, whatever an alert contained."""

import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_unsendable = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Marks that change the reading direction and so can make a line seem to say something else.
_directions = re.compile(r"[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with \\n for line ends, and control characters and lone surrogates replaced (faults G14)."""
    return _unsendable.sub(REPLACEMENT, text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, limit: int) -> str:
    """The text as one line of at most `limit` characters, fit for a header (faults G12, G13)."""
    return shorten(" ".join(_directions.sub("", printable(text)).split()), limit)


def shorten(text: str, limit: int, tail: str = "…") -> str:
    """The text, or its beginning and `tail`, in at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - len(tail)].rstrip() + tail


def printable_data(value: Any) -> Any:
    """JSON-ready data with every string in it, including keys, made printable."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable(str(key)): printable_data(item) for key, item in value.items()}
        case list() | tuple():
            return [printable_data(item) for item in value]
        case _:
            return value
