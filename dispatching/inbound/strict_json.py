"""Parses JSON from strangers: whatever the bytes are, the result is a value that PostgreSQL can store, or BadInput."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from json import JSONDecodeError, JSONDecoder
from math import isfinite
from typing import Any

from dispatching.inbound.bad_input import BadInput, UnsupportedBody, shown

DEEPEST = 50
SMALLEST, LARGEST = -(2**63), 2**64 - 1  # ids of traces and fingerprints are unsigned (case 06)

FREE_FORM = frozenset(
    ["details", "custom_details", "labels", "annotations", "values"]
    + ["commonLabels", "commonAnnotations", "groupLabels"]
)
"""Objects that a tool fills with whatever it has, log lines included; a page is not lost over a NUL in one of them."""

CHARSETS = {
    **dict.fromkeys(["utf-8", "utf8", "ascii", "us-ascii"], "utf-8-sig"),
    **dict.fromkeys(["iso-8859-1", "latin1", "latin-1"], "iso-8859-1"),
}

DEEP = f"nested deeper than {DEEPEST} levels"
BIG = "an integer beyond 64 bits; send it as text"
SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_NUL_OR_SURROGATE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
Path = tuple[str | int, ...]


class _Refused(str):
    """The reason to refuse a value. It replaces the value in the parsed JSON until `_check` finds it.

    `kept`: the value itself, as text, for free-form objects; None if it cannot be kept.
    """

    kept: str | None = None

    @classmethod
    def number(cls, reason: str, kept: str) -> "_Refused":
        refused = cls(reason)
        refused.kept = kept
        return refused


def loads(body: bytes, charset: str | None = None, *, free_form: Collection[str] = FREE_FORM) -> Any:
    """The object or list in the body. Raises BadInput, which names the path of each error, or UnsupportedBody, which names the charset.

    The value contains no NUL, lone surrogate, NaN, infinity, integer beyond (unsigned) 64 bits or repeated key, and is at most
    DEEPEST levels deep. Below a key in `free_form`, NUL is dropped from text, a lone surrogate becomes U+FFFD, and a number that
    cannot be stored becomes its text; anywhere else, and in keys, all of them are refused.
    """
    text = _decode(body, charset)
    try:
        value = _DECODER.decode(text)
    except JSONDecodeError as error:
        raise BadInput(f"body: not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BadInput(f"body: {DEEP}") from None
    if isinstance(value, _Refused):
        raise BadInput(f"body: {value}")
    if not isinstance(value, dict | list):
        raise BadInput("body: must be an object or a list")
    _check(value, free_form, escapes=ESCAPED_NUL_OR_SURROGATE.search(text) is not None)
    return value


def _decode(body: bytes, charset: str | None) -> str:
    codec = CHARSETS.get((charset or "utf-8").strip().strip("\"'").lower())
    if codec is None:
        raise UnsupportedBody(f"Content-Type: unknown charset {ascii(charset)[:60]}; send UTF-8")
    try:
        text = body.decode(codec)
    except UnicodeDecodeError as error:
        raise BadInput(f"body: not UTF-8 at byte {error.start}") from None
    if not text.strip():
        raise BadInput("body: is empty; a JSON object is expected")
    return text


def _object(pairs: list[tuple[str, Any]]) -> Any:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
    return _Refused(f"the key {ascii(twice)[:60]} appears more than once")


def _integer(digits: str) -> Any:
    # The digits are counted before the conversion: beyond 4,300 digits int() raises, and below that it is slow.
    if len(digits) > 20 or not SMALLEST <= (number := int(digits)) <= LARGEST:
        return _Refused.number(BIG, digits)
    return number


def _real(digits: str) -> Any:
    return number if isfinite(number := float(digits)) else _Refused.number("a number too large to store", digits)


_DECODER = JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_real,
    parse_constant=lambda name: _Refused.number(f"{name} is not JSON", name),
)


def _check(root: Any, free_form: Collection[str], *, escapes: bool) -> None:
    """Cleans free-form text in place; raises BadInput with all other errors. Without `escapes` no text can be wrong."""
    errors: list[str] = []
    todo: list[tuple[Any, Path, bool]] = [(root, (), False)]
    while todo:
        container, path, free = todo.pop()
        for key, value in _items(container):
            kind = type(value)
            if kind is dict or kind is list:
                if len(path) == DEEPEST - 1:
                    raise BadInput(f"{shown(path[:3])}: {DEEP}")
                todo.append((value, (*path, key), free or key in free_form))
            elif kind is _Refused:
                errors += _kept(container, (*path, key), value, free)
        if escapes:
            errors += _check_texts(container, path, free)
    if errors:
        raise BadInput(errors)


def _kept(container: Any, path: Path, value: _Refused, free: bool) -> list[str]:
    """Keeps the value as text if it may be; otherwise returns the error."""
    if not free or value.kept is None:
        return [f"{shown(path)}: {value}"]
    container[path[-1]] = value.kept
    return []


def _check_texts(container: Any, path: Path, free: bool) -> Iterator[str]:
    for key, value in _items(container):
        if trouble := _trouble(key):
            yield f"{shown((*path, key))}: {trouble} in a key"
        elif free and _trouble(value):
            container[key] = SURROGATE.sub("\ufffd", value.replace("\0", ""))
        elif trouble := _trouble(value):
            yield f"{shown((*path, key))}: {trouble}"


def _items(container: Any) -> Iterable[tuple[Any, Any]]:
    return container.items() if isinstance(container, dict) else enumerate(container)


def _trouble(value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if "\0" in value:
        return "a NUL character"
    return "half of a surrogate pair" if SURROGATE.search(value) else ""
