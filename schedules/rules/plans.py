"""A rotation through time, as plans that follow each other, so that an edit moves nobody out of a running turn.

A change takes effect at the end of the turn that is running when it is made. The person who would have come next still
comes next; their first turn lasts until the new plan's first handover that is at least half a turn away, so that
nobody loses a turn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from schedules.rules.rotation import Period, boundary, turn_at, turns

Crew = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The people who take turns, in this order, and when; one person or several together take a turn.

    `since`: when the plan takes effect (UTC); None means at the first handover. `first`: whose turn starts then, as an
    index into `crews`; None means that turns are counted from the first handover.
    """

    period: Period
    crews: Sequence[Crew]
    since: datetime | None = None
    first: int | None = None

    @property
    def start(self) -> datetime:
        return self.since or boundary(self.period, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """A turn of a rotation in [start, end), UTC; `crews` are in the order of their turns, `index` is the crew on turn."""

    crews: Sequence[Crew]
    index: int
    start: datetime
    end: datetime

    def at(self, position: int) -> Crew:
        """The crew at a position: 0 is main, 1 the first backup, and so on; the list wraps round. Empty without crews."""
        return self.crews[(self.index + position) % len(self.crews)] if self.crews else ()


def places(plans: Sequence[Plan], start: datetime, end: datetime) -> Iterator[Place]:
    """The turns of a rotation that touch [start, end), in order, cut where the next plan takes effect."""
    for plan, following in zip_longest(plans, plans[1:]):
        last = following.start if following else None
        left, right = max(plan.start, start), min(last, end) if last else end
        for place in _places(plan, left, right) if left < right else ():
            over = min(place.end, last) if last else place.end
            if place.start < over:
                yield Place(plan.crews, place.index, place.start, over)


def _places(plan: Plan, left: datetime, right: datetime) -> Iterator[Place]:
    if plan.first is None:
        for turn in turns(plan.period, left, right):
            yield Place(plan.crews, turn.number, max(turn.start, plan.start), turn.end)
        return
    second = _second(plan)
    opened = boundary(plan.period, second)
    if left < opened:
        yield Place(plan.crews, plan.first, plan.start, opened)
    for turn in turns(plan.period, max(left, opened), right) if opened < right else ():
        yield Place(plan.crews, plan.first + 1 + turn.number - second, turn.start, turn.end)


def _second(plan: Plan) -> int:
    """The number of the turn that follows the plan's first turn; it starts at least half a turn after the plan does."""
    half = plan.start + plan.period.length / 2
    turn = turn_at(plan.period, half)
    return turn.number if turn.start == half else turn.number + 1


def changed(
    plans: Sequence[Plan], period: Period, crews: Sequence[Crew], now: datetime, *, at_once: bool
) -> list[Plan]:
    """The plans after an edit at `now`; plans that have taken effect keep their past.

    The new plan does not take effect before its first handover. `at_once`: it takes effect now, with its turns counted
    from its first handover. It does so, too, if nobody has a turn that could be ended.
    """
    held = [plan for plan in plans if plan.start <= now]
    if not any(plan.crews for plan in held):
        return [Plan(period, crews)]
    first = boundary(period, 0)
    if at_once or not held[-1].crews:
        return [*held, Plan(period, crews, since=max(now, first))]
    running = next(places(held, max(now, first), max(now, first) + timedelta(microseconds=1)))
    order = [running.crews[(running.index + n) % len(running.crews)] for n in range(1, len(running.crews) + 1)]
    following = next((crews.index(crew) for crew in order if crew in crews), 0)
    return [*held, Plan(period, crews, since=first if first > now else running.end, first=following)]
