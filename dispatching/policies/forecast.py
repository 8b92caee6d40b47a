"""A forecast of a policy (A53): the people it would tell, and when. Uses the same code as a real run, but writes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dispatching.alerts import paging
from dispatching.alerts.escalating import Moment, people_of
from dispatching.models import Recipient
from dispatching.rules import escalation as rules
from schedules.models import User
from schedules.templatetags.times import after


@dataclass(frozen=True, slots=True)
class Callee:
    """A person whom a step would page: how (channel, delay after the step), why, and whether they can be reached."""

    name: str
    how: list[tuple[str, timedelta]]
    why: str
    trouble: str

    @property
    def reachable(self) -> bool:
        return bool(self.how)

    def __str__(self) -> str:
        return self.name if self.reachable else f"{self.name} (cannot be reached)"


@dataclass(frozen=True, slots=True)
class Run:
    """One step of the first round: its time, the delay after the alert, the people it tells, and the targets without anybody."""

    at: datetime
    after: timedelta
    step: rules.FrozenStep
    told: list[Callee]
    empty: list[str]

    @property
    def reached(self) -> list[Callee]:
        return [told for told in self.told if told.reachable]


@dataclass(frozen=True, slots=True)
class Forecast:
    """The steps of the first round, the number of rounds, the end of the policy, and the people who are told then."""

    runs: list[Run]
    rounds: int
    end: datetime
    after: timedelta
    last_resort: list[Callee]

    @property
    def sentence(self) -> str:
        """The whole course in a few words, for people who do not read the table."""
        empty = [f"step {run.step.number} reaches nobody" for run in self.runs if not run.reached]
        paged = [f"{_and(told.name for told in run.reached)} {after(run.after)}" for run in self.runs if run.reached]
        first = f"Tocsin pages {', then '.join(paged)}" if paged else "Tocsin pages nobody"
        more = self.rounds - 1
        again = f" It runs all steps {more} more time{'s' if more > 1 else ''}." if more else ""
        last = _and(map(str, self.last_resort)) or "nobody"
        return (
            f"{'; '.join([first, *empty])}.{again} If nobody acknowledges, it tells the last resort {after(self.after)}: {last}. "
            "An acknowledgement stops it at any time."
        )

    @property
    def warnings(self) -> list[str]:
        """A sentence for each person who cannot be reached, and for each target without anybody in a step that reaches nobody."""
        people = [
            f"Step {run.step.number}: {told.name} cannot be reached: {told.trouble}."
            for run in self.runs
            for told in run.told
            if not told.reachable
        ]
        empty = [
            f"Step {run.step.number} would reach nobody now: {reason}."
            for run in self.runs
            for reason in run.empty
            if not run.reached
        ]
        return [*people, *empty] if self.runs else ["It pages nobody: it has no steps."]


def forecast(snapshot: dict[str, Any], start: datetime) -> Forecast:
    """What a policy would do for an alert that starts at `start`, if nobody acknowledged it.

    The people of each step are looked up for the time at which it runs. Later rounds are assumed to last as long as the first.
    """
    unknown = _without_contact_points()
    at, runs = start, []
    for position in range(len(snapshot["steps"])):
        step = rules.step_at(snapshot, position)
        assert step
        called, empty = people_of(step, Moment(at, recipients=dict(unknown)))
        told = [_told(person.recipient, person.why) for person in called]
        runs.append(Run(at, at - start, step, told, empty))
        # A step that reaches nobody takes no time (A49).
        at += step.span if runs[-1].reached else timedelta(0)
    rounds = snapshot["repeat"] + 1
    length = (at - start) * rounds
    return Forecast(runs, rounds, start + length, length, last_resort())


def _without_contact_points() -> dict[int, Recipient]:
    """Unsaved recipients, by user id, for people who have none: a real step would create them, a forecast must not."""
    return {user.pk: Recipient(user=user) for user in User.objects.filter(recipient=None)}


def _told(recipient: Recipient, why: str) -> Callee:
    how = [(point.channel, delay) for point, delay in paging.chain_of(recipient)] if recipient.pk else []
    return Callee(recipient.name, how, why, "" if how else _trouble(recipient))


def _trouble(recipient: Recipient) -> str:
    return paging.unreachable(recipient) if recipient.pk else "no verified contact point"


def _and(names: Iterable[str]) -> str:
    return " and ".join(names)


def last_resort() -> list[Callee]:
    recipients = paging.reachable(Recipient.objects.filter(last_resort=True))
    return [_told(r, "last resort") for r in recipients if r.user is None or r.user.is_active]
