"""Cuts an iCalendar text (RFC 5545) into its events and time zones, so that one that is broken does not cost the others.

Standard library only. Everything else in the text, such as alarms, tasks and lines that are no iCalendar, is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

EVENT, ZONE = "VEVENT", "VTIMEZONE"
_edge = re.compile(r"(BEGIN|END):([A-Z0-9-]+)\s*", re.IGNORECASE)
_top = {"VCALENDAR", EVENT, ZONE}
_offset = re.compile(r"TZOFFSET(?:FROM|TO):(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """An event or a time zone as text; not `whole` if its end is missing."""

    kind: str
    lines: list[str]
    whole: bool

    def value(self, name: str) -> str:
        """The value of the first property with this name, as written; empty if there is none."""
        property_line = re.compile(rf"{name}(?:;[^:]*)?:(.*)", re.IGNORECASE)
        return next((match[1] for line in self.lines if (match := property_line.match(line))), "")

    def text(self) -> bytes:
        return "\r\n".join([f"BEGIN:{self.kind}", *self.lines, f"END:{self.kind}", ""]).encode(errors="replace")


def whole(text: str) -> bool:
    """Whether the text goes on to the end of its last calendar: a download that broke off does not."""
    edges = re.findall(r"^(BEGIN|END):VCALENDAR\s*$", text, re.IGNORECASE | re.MULTILINE)
    return bool(edges) and edges[-1].upper() == "END"


def pieces(text: str) -> Iterator[Piece]:
    """The events and time zones of the text, in its order."""
    kind, lines, depth = "", list[str](), 0
    for line in re.split(r"\r?\n", re.sub(r"\r?\n[ \t]", "", text)):
        edge = _edge.fullmatch(line)
        begins, name = (edge[1].upper() == "BEGIN", edge[2].upper()) if edge else (False, "")
        if name in _top:
            if kind:
                yield Piece(kind, lines, name == kind and not begins)
            kind, lines, depth = name if begins and name != "VCALENDAR" else "", [], 0
        elif edge and kind == EVENT:
            depth += 1 if begins else -1
        elif kind and not depth:
            lines.append(line)
    if kind:
        yield Piece(kind, lines, whole=False)


def mended(zone: Piece) -> Piece:
    """The zone with what its rules leave out: the offset before a change is then the offset after it (Outlook for Mac)."""
    lines, rule = list[str](), list[str]()
    for line in zone.lines:
        rule.append(line)
        if _edge.fullmatch(line):
            lines += _completed(rule)
            rule = []
    return Piece(zone.kind, [*lines, *rule], zone.whole)


def _completed(rule: list[str]) -> list[str]:
    """The lines of a rule up to its END, with the properties that it must have."""
    names = {re.split("[;:]", line, maxsplit=1)[0].upper() for line in rule}
    offset = next((match[1] for line in rule if (match := _offset.match(line))), "")
    if not offset:
        return rule
    usual = {"TZOFFSETFROM": offset, "TZOFFSETTO": offset, "DTSTART": "19700101T000000"}
    return [*(f"{name}:{value}" for name, value in usual.items() if name not in names), *rule]
