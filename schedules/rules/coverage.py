"""Layers and overrides become shifts: who is on duty, from when to when, and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from schedules.rules.rotation import Period, turns


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """A rotation read at an offset: position 0 is main, 1 the first backup, … `people` in order of their turns;
    None is a turn that nobody takes."""

    name: str
    period: Period
    people: Sequence[int | None]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Cover:
    """An override: `person` is on duty in [start, end), whatever the layers say."""

    person: int
    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Shift:
    """One person on duty in [start, end), UTC, and the reason. `person` is None in a gap."""

    person: int | None
    start: datetime
    end: datetime
    why: str


def shifts(layers: Sequence[LayerPlan], covers: Sequence[Cover], start: datetime, end: datetime) -> list[Shift]:
    """The final line over [start, end): a later layer wins over an earlier one, an override over all; gaps are shifts too."""
    spans = [span for layer in layers for span in _layer_spans(layer, start, end)]
    # Later in the list wins; among overrides the one entered last.
    ranked = [*spans, *(Shift(c.person, c.start, c.end, c.why) for c in covers)]
    return _merged(_flatten(ranked, start, end))


def _layer_spans(layer: LayerPlan, start: datetime, end: datetime) -> Iterable[Shift]:
    if not layer.people:
        return
    for turn in turns(layer.period, start, end):
        person = layer.people[(turn.number + layer.position) % len(layer.people)]
        yield Shift(person, turn.start, turn.end, layer.name)


def _flatten(ranked: Sequence[Shift], start: datetime, end: datetime) -> Iterable[Shift]:
    edges = {start, end}
    for span in ranked:
        edges.update(edge for edge in (span.start, span.end) if start < edge < end)
    for left, right in pairwise(sorted(edges)):
        winner = next((s for s in reversed(ranked) if s.start <= left < s.end), None)
        yield Shift(winner.person if winner else None, left, right, winner.why if winner else "nobody is on duty")


def _merged(parts: Iterable[Shift]) -> list[Shift]:
    line: list[Shift] = []
    for part in parts:
        last = line[-1] if line else None
        # Two turns in a row of one person stay one shift, unless an edge says otherwise.
        if last and (last.person, last.why) == (part.person, part.why) and last.end == part.start:
            line[-1] = Shift(last.person, last.start, part.end, last.why)
        else:
            line.append(part)
    return line
