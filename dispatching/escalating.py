"""Run one step of an escalation: targets → people on duty → pages → the next step's due time.

One transaction, under the alert's row lock, which is the only lock for the alert and everything below it. Database
only, therefore exactly once: the position is the token, and it moves in the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction

from dispatching import alarms, paging, timeline
from dispatching.models import Alert, AlertEvent, Delivery, Escalation, Page, Recipient
from dispatching.paging import Called
from dispatching.rules import escalation as rules
from schedules.models import Schedule, User
from schedules.oncall import on_call

log = structlog.get_logger(__name__)
Kind, State = AlertEvent.Kind, Escalation.State
NOTHING: dict[str, Any] = {"policy": None, "name": "(deleted)", "repeat": 0, "steps": []}


@dataclass
class Moment:
    """What is the same for all steps of one pass at one `now`: who is on duty, who is in a team. Kept for the pass only."""

    now: datetime
    people: dict[tuple[str, int], list[tuple[User, str]]] = field(default_factory=dict)
    recipients: dict[int, Recipient] = field(default_factory=dict)
    snapshots: dict[int | None, dict[str, Any]] = field(default_factory=dict)


def run_step(escalation_id: int, position: int, *, moment: Moment) -> bool:
    """Runs the step at `position` if it is due and has not run yet; False if there was nothing to do."""
    now = moment.now
    with transaction.atomic():
        alert = lock_alert_of(escalation_id)
        if alert is None:
            return False
        escalation = Escalation.objects.due(now).filter(pk=escalation_id, position=position).first()
        if escalation is None:
            return False
        _freeze(escalation, moment)
        _leave_out_missed(escalation, now)
        step = rules.step_at(escalation.snapshot, escalation.position)
        deliveries = _run(alert, escalation, step, moment) if step else _exhaust(alert, escalation, moment)
        escalation.failures = 0
        escalation.save(update_fields=["snapshot", "position", "due_at", "state", "failures"])
        transaction.on_commit(lambda: _ring(escalation, deliveries, now))
    return True


def _ring(escalation: Escalation, deliveries: list[Delivery], now: datetime) -> None:
    if any(delivery.due_at and delivery.due_at <= now for delivery in deliveries):
        alarms.ring_sending()
    for delivery in deliveries:
        alarms.ring_delivery(delivery, now=now)
    alarms.ring_escalation(escalation, now=now)


def lock_alert_of(escalation_id: int) -> Alert | None:
    """The alert of an escalation, locked; None if it is gone or somebody else is at it just now (they or a sweep go on)."""
    alerts = Alert.objects.select_related("service", "priority").select_for_update(of=("self",), skip_locked=True)
    return alerts.filter(escalations=escalation_id).first()


def _freeze(escalation: Escalation, moment: Moment) -> None:
    if escalation.snapshot is None:
        if escalation.policy_id not in moment.snapshots:
            policy = escalation.policy
            moment.snapshots[escalation.policy_id] = policy.snapshot() if policy else NOTHING
        escalation.snapshot = moment.snapshots[escalation.policy_id]


def _leave_out_missed(escalation: Escalation, now: datetime) -> None:
    assert escalation.due_at and escalation.snapshot
    gone = rules.missed(escalation.snapshot, escalation.position, escalation.due_at, now)
    timeline.write(
        *(
            timeline.entry(
                escalation.alert_id,
                Kind.SKIPPED,
                f"step {step.number}, round {step.round}, was skipped: its time went by while the engine was away",
                now=now,
            )
            for step in gone
        )
    )
    escalation.position += len(gone)


def _run(alert: Alert, escalation: Escalation, step: rules.Step, moment: Moment) -> list[Delivery]:
    now = moment.now
    called, empty = people_of(step, moment)
    names = ", ".join(f"{target['type']} {target['name']}" for target in step.targets) or "nobody"
    timeline.write(
        timeline.entry(alert.pk, Kind.STEP, f"step {step.number}, round {step.round}: {names}", now=now),
        *(timeline.entry(alert.pk, Kind.NOT_PAGED, reason, now=now) for reason in empty),
    )
    deliveries = paging.page(alert, escalation, step.position, called, now=now)
    escalation.position = step.position + 1
    escalation.due_at = now + step.span
    if not deliveries:
        # Waiting for somebody who was not told would be waiting for nobody (A49).
        escalation.due_at = now
        timeline.write(timeline.entry(alert.pk, Kind.NOBODY, "nobody was reached: the next step runs now", now=now))
    return deliveries


def _exhaust(alert: Alert, escalation: Escalation, moment: Moment) -> list[Delivery]:
    now = moment.now
    assert escalation.snapshot
    why = f"last resort: the policy {escalation.snapshot['name']} ended and nobody has acknowledged"
    timeline.write(timeline.entry(alert.pk, Kind.EXHAUSTED, "the policy ended and nobody has acknowledged", now=now))
    called = [Called(r, why) for r in paging.reachable(Recipient.objects.filter(last_resort=True)) if _active(r)]
    deliveries = paging.page(alert, escalation, escalation.position, called, now=now)
    if not deliveries:
        log.error("last_resort_missing", alert=alert.pk)
        text = "no last resort could be told: no recipient is marked as last resort and has a verified contact point"
        timeline.write(timeline.entry(alert.pk, Kind.NOBODY, text, now=now))
    escalation.position += 1
    escalation.state, escalation.due_at = State.EXHAUSTED, None
    return deliveries


def _active(recipient: Recipient) -> bool:
    return recipient.user is None or recipient.user.is_active


def people_of(step: rules.Step, moment: Moment) -> tuple[list[Called], list[str]]:
    """Whom a step reaches at this moment, each person once with every reason, and why targets reach nobody."""
    reasons: dict[int, list[str]] = {}
    users: dict[int, User] = {}
    empty = []
    for target in step.targets:
        found = _people(target, moment)
        if not found:
            empty.append(f"{target['type']} {target['name']}: nobody there now")
        for user, why in found:
            users[user.pk] = user
            reasons.setdefault(user.pk, []).append(why)
    recipients = _recipients(users.values(), moment)
    return [Called(recipients[pk], "; ".join(whys)) for pk, whys in reasons.items()], empty


def _people(target: Any, moment: Moment) -> list[tuple[User, str]]:
    key = (target["type"], target["id"])
    if key not in moment.people:
        moment.people[key] = _find(target, moment.now)
    return moment.people[key]


def _find(target: Any, now: datetime) -> list[tuple[User, str]]:
    kind, pk, name = target["type"], target["id"], target["name"]
    if kind == "schedule":
        schedule = Schedule.objects.filter(pk=pk).first()
        return [(duty.user, f"on call in {name}: {duty.why}") for duty in on_call(schedule, now)] if schedule else []
    if kind == "user":
        return [(user, "named in the policy") for user in User.objects.filter(pk=pk, is_active=True)]
    # A team is an auth group underneath.
    return [(user, f"member of {name}") for user in User.objects.filter(groups=pk, is_active=True)]


def _recipients(users: Iterable[User], moment: Moment) -> dict[int, Recipient]:
    """Each user's recipient; who never had a contact point gets an empty one, so that the timeline can name them."""
    missing = {user.pk for user in users} - moment.recipients.keys()
    if missing:
        Recipient.objects.bulk_create([Recipient(user_id=pk) for pk in missing], ignore_conflicts=True)
        for recipient in paging.reachable(Recipient.objects.filter(user__in=missing)):
            assert recipient.user_id
            moment.recipients[recipient.user_id] = recipient
    return moment.recipients


def follow_up(delivery_id: int, *, now: datetime) -> None:
    """After a final failure: that person's next contact point is used now; if nobody of the step is left, the next step."""
    with transaction.atomic():
        page = Page.objects.filter(delivery=delivery_id).first()
        alert = Alert.objects.select_for_update().filter(pk=page.alert_id).first() if page else None
        handled = Delivery.objects.filter(pk=delivery_id, state__in=Delivery.LOST, due_at__isnull=False)
        if not handled.update(due_at=None) or page is None or alert is None:
            return
        same_step = Delivery.objects.filter(page__escalation=page.escalation_id, page__position=page.position)
        waiting = same_step.filter(page__recipient=page.recipient_id, state=Delivery.State.PENDING, attempt=0)
        following = waiting.filter(due_at__gt=now).order_by("due_at", "pk").first()
        if following:
            waiting.filter(pk=following.pk).update(due_at=now)
            transaction.on_commit(lambda: alarms.ring_sending())
        elif not same_step.exclude(state__in=Delivery.LOST).exists():
            _next_step_now(alert, page, now)


def _next_step_now(alert: Alert, page: Page, now: datetime) -> None:
    running = Escalation.objects.running().filter(pk=page.escalation_id, position=page.position + 1, due_at__gt=now)
    if running.update(due_at=now):
        text = "nobody was reached, every page of the step failed: the next step runs now"
        timeline.write(timeline.entry(alert.pk, Kind.NOBODY, text, now=now))
        transaction.on_commit(lambda: alarms.ring_steps())


def park(escalation_id: int, position: int, error: Exception, *, now: datetime) -> None:
    """A step that could not run waits a little, on the timeline, so that it holds up no other (faults A15)."""
    with transaction.atomic():
        alert = lock_alert_of(escalation_id)
        escalation = Escalation.objects.running().filter(pk=escalation_id, position=position).first()
        if alert is None or escalation is None:
            return
        escalation.failures += 1
        wait = timedelta(seconds=min(10 * 2 ** (escalation.failures - 1), 300))
        escalation.due_at = now + wait
        escalation.save(update_fields=["failures", "due_at"])
        text = f"the step could not run ({type(error).__name__}); it is tried again in {wait}"
        timeline.write(timeline.entry(alert.pk, Kind.FAILED, text, now=now))
