"""The stakeholders' part of the sweep: matches alerts with definitions, tells managers and other teams, plans messages, reminds of
promises, answers forms, follows up on bounces, and clears unconfirmed subscriptions and old quotas.
"""

from collections.abc import Callable
from datetime import datetime

from stakeholders.definitions import defining
from stakeholders.news import fanning, promises
from stakeholders.subscriptions import bounces, quota, subscribing
from stakeholders.teams import dependents, engineering_managers

PASS = 10  # batches or outages
FORMS = 100  # a pass


def sweep(clock: Callable[[], datetime]) -> int:
    """Does one pass of everything that is due, and returns how much it did."""
    done = defining.match_due(clock()) + engineering_managers.tell_due(clock()) + dependents.tell_due(clock())
    for due in (fanning.plan_due, promises.remind_due):
        while done < PASS and due(clock()):
            done += 1
    forms = 0
    while forms < FORMS and subscribing.answer_due(clock()):
        forms += 1
    done += forms + subscribing.take_answers(clock()) + bounces.follow_up(clock())
    return done + subscribing.forget_unconfirmed(clock()) + quota.clear(clock())
