"""Turns layers, overrides and absences into shifts: who is on duty, from when to when, and why.

At any instant, each open layer names the people whose turn it is. An override in place of one person replaces that
person. People who are away or gone are left out. A later layer replaces the earlier layers or adds to them; a layer
with nobody left changes nothing. An override in place of everybody comes last; its person can be replaced in turn.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice, pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schedules.rules.hours import Window, spans
from schedules.rules.plans import Crew, Place, Plan, places

Span = tuple[datetime, datetime]


class On(NamedTuple):
    """A person on duty, which layer or override says so, and in whose place.

    In a gap `person` is None, and `instead_of` is the person missing, if it would be anybody's turn.
    """

    person: int | None
    why: str
    instead_of: int | None = None


EMPTY = On(None, "the schedule has no layers")
UNCOVERED = On(None, "no layer covers this time")
CLOSED = On(None, "outside the hours of its layers")
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """A rotation read at a position, in certain hours; or, without plans, fixed `entries` from a calendar.

    `fills`: the next person present takes the turn of somebody absent. `adds`: the layer's people are on duty in
    addition to those of earlier layers, not instead. `windows` and `closed` (public holidays) are in the zone `zone`.
    """

    name: str
    plans: Sequence[Plan] = ()
    position: int = 0
    zone: ZoneInfo = ZoneInfo("UTC")
    windows: Sequence[Window] = ()
    closed: Collection[date] = ()
    adds: bool = False
    fills: bool = False
    entries: Sequence["Cover"] = ()


@dataclass(frozen=True, slots=True)
class Cover:
    """An override: `person` is on duty in [start, end), in place of one person or, if `instead_of` is None, of everybody."""

    person: int
    start: datetime
    end: datetime
    why: str
    instead_of: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Everything that decides who is on duty on a schedule.

    `covers` are in the order of entry, `away` are each person's absences, joined, and `gone` are people who have left.
    """

    layers: Sequence[LayerPlan] = ()
    covers: Sequence[Cover] = ()
    away: Mapping[int, Sequence[Span]] = field(default_factory=dict)
    gone: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """One person on duty in [start, end), UTC, or a gap."""

    on: On
    start: datetime
    end: datetime


def on_duty(line: Line, at: datetime, end: datetime) -> tuple[list[On], datetime]:
    """Who is on duty at the instant `at`, and the next moment at which that changes, at most `end`."""
    pieces = _pieces(line, at, end)
    _, until, now = next(pieces)
    for left, right, on in pieces:
        if {*on} != {*now}:
            return now, left
        until = right
    return now, until


def shifts(line: Line, start: datetime, end: datetime) -> list[Shift]:
    """Every shift in [start, end), cut to it and in order of start, one for each person; gaps are shifts of nobody."""
    done: list[Shift] = []
    running: dict[On, Span] = {}
    for left, right, on in _pieces(line, start, end):
        for holder in [holder for holder in running if holder not in on]:
            done.append(Shift(holder, *running.pop(holder)))
        for holder in on:
            running[holder] = running[holder][0] if holder in running else left, right
    done += [Shift(holder, *span) for holder, span in running.items()]
    return sorted(done, key=lambda shift: (shift.start, shift.end))


def layer_shifts(line: Line, number: int, start: datetime, end: datetime) -> list[Shift]:
    """The shifts of one layer alone, with absences and without overrides."""
    return shifts(Line((line.layers[number],), (), line.away, line.gone), start, end)


def _pieces(line: Line, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, list[On]]]:
    """Cuts [start, end) into pieces in which nothing changes, each with the people on duty or one gap."""
    tracks = [_track(layer, start, end) for layer in line.layers]
    edges = {start, end}
    edges.update(edge for track in tracks for place in track for edge in (place.start, place.end))
    edges.update(edge for cover in line.covers for edge in (cover.start, cover.end))
    edges.update(edge for away in line.away.values() for span in away for edge in span)
    readers = [_reader(track) for track in tracks]
    for left, right in pairwise(sorted(edge for edge in edges if start <= edge <= end)):
        covers = [cover for cover in line.covers if cover.start <= left < cover.end]
        missing = {*line.gone, *(who for who, away in line.away.items() if any(s <= left < e for s, e in away))}
        yield left, right, _decide(line, [read(left) for read in readers], covers, missing)


def _decide(line: Line, turns: list[Place | None], covers: list[Cover], missing: set[int]) -> list[On]:
    on: list[On] = []
    for layer, turn in zip(line.layers, turns, strict=True):
        crew = _crew(layer, turn, covers, missing) if turn else []
        if crew and layer.adds:
            on = on + [holder for holder in crew if holder.person not in {other.person for other in on}]
        elif crew:
            on = crew
    for number, cover in enumerate(covers, 1):
        if cover.instead_of is None:
            present = _present((cover.person,), cover.why, covers[number:], missing)
            on = present or on
    return on or [_gap(line, turns, covers, missing)]


def _gap(line: Line, turns: list[Place | None], covers: list[Cover], missing: set[int]) -> On:
    for layer, turn in zip(line.layers, turns, strict=True):
        for crew in _line_up(layer, turn) if turn else ():
            for on in (_turn_of(person, layer.name, covers) for person in crew):
                if on.person in missing:
                    return On(None, MISSING, on.person)
    if any(turn is None and _rests(layer) for layer, turn in zip(line.layers, turns, strict=True)):
        return CLOSED
    return UNCOVERED if line.layers else EMPTY


def _rests(layer: LayerPlan) -> bool:
    """Whether a gap in this layer is intended: it has people and limited hours."""
    return bool(layer.windows or layer.closed) and not layer.entries and any(plan.crews for plan in layer.plans)


def _track(layer: LayerPlan, start: datetime, end: datetime) -> list[Place]:
    """The layer's turns within its hours, in order, without overlaps."""
    line = _entries(layer.entries, start, end) if layer.entries else places(layer.plans, start, end)
    opened = spans(layer.windows, layer.zone, start, end, layer.closed)
    turns, first = [], 0
    for place in line:
        while first < len(opened) and opened[first][1] <= place.start:
            first += 1
        for left, right in islice(opened, first, None):
            if left >= place.end:
                break
            turns.append(Place(place.crews, place.index, max(left, place.start), min(right, place.end)))
    return turns


def _reader(track: list[Place]) -> Callable[[datetime], Place | None]:
    """Returns a function that finds the turn at an instant; call it with instants in ascending order."""
    left = iter(track)
    current = next(left, None)

    def read(at: datetime) -> Place | None:
        nonlocal current
        while current and current.end <= at:
            current = next(left, None)
        return current if current and current.start <= at else None

    return read


def _entries(entries: Iterable[Cover], start: datetime, end: datetime) -> Iterator[Place]:
    """A calendar's entries as turns; if several overlap, all of their people are on duty."""
    near = [entry for entry in entries if entry.start < end and entry.end > start]
    for left, right in pairwise(sorted({edge for entry in near for edge in (entry.start, entry.end)})):
        crew = tuple(dict.fromkeys(entry.person for entry in near if entry.start <= left < entry.end))
        if crew:
            yield Place((crew,), 0, left, right)


def _line_up(layer: LayerPlan, turn: Place) -> list[Crew]:
    """The crew whose turn it is; if the layer fills absences, all crews in order, the main one first."""
    return [turn.at(n) for n in range(len(turn.crews))] if layer.fills else [turn.at(layer.position)]


def _crew(layer: LayerPlan, turn: Place, covers: list[Cover], missing: set[int]) -> list[On]:
    """The people whose turn it is, or their replacements, without people who are missing.

    If the layer fills absences, crews with nobody present are skipped.
    """
    present = [crew for lineup in _line_up(layer, turn) if (crew := _present(lineup, layer.name, covers, missing))]
    position = layer.position % len(turn.crews) if layer.fills and turn.crews else 0
    if position >= len(present):
        return []
    own = turn.at(layer.position)
    return [on if on.instead_of or on.person in own else on._replace(instead_of=own[0]) for on in present[position]]


def _present(crew: Crew, name: str, covers: list[Cover], missing: set[int]) -> list[On]:
    present: list[On] = []
    for on in (_turn_of(person, name, covers) for person in crew):
        if on.person not in missing and on.person not in {other.person for other in present}:
            present.append(on)
    return present


def _turn_of(person: int, name: str, covers: list[Cover]) -> On:
    """Who has the turn of `person` after overrides, which are applied in order, each replacing the person before."""
    on = On(person, name)
    for cover in covers:
        if cover.instead_of == on.person:
            on = On(cover.person, cover.why, person if cover.person != person else None)
    return on
