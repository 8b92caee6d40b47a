"""Runs the steps of escalations: targets → people on duty → pages → the next step's due time.

A step runs in one transaction under the alert's row lock, which is the only lock for the alert and everything below it.
It touches only the database, so it runs exactly once: the position is the token, and it moves in the same transaction.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet

from dispatching import alarms
from dispatching.alerts import paging, related, timeline
from dispatching.alerts.paging import Called
from dispatching.alerts.related import Line
from dispatching.delivery import delivering
from dispatching.models import Alert, AlertEvent, Delivery, Escalation, Page, Recipient
from dispatching.models.policy import snapshots
from dispatching.rules import escalation as rules
from schedules.models import User
from schedules.oncall import duties_at, present
from schedules.templatetags.times import beyond, span

log = structlog.get_logger(__name__)
Kind, State = AlertEvent.Kind, Escalation.State
NOTHING: dict[str, Any] = {"policy": None, "name": "(deleted)", "repeat": 0, "steps": []}


# Fair: the first alert of each service comes before the second of any, so that a storm in one service does not delay
# others. Locked alerts are skipped, so that any number of workers at once each get different ones.
FAIR = """
SELECT alert.id FROM dispatching_alert alert JOIN (
    SELECT alert_id, due_at, row_number() OVER (PARTITION BY service_id ORDER BY due_at, escalation.id) AS turn
    FROM dispatching_escalation escalation JOIN dispatching_alert alert ON alert.id = escalation.alert_id
    WHERE escalation.state = 'running' AND due_at <= %(now)s
    ORDER BY turn, due_at LIMIT 20 * %(most)s
) due ON due.alert_id = alert.id
ORDER BY turn, due_at LIMIT %(most)s FOR UPDATE OF alert SKIP LOCKED
"""

# Written by hand, because a bulk_update takes a millisecond to compose.
MOVED = ("id", "snapshot", "position", "due_at", "state", "failures")
MOVE = """
UPDATE dispatching_escalation AS escalation SET snapshot = ran.snapshot, position = ran.position, due_at = ran.due_at,
    state = ran.state, failures = ran.failures, resume_at = NULL
FROM jsonb_to_recordset(%s::jsonb)
    AS ran (id bigint, snapshot jsonb, position int, due_at timestamptz, state text, failures int)
WHERE escalation.id = ran.id
"""


@dataclass
class Moment:
    """Data that all steps of one pass at one `now` share: the people on duty and in teams. Kept for the pass only."""

    now: datetime
    people: dict[tuple[str, int], list[tuple[User, str]]] = field(default_factory=dict)
    # Why a target has nobody, if there is a specific reason.
    empty: dict[tuple[str, int], str] = field(default_factory=dict)
    recipients: dict[int, Recipient] = field(default_factory=dict)
    snapshots: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Decisions:
    """The decisions of all steps of a pass, written together at its end: fifty steps take as many statements as one."""

    ran: list[Escalation] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    lines: list[AlertEvent] = field(default_factory=list)
    # The people whom earlier steps could not reach, by alert.
    missed: dict[int, list[str]] = field(default_factory=dict)
    related: dict[int, list[Line]] = field(default_factory=dict)

    def also(self, alert_id: int) -> dict[str, Any]:
        """What the pages of this alert say beyond the alert."""
        return {"missed": self.missed.get(alert_id, ()), "related": self.related.get(alert_id, ())}

    def note(self, alert_id: int, kind: AlertEvent.Kind, text: str, *, now: datetime) -> None:
        self.lines.append(timeline.entry(alert_id, kind, text, now=now))

    def write(self) -> None:
        Delivery.objects.bulk_create([page.delivery for page in self.pages])
        Page.objects.bulk_create(self.pages)
        timeline.write(*self.lines)
        escalations = [{name: getattr(escalation, name) for name in MOVED} for escalation in self.ran]
        with connection.cursor() as cursor:
            cursor.execute(MOVE, [json.dumps(escalations, default=datetime.isoformat)])

    def ring(self, now: datetime) -> None:
        if any(page.delivery.due_at == now for page in self.pages):
            alarms.ring_sending()
        for page in self.pages:
            alarms.ring_delivery(page.delivery, now=now)
        for escalation in self.ran:
            alarms.ring_escalation(escalation, now=now)


def run_due(most: int, *, moment: Moment) -> int:
    """Runs up to `most` due steps, in one transaction under the locks of their alerts. Returns how many it ran."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(FAIR, {"now": moment.now, "most": most})
            ids = [pk for (pk,) in cursor.fetchall()]
        return _run_all(_due(moment.now).filter(alert__in=ids), moment) if ids else 0


def run_step(escalation_id: int, position: int, *, moment: Moment) -> bool:
    """Runs the step at `position` if it is due and has not run yet; False if there was nothing to do."""
    with transaction.atomic():
        locked = lock_alert_of(escalation_id)
        return bool(locked and _run_all(_due(moment.now).filter(pk=escalation_id, position=position), moment))


def lock_alert_of(escalation_id: int) -> Alert | None:
    """Locks and returns the alert of an escalation. None if it is deleted, or locked by somebody else (they or a sweep go on)."""
    alerts = Alert.objects.select_for_update(of=("self",), skip_locked=True)
    return alerts.filter(escalations=escalation_id).first()


def _due(now: datetime) -> QuerySet[Escalation]:
    """The escalations whose step is due, with the related rows that their pages need."""
    return Escalation.objects.due(now).select_related("alert__service", "alert__priority", "policy")


def _run_all(due: Iterable[Escalation], moment: Moment) -> int:
    """Runs a step of each of these escalations, whose alerts are locked."""
    decisions = Decisions(ran=[_continued(pending, moment.now) if pending.resume_at else pending for pending in due])
    _freeze(decisions.ran, moment)
    steps = {pending.pk: _current(pending, decisions, moment.now) for pending in decisions.ran}
    _look_up(steps.values(), moment)
    decisions.missed = paging.missed(decisions.ran)
    decisions.related = related.in_mails([escalation.alert_id for escalation in decisions.ran])
    for escalation in decisions.ran:
        if step := steps[escalation.pk]:
            _run(escalation, step, decisions, moment)
        else:
            _exhaust(escalation, decisions, moment)
        escalation.failures = 0
    decisions.write()
    transaction.on_commit(lambda: decisions.ring(moment.now))
    return len(decisions.ran)


def _tells_again(escalation: Escalation) -> bool:
    """Whether the alert got worse after a step had run, so that the people of all its steps so far are told again."""
    return escalation.resume_at is not None and escalation.position > 0


def _continued(escalation: Escalation, now: datetime) -> Escalation:
    """The run of an alert that got worse: a new one at the same position, because one run pages a person once a step.

    Pages that still wait are withdrawn. After an acknowledgement the new run is there, and goes on where the last one stopped.
    """
    if escalation.position:
        delivering.suppress(
            paging.on_their_way([escalation.alert_id]), "the alert got worse, and is told again", now=now
        )
        Escalation.objects.filter(pk=escalation.pk).update(state=State.STOPPED, due_at=None, resume_at=None)
        names = ("alert", "policy", "snapshot", "position", "due_at", "resume_at")
        return Escalation.objects.create(started_at=now, **{name: getattr(escalation, name) for name in names})
    last = Escalation.objects.filter(alert=escalation.alert_id, pk__lt=escalation.pk).order_by("-pk").first()
    if last and last.state == State.STOPPED:
        escalation.snapshot, escalation.position = last.snapshot, last.position
    return escalation


def _freeze(escalations: list[Escalation], moment: Moment) -> None:
    new = [escalation for escalation in escalations if escalation.snapshot is None]
    policies = {escalation.policy_id: escalation.policy for escalation in new if escalation.policy}
    moment.snapshots |= snapshots(policies[pk] for pk in policies.keys() - moment.snapshots.keys())
    for escalation in new:
        escalation.snapshot = moment.snapshots[escalation.policy_id] if escalation.policy_id else NOTHING


def _current(escalation: Escalation, decisions: Decisions, now: datetime) -> rules.FrozenStep | None:
    """The step to run, after missed steps are skipped and noted; None at the end of the policy."""
    assert escalation.due_at and escalation.snapshot
    if escalation.resume_at and _tells_again(escalation):
        return rules.so_far(escalation.snapshot, escalation.position, escalation.resume_at - now)
    gone = rules.missed(escalation.snapshot, escalation.position, escalation.due_at, now)
    for step in gone:
        text = f"step {step.number}, round {step.round}, was skipped: its time passed while the engine was not running"
        decisions.note(escalation.alert_id, Kind.SKIPPED, text, now=now)
    escalation.position += len(gone)
    return rules.step_at(escalation.snapshot, escalation.position)


def _run(escalation: Escalation, step: rules.FrozenStep, decisions: Decisions, moment: Moment) -> None:
    now, alert = moment.now, escalation.alert
    called, empty = people_of(step, moment)
    names = ", ".join(f"{target['type']} {target['name']}" for target in step.targets) or "nobody"
    again = ", again because it got worse" if _tells_again(escalation) else ""
    decisions.note(alert.pk, Kind.STEP, f"step {step.number}, round {step.round}{again}: {names}", now=now)
    for reason in empty:
        decisions.note(alert.pk, Kind.NOT_PAGED, reason, now=now)
    also = decisions.also(alert.pk)
    pages = paging.page(alert, escalation, step.position, called, **also, lines=decisions.lines, now=now)
    decisions.pages += pages
    escalation.position = step.position + 1
    escalation.due_at = now + step.span
    if not pages:
        # Nobody was told, so there is nobody to wait for (A49).
        escalation.due_at = now
        decisions.note(alert.pk, Kind.NOBODY, "nobody was reached: the next step runs now", now=now)


def _exhaust(escalation: Escalation, decisions: Decisions, moment: Moment) -> None:
    now, alert = moment.now, escalation.alert
    assert escalation.snapshot
    why = f"last resort: the policy {escalation.snapshot['name']} ended and nobody has acknowledged"
    decisions.note(alert.pk, Kind.EXHAUSTED, "the policy ended and nobody has acknowledged", now=now)
    called = [Called(r, why) for r in paging.reachable(Recipient.objects.filter(last_resort=True)) if _active(r)]
    also = decisions.also(alert.pk)
    pages = paging.page(alert, escalation, escalation.position, called, **also, lines=decisions.lines, now=now)
    decisions.pages += pages
    if not pages:
        log.error("last_resort_missing", alert=alert.pk)
        text = "no last resort could be told: no recipient marked as last resort has a verified contact point"
        decisions.note(alert.pk, Kind.NOBODY, text, now=now)
    escalation.position += 1
    escalation.state, escalation.due_at = State.EXHAUSTED, None


def stop(alerts: Iterable[int]) -> None:
    """Stops the escalations of these alerts: no further step runs. The caller holds the locks on the alerts."""
    Escalation.objects.running().filter(alert__in=alerts).update(state=State.STOPPED, due_at=None)


def _active(recipient: Recipient) -> bool:
    return recipient.user is None or recipient.user.is_active


def people_of(step: rules.FrozenStep, moment: Moment) -> tuple[list[Called], list[str]]:
    """The people that a step reaches at this moment, each once with all reasons, and the reasons why targets reach nobody."""
    reasons: dict[int, list[str]] = {}
    users: dict[int, User] = {}
    empty = []
    _look_up([step], moment)
    for target in step.targets:
        people = _people(target, moment)
        if not people:
            why = moment.empty.get((target["type"], target["id"]), "nobody there now")
            empty.append(f"{target['type']} {target['name']}: {why}")
        for user, why in people:
            users[user.pk] = user
            reasons.setdefault(user.pk, []).append(why)
    recipients = _recipients(users.values(), moment)
    return [Called(recipients[pk], "; ".join(whys)) for pk, whys in reasons.items()], empty


def _look_up(steps: Iterable[rules.FrozenStep | None], moment: Moment) -> None:
    """Finds the people of all these steps together; `_people` looks up the other targets one by one."""
    targets = {(t["type"], t["id"]): t["name"] for step in steps if step for t in step.targets}
    wanted = targets.keys() - moment.people.keys()
    if not wanted:
        return
    moment.people |= {key: [] for key in wanted if key[0] in ("user", "schedule")}
    if named := [pk for kind, pk in wanted if kind == "user"]:
        users = present(User.objects.filter(pk__in=named), moment.now)
        moment.people |= {("user", user.pk): [(user, "named in the policy")] for user in users}
    moment.empty |= {key: "away or no longer active" for key in wanted if key[0] == "user"}
    moment.empty |= {key: "the schedule has been deleted" for key in wanted if key[0] == "schedule"}
    for pk, duties in duties_at([pk for kind, pk in wanted if kind == "schedule"], moment.now).items():
        key = "schedule", pk
        moment.people[key] = [(duty.user, on_call_in(targets[key], duty.why)) for duty in duties if duty.user]
        moment.empty[key] = duties[0].why
    _recipients([user for key in targets for user, _ in moment.people.get(key, ())], moment)


def on_call_in(schedule: str, why: str) -> str:
    """“on call in Team 1 main”, with what the schedule's name does not say of the reason."""
    more = beyond(why, schedule)
    return f"on call in {schedule}: {more}" if more else f"on call in {schedule}"


def _people(target: Any, moment: Moment) -> list[tuple[User, str]]:
    key = (target["type"], target["id"])
    if key not in moment.people:
        # A team is an auth group in the database.
        members = present(User.objects.filter(groups=target["id"]), moment.now)
        moment.people[key] = [(user, f"member of {target['name']}") for user in members]
    return moment.people[key]


def _recipients(users: Iterable[User], moment: Moment) -> dict[int, Recipient]:
    """Recipients by user id. Creates the missing ones, without contact points, so that the timeline can name these people."""
    wanted = {user.pk for user in users}
    _find_recipients(wanted - moment.recipients.keys(), moment)
    if unknown := wanted - moment.recipients.keys():
        Recipient.objects.bulk_create([Recipient(user_id=pk) for pk in unknown], ignore_conflicts=True)
        _find_recipients(unknown, moment)
    return moment.recipients


def _find_recipients(users: set[int], moment: Moment) -> None:
    for recipient in paging.reachable(Recipient.objects.filter(user__in=users)):
        assert recipient.user_id
        moment.recipients[recipient.user_id] = recipient


def follow_up(delivery_id: int, *, now: datetime) -> None:
    """Reacts to a page that finally failed: uses the person's next contact point now or, if no page of the step is left,
    runs the next step now. Locks the alert's row."""
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
        text = "nobody was reached because every page of the step failed: the next step runs now"
        timeline.write(timeline.entry(alert.pk, Kind.NOBODY, text, now=now))
        transaction.on_commit(lambda: alarms.ring_steps())


def park(escalation_id: int, position: int, error: Exception, *, now: datetime) -> None:
    """Postpones a step that could not run, and says so on the timeline, so that it does not delay others (faults A15)."""
    with transaction.atomic():
        alert = lock_alert_of(escalation_id)
        escalation = Escalation.objects.running().filter(pk=escalation_id, position=position).first()
        if alert is None or escalation is None:
            return
        escalation.failures += 1
        wait = timedelta(seconds=min(10 * 2 ** (escalation.failures - 1), 300))
        escalation.due_at = now + wait
        escalation.save(update_fields=["failures", "due_at"])
        text = f"the step could not run ({type(error).__name__}); it is tried again in {span(wait)}"
        timeline.write(timeline.entry(alert.pk, Kind.FAILED, text, now=now))
