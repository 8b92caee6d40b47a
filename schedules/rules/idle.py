"""Turns of a rotation that go by with nobody on duty, because they lie outside the hours of every schedule that reads it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import lcm
from zoneinfo import ZoneInfo

from schedules.rules.hours import Window, joined, spans
from schedules.rules.rotation import Period, boundary, turns

MOST = timedelta(days=366)
WEEK, HOURS = 7 * 24, {"hours": 1, "days": 24}
UTC = ZoneInfo("UTC")  # clock changes would only blur the pattern


@dataclass(frozen=True, slots=True)
class Idle:
    """`idle` of `turns` go by with nobody on duty; `never` are the people, by their place in the list, who have no other."""

    idle: int
    turns: int
    never: frozenset[int]


def idle_turns(period: Period, people: int, layers: Sequence[Sequence[Window]]) -> Idle | None:
    """Looks through the turns of `people` until their pattern repeats; `layers` are the hours of each, empty for always.

    None if somebody is on duty in every turn.
    """
    if not people or not layers or not all(layers) or period.unit not in HOURS:
        return None
    period = replace(period, zone=UTC)
    start = boundary(period, 0)
    repeats = timedelta(hours=lcm(WEEK, period.every * (HOURS[period.unit] if not period.days else WEEK)) * people)
    line = [turn for turn in turns(period, start, start + min(repeats, MOST)) if turn.number >= 0]
    opened = joined(span for windows in layers for span in spans(windows, UTC, start, line[-1].end))
    working, at = set[int](), 0
    for turn in line:
        while at < len(opened) and opened[at][1] <= turn.start:
            at += 1
        if at < len(opened) and opened[at][0] < turn.end:
            working.add(turn.number)
    if len(working) == len(line):
        return None
    return Idle(len(line) - len(working), len(line), frozenset(range(people)) - {number % people for number in working})
