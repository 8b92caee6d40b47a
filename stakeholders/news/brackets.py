"""The ring clock: which rings are told about an outage, and when; opens their brackets, passes messages on, and closes them.

The caller of each function holds the lock on the outage. When a ring is told is computed again with everything that changes, and
by the clock itself just before it tells a ring, so the end, which takes the same lock, always wins (B94 to B96).
"""

from datetime import datetime
from functools import partial

from django.db import transaction

from dispatching import alarms
from stakeholders.groups.audience import Audience
from stakeholders.models import Bracket, Outage, Update
from stakeholders.news import messages, wordings
from stakeholders.news.timeline import note
from stakeholders.rules.rings import Situation, Told, times

State = Bracket.State
TELL = "stakeholders.tasks.tell_due_rings"
UNCOVERED = "no group in it covers what is affected"
ENDED = "not needed: ended first"


def consider(outage: Outage, reach: Audience, *, untold: bool = False, now: datetime) -> int:
    """Computes when each ring that waits is told, and tells those that are due; returns how many.

    A ring gets its bracket when a group in it first covers what is affected, with the rule that it has then. If stakeholders are
    `untold` about the outage as it is now, the rings go on waiting.
    """
    assert outage.announced_at
    there = set(outage.brackets.values_list("ring", flat=True))
    Bracket.objects.bulk_create(
        Bracket(outage=outage, ring=ring, frozen_rule=ring.rule.frozen())
        for ring in reach.rings
        if ring.pk not in there
    )
    brackets = list(outage.brackets.select_related("ring"))
    concerned = [bracket for bracket in brackets if bracket.opened_at or bracket.ring in reach.rings]
    plan = times([Told(bracket.rule, bracket.opened_at) for bracket in concerned], situation(outage))
    due = dict.fromkeys(brackets) | dict(zip(concerned, plan, strict=True))
    for bracket in brackets:
        if bracket.state == State.WAITING:
            _await(bracket, None if untold else due[bracket], UNCOVERED if bracket not in concerned else "")
    open_now = [bracket for bracket in brackets if bracket.due_at and bracket.due_at <= now]
    for bracket in open_now:
        _open(bracket, reach, now=now)
    transaction.on_commit(partial(_set_alarms, [bracket.due_at for bracket in brackets if bracket.due_at], now))
    return len(open_now)


def situation(outage: Outage) -> Situation:
    assert outage.announced_at
    level = outage.priority.level if outage.priority else None
    return Situation(outage.announced_at, outage.recovery_at, level, outage.severity)


def pass_on(update: Update, reach: Audience, *, anybody: bool, closed: bool = False, now: datetime) -> None:
    """Makes the messages of an update for each ring that has been told, the inner ones first; with `closed` also after the end."""
    states = [State.OPEN, *([State.CLOSED] if closed else [])]
    for bracket in update.outage.brackets.filter(state__in=states).select_related("ring"):
        messages.make(update, bracket, reach.within(bracket.ring), anybody=anybody, now=now)


def close(outage: Outage, *, now: datetime) -> None:
    """Closes all brackets at the end: the open ones have got it, the waiting ones never will."""
    for bracket in outage.brackets.filter(state=State.OPEN):
        _move(bracket, State.CLOSED, now=now)
    for bracket in outage.brackets.filter(state=State.WAITING).select_related("ring"):
        _move(bracket, State.NOT_NEEDED, now=now, reason=ENDED)
        note(outage, f"{bracket.ring}: {ENDED}", now=now)


def _await(bracket: Bracket, due_at: datetime | None, reason: str) -> None:
    if (bracket.due_at, bracket.reason) != (due_at, reason):
        bracket.due_at, bracket.reason = due_at, reason
        bracket.save(update_fields=["due_at", "reason"])


def _open(bracket: Bracket, reach: Audience, *, now: datetime) -> None:
    """Tells a ring: with the last update that had news, and the corrections after it, as the state of now."""
    outage = bracket.outage
    _move(bracket, State.OPEN, now=now)
    updates = list(outage.updates.order_by("pk"))
    news = [row for row in updates if row.kind != Update.Kind.CORRECTION and row.text != wordings.NOTHING_NEW]
    for update in [news[-1], *(row for row in updates if row.kind == Update.Kind.CORRECTION and row.pk > news[-1].pk)]:
        messages.make(update, bracket, reach.within(bracket.ring), promised=outage.next_update_by, now=now)
    note(outage, f"{bracket.ring} is told", now=now)


def _move(bracket: Bracket, to: Bracket.State, *, now: datetime, reason: str = "") -> None:
    assert to in Bracket.MOVES[State(bracket.state)]
    bracket.state, bracket.reason, bracket.due_at = to, reason, None
    if to == State.OPEN:
        bracket.opened_at = now
    else:
        bracket.closed_at = now
    bracket.save()


def _set_alarms(moments: list[datetime], now: datetime) -> None:
    for at in moments:
        alarms.ring_at(TELL, "bulk", at, now=now)
