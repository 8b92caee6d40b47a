"""When a ring of stakeholders is told about an outage, and its rule as a plain sentence (B49 to B57).

A ring after the first is told only when its rule holds, and never before the ring inside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stakeholders.rules.cadence import span

SEVERITIES = ("critical", "error", "warning", "info")  # the worst first
ANY, ALL = "any", "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """The conditions of a ring; those that are None or empty do not count. Without any, the rule never holds.

    `elapsed`: the time since the announcement. `projected`: the time to recovery, counted from the announcement. `priority`: the
    level of the least important priority, so 2 means 1 or 2. `severity`: the mildest severity.
    """

    match: str = ANY
    elapsed: timedelta | None = None
    projected: timedelta | None = None
    priority: int | None = None
    severity: str = ""

    def frozen(self) -> dict[str, Any]:
        """The rule as JSON, lengths in seconds."""
        return {
            "match": self.match,
            "elapsed": self.elapsed.total_seconds() if self.elapsed is not None else None,
            "projected": self.projected.total_seconds() if self.projected is not None else None,
            "priority": self.priority,
            "severity": self.severity,
        }

    @classmethod
    def thawed(cls, stored: Mapping[str, Any]) -> "Rule":
        lengths = {
            name: timedelta(seconds=stored[name]) if stored[name] is not None else None
            for name in ("elapsed", "projected")
        }
        return cls(**{**stored, **lengths})

    @property
    def sentence(self) -> str:
        """The rule in plain words, to follow “told” or “ring 2 is”."""
        conditions = self._conditions()
        if not conditions:
            return "not told, because it has no rule"
        return f"told {(', or ' if self.match == ANY else ', and ').join(f'if {words}' for words in conditions)}"

    def _conditions(self) -> list[str]:
        conditions = []
        if self.elapsed is not None:
            conditions.append(f"not over after {_length(self.elapsed)}")
        if self.projected is not None:
            conditions.append(f"recovery is expected to take more than {_length(self.projected)}")
        if self.priority is not None:
            conditions.append("the priority is 1" if self.priority == 1 else f"the priority is 1 to {self.priority}")
        if self.severity:
            worse = self.severity != SEVERITIES[0]
            conditions.append(f"the severity is {self.severity}{' or worse' if worse else ''}")
        return conditions


def _length(length: timedelta) -> str:
    """The length in words; a rule of seconds is for demonstrations."""
    return span(length) if length >= timedelta(minutes=1) else f"{length.total_seconds():g} seconds"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule looks at: an outage that has been announced. `expected_at` is its projected recovery, if there is one."""

    announced_at: datetime
    expected_at: datetime | None = None
    priority: int | None = None
    severity: str = ""


def holds_from(rule: Rule, outage: Situation) -> datetime | None:
    """The time from which the rule holds if nothing changes; None if it does not hold at all (B54, B55)."""
    moments = list(_moments(rule, outage))
    if rule.match == ALL:
        return max(moments, default=None) if None not in moments else None  # type: ignore[type-var]
    return min((moment for moment in moments if moment), default=None)


def _moments(rule: Rule, outage: Situation) -> Sequence[datetime | None]:
    """The time from which each condition holds."""
    moments: list[datetime | None] = []
    at_once = outage.announced_at
    if rule.elapsed is not None:
        moments.append(at_once + rule.elapsed)
    if rule.projected is not None:
        longer = outage.expected_at is not None and outage.expected_at - at_once > rule.projected
        moments.append(at_once if longer else None)
    if rule.priority is not None:
        moments.append(at_once if outage.priority is not None and outage.priority <= rule.priority else None)
    if rule.severity:
        bad = outage.severity and SEVERITIES.index(outage.severity) <= SEVERITIES.index(rule.severity)
        moments.append(at_once if bad else None)
    return moments


@dataclass(frozen=True, slots=True)
class Told:
    """A ring with a group that covers what is affected: its rule, and when it was told, if it was."""

    rule: Rule
    at: datetime | None = None


def times(rings: Sequence[Told], outage: Situation) -> list[datetime | None]:
    """When each of the rings, the innermost first, was told or is told if nothing changes; None if it is not (B49 to B51).

    The innermost is told with the announcement, and so is a ring inside one that has been told: it was affected later. No other
    ring is told before the one inside it.
    """
    outermost = max((number for number, ring in enumerate(rings) if ring.at), default=0)
    moments: list[datetime | None] = []
    inner: datetime | None = outage.announced_at
    for number, ring in enumerate(rings):
        at_once = number <= outermost
        own = ring.at or (outage.announced_at if at_once else holds_from(ring.rule, outage))
        inner = max(own, inner) if own and inner else None
        moments.append(inner)
    return moments
