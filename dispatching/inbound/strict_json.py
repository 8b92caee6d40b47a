"""JSON from strangers: whatever the bytes are, the answer is a value that PostgreSQL can store, or BadInput."""

import re
from collections import Counter
from collections.abc import Collection
from json import JSONDecodeError, JSONDecoder
from math import isfinite
from typing import Any

from dispatching.inbound.bad_input import BadInput, UnsupportedBody, shown

DEEPEST = 50
SMALLEST, LARGEST = -(2**63), 2**63 - 1

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
TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"|[\[\]{}]', re.DOTALL)


class _Suspect(Exception):
    """The quick pass met something to refuse; the careful pass finds out where."""


class _Refused:
    """Stands in the parsed value where something must be refused."""

    __slots__ = ("why",)

    def __init__(self, why: str):
        self.why = why


def loads(body: bytes, charset: str | None = None, *, free_form: Collection[str] = FREE_FORM) -> Any:
    """The object or list in the body; BadInput names the path of whatever is wrong, UnsupportedBody the character set.

    The value holds no NUL, no lone surrogate, no NaN or infinity, no integer beyond 64 bits, no key twice, and is at
    most DEEPEST levels deep. Below a key in `free_form`, NUL is dropped from text and a lone surrogate becomes U+FFFD;
    anywhere else, and in keys, both are refused.
    """
    text = _decode(body, charset)
    try:
        value, careful = _parse(text)
    except JSONDecodeError as error:
        raise BadInput(f"body: not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BadInput(f"{_deep_path(text)}: {DEEP}") from None
    if not isinstance(value, dict | list | _Refused):
        raise BadInput("body: must be an object or a list")
    if _too_deep(value):
        raise BadInput(f"{_deep_path(text)}: {DEEP}")
    if careful:
        _clean(value, free_form)
    return value


def _parse(text: str) -> tuple[Any, bool]:
    """The value, and whether something in it needs a closer look."""
    try:
        return _QUICK.decode(text), ESCAPED_NUL_OR_SURROGATE.search(text) is not None
    except _Suspect:
        return _CAREFUL.decode(text), True


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


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Suspect
    return found


def _integer(digits: str) -> int:
    # Counted before it is converted: beyond 4,300 digits int() raises, and below that it is slow.
    if len(digits) > 20 or not SMALLEST <= (number := int(digits)) <= LARGEST:
        raise _Suspect
    return number


def _real(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise _Suspect
    return number


def _constant(name: str) -> Any:
    raise _Suspect


def _unique_or_refused(pairs: list[tuple[str, Any]]) -> Any:
    try:
        return _unique(pairs)
    except _Suspect:
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        return _Refused(f"the key {ascii(twice)[:60]} appears more than once")


def _integer_or_refused(digits: str) -> Any:
    try:
        return _integer(digits)
    except _Suspect:
        return _Refused(BIG)


def _real_or_refused(digits: str) -> Any:
    try:
        return _real(digits)
    except _Suspect:
        return _Refused("a number too large to store")


def _refused_constant(name: str) -> Any:
    return _Refused(f"{name} is not JSON")


_QUICK = JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_real, parse_constant=_constant)
_CAREFUL = JSONDecoder(
    object_pairs_hook=_unique_or_refused,
    parse_int=_integer_or_refused,
    parse_float=_real_or_refused,
    parse_constant=_refused_constant,
)


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _deep_path(text: str) -> str:
    """The path, at most three keys long, to the place that is nested too deep."""
    depth = 0
    keys: dict[int, str] = {}
    for token in TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                break
            keys.pop(depth, None)
        elif token[0] in "]}":
            depth -= 1
        elif text[token.end() : token.end() + 20].lstrip().startswith(":"):
            keys[depth] = token[1]
    return shown(tuple(keys[level] for level in sorted(keys) if level <= depth)[:3])


def _clean(root: Any, free_form: Collection[str]) -> None:
    """Cleans free-form text in place; BadInput with every other finding."""
    errors: list[str] = []
    todo: list[tuple[Any, tuple[str | int, ...], bool]] = [([root], (), False)]
    while todo:
        container, path, free = todo.pop()
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(items):
            at = () if container[key] is root else (*path, key)
            if isinstance(key, str) and (trouble := _trouble(key)):
                errors.append(f"{shown(at)}: {trouble} in a key")
            elif isinstance(value, _Refused):
                errors.append(f"{shown(at)}: {value.why}")
            elif isinstance(value, dict | list):
                todo.append((value, at, free or key in free_form))
            elif isinstance(value, str) and (trouble := _trouble(value)):
                if free:
                    container[key] = SURROGATE.sub("\ufffd", value.replace("\0", ""))
                else:
                    errors.append(f"{shown(at)}: {trouble}")
    if errors:
        raise BadInput(errors)


def _trouble(text: str) -> str:
    if "\0" in text:
        return "a NUL character"
    return "half of a surrogate pair" if SURROGATE.search(text) else ""
