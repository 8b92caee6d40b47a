"""Which alerts a definition matches, and when: by SLO, by priority, by the number of reports (B100, B138, B144)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Rule:
    """What a definition matches. `slo` is empty for any SLO.

    `least` is the level of the least important priority that matches; None matches any priority, and alerts without one.
    `repeats` reports are needed within the time `within`.
    """

    slo: str
    least: int | None
    repeats: int
    within: timedelta

    def concerns(self, slo: str) -> bool:
        return not self.slo or self.slo.lower() == slo.lower()

    def fits(self, slo: str, level: int | None) -> bool:
        """Whether an alert with this SLO and level of priority may match; `level` is None without a priority."""
        return self.concerns(slo) and (self.least is None or level is not None and level <= self.least)


class Reports:
    """The times and counts of the reports that a rule concerns. `reports` are (time, count), oldest first."""

    def __init__(self, rule: Rule, reports: Iterable[tuple[datetime, int]] = ()) -> None:
        pairs = list(reports)
        self._rule = rule
        self._times = [at for at, _ in pairs]
        self._sums = [0, *accumulate(count for _, count in pairs)]

    def often(self, at: datetime) -> bool:
        """Whether there were enough reports in the rule's time up to `at`, `at` included."""
        rule = self._rule
        upto, after = bisect_right(self._times, at), bisect_right(self._times, at - rule.within)
        return rule.repeats <= 1 or self._sums[upto] - self._sums[after] >= rule.repeats

    def moments(self) -> list[datetime]:
        """Returns the times of all reports at which there were enough."""
        return [at for at in self._times if self.often(at)]


def first_match(rule: Rule, moments: list[datetime], since: datetime, until: datetime | None) -> datetime | None:
    """Returns when a fitting alert, open from `since` until `until` (exclusive; None: still open), first matched; None if never.

    `moments` are the times at which there were enough reports, oldest first.
    """
    if rule.repeats <= 1:
        return since
    place = bisect_left(moments, since)
    moment = moments[place] if place < len(moments) else None
    return moment if moment and (until is None or moment < until) else None
