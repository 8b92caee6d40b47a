"""The stakeholders' part of the sweep: matches alerts with definitions, tells managers and other teams, plans messages, sends reminders
of promises, answers public forms, and follows up on bounces. Tidying, which only tickers do, deletes unconfirmed subscriptions and
old quotas.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import count, islice, takewhile

from dispatching.audit import LATE
from dispatching.sweep import record
from schedules.apart import apart
from stakeholders.definitions import defining
from stakeholders.models import Bracket, Message, Outage, SignUp
from stakeholders.news import fanning, outages, promises
from stakeholders.subscriptions import bounces, quota, subscribing
from stakeholders.teams import dependents, engineering_managers

PARTS = (
    defining.match_due,
    engineering_managers.tell_due,
    subscribing.take_answers,
    bounces.follow_up,
)
TIDYING = (subscribing.forget_unconfirmed, quota.clear)
# Each does one row at a time, at most so many in a pass.
ONE_BY_ONE = (
    (outages.tell_due_rings, 10),
    (fanning.plan_due, 10),
    (promises.remind_due, 10),
    (subscribing.answer_due, 100),
)


def sweep(clock: Callable[[], datetime]) -> int:
    """Does one pass of everything that is due, records the proof of work, and returns how much it did.

    A part that raises keeps no other from its work, but the proof is not recorded, and what was raised is raised at the end.
    """
    with apart("stakeholders") as do:
        done = sum(do(part, clock()) for part in PARTS)
        done += sum(do(_repeat, part, most, clock) for part, most in ONE_BY_ONE)
        done += do(dependents.tell_due, clock())  # when it is planned who gets an update as a subscriber
    record("stakeholders", clock())
    return done


def tidy(now: datetime) -> int:
    """Deletes old rows that nobody needs any more; returns how many."""
    with apart("tidying") as do:
        return sum(do(part, now) for part in TIDYING)


def _repeat(part: Callable[[datetime], bool], most: int, clock: Callable[[], datetime]) -> int:
    """Does what is due one by one, at most so many; returns how many."""
    return sum(islice(takewhile(bool, (part(clock()) for _ in count())), most))


def overdue(now: datetime) -> dict[str, int]:
    """The number of rows that have been due for more than a minute, by kind; used by health and metrics."""
    due = {"due_at__lte": now - LATE}
    return {
        "rings": Bracket.objects.filter(**due).count(),
        "messages": Message.objects.filter(**due).count(),
        "promises": Outage.objects.filter(**due).count(),
        "forms": SignUp.objects.filter(**due).count(),
    }
