"""Links in what a source sent, in any of the forms that tools use."""

from collections.abc import Iterator
from typing import Any

PLACES = ("href", "url", "link", "src")
WORDS = ("text", "title", "name", "label", "alt")
DEEPEST = 3


def links(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """(words, address) of each link: of a text, of {"href", "text"} as in PagerDuty, of {words: address}, or of a list of these.

    The words are empty if there are none. Whether an address is one that a reader may follow is not looked at.
    """
    if isinstance(value, str):
        if value.strip():
            yield "", value
    elif isinstance(value, list) and depth < DEEPEST:
        for part in value:
            yield from links(part, depth + 1)
    elif isinstance(value, dict):
        if address := _first(value, PLACES):
            yield _first(value, WORDS), address
        else:
            yield from ((words, address) for words, address in value.items() if isinstance(address, str))


def _first(value: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if isinstance(text := value.get(name), str) and text.strip()), "")
