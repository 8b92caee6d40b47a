"""The verbs of an alert: acknowledge, resolve, reopen and escalate, used by page links, the API, the admin and sources alike.

Every verb locks the alert's row first (`move_for_source` those of many), and only it, then checks that the move is allowed,
and writes the timeline. A refusal is an exception (`Refused`) that the admin shows and the API turns into 409.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Collate

from dispatching import alarms
from dispatching.alerts import escalating, paging, timeline
from dispatching.delivery import delivering
from dispatching.models import Alert, AlertEvent, Escalation, Recipient
from schedules.models import User
from schedules.refused import Refused

Kind, State = AlertEvent.Kind, Alert.State
RESOLVE = """
UPDATE dispatching_alert alert SET state = 'resolved', resolved_at = %(now)s, ended_at = ended.at
FROM unnest(%(ids)s::bigint[], %(ends)s::timestamptz[]) AS ended (id, at) WHERE alert.id = ended.id
"""
AT_ONCE = timedelta(seconds=1)  # requests that came together were not read at the same moment


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts on an alert: a person, with or without a login, and by which way. Empty: the source.

    `link_of`: nobody was logged in, and the link of this recipient was used, perhaps by somebody whom they gave it to.
    """

    by: User | None = None
    via: str = ""
    link_of: Recipient | None = None

    @property
    def name(self) -> str:
        """The name of the person; empty if no person acted."""
        return self.by.name if self.by else self.link_of.name if self.link_of else ""

    def __str__(self) -> str:
        """With its preposition: "by Ana via admin", "through Ana's link", "by the source"."""
        if self.link_of:
            return f"through {self.link_of.name}’s link"
        if self.by:
            return f"by {self.by.name}{f' via {self.via}' if self.via else ''}"
        return f"by {self.via or 'the source'}"


def acknowledge(
    alert: Alert, *, now: datetime, by: User | None = None, via: str = "", link_of: Recipient | None = None
) -> Alert:
    """Acknowledges the alert, so that no further page is sent. Refused unless the alert is triggered."""
    who = Actor(by, via, link_of)
    with transaction.atomic():
        alert = _locked(alert)
        if alert.state == State.RESOLVED:
            raise Refused(f"Alert #{alert.pk} is already {alert.get_state_display()}.")
        if _has(alert, who):
            raise Refused("You have acknowledged it.")
        _move(alert, State.ACKNOWLEDGED)
        alert.acknowledged_at, alert.acknowledged_by, alert.acknowledged_name = now, by, who.name[:150]
        alert.save(update_fields=["state", "acknowledged_at", "acknowledged_by", "acknowledged_name"])
        withdrawn = _stop([alert.pk], f"acknowledged {who}", now=now)
        _note(alert, Kind.ACKNOWLEDGED, f"acknowledged {who}{withdrawn[alert.pk]}", now=now, who=who)
    return alert


def resolve(
    alert: Alert,
    *,
    now: datetime,
    by: User | None = None,
    via: str = "",
    link_of: Recipient | None = None,
    ended_at: datetime | None = None,
) -> Alert:
    """Resolves the alert. `ended_at` is the end according to the source, if known. Refused if the alert is resolved already."""
    who = Actor(by, via, link_of)
    with transaction.atomic():
        alert = _locked(alert)
        _move(alert, State.RESOLVED)
        alert.resolved_at, alert.ended_at = now, ended_at
        alert.save(update_fields=["state", "resolved_at", "ended_at"])
        withdrawn = _stop([alert.pk], f"resolved {who}", now=now)
        _note(alert, Kind.RESOLVED, f"resolved {who}{withdrawn[alert.pk]}", now=now, who=who)
    return alert


def move_for_source(to: Alert.State, ends: Mapping[int, datetime | None], *, now: datetime) -> set[int]:
    """Acknowledges or resolves many alerts for their source, in as many statements as one. Returns those that it moved.

    `ends`: the ids of the alerts, each with its end according to the source. They are locked in the order in which the
    intake's statement locks them, and so that other lines on their timelines need not wait.
    """
    may = [state for state, moves in Alert.MOVES.items() if to in moves]
    alerts = Alert.objects.filter(pk__in=ends, state__in=may).order_by(Collate("dedup_key", "C"))
    with transaction.atomic():
        moved = list(alerts.select_for_update(no_key=True).values_list("pk", flat=True))
        if not moved:
            return set()
        if to == State.RESOLVED:
            with connection.cursor() as cursor:
                cursor.execute(RESOLVE, {"now": now, "ids": moved, "ends": [ends[pk] for pk in moved]})
        else:
            acknowledged = {"acknowledged_at": now, "acknowledged_by": None, "acknowledged_name": ""}
            Alert.objects.filter(pk__in=moved).update(state=State.ACKNOWLEDGED, **acknowledged)
        text = f"{to} {Actor()}"
        withdrawn = _stop(moved, text, now=now)
        timeline.write(*(timeline.entry(pk, Kind(to), f"{text}{withdrawn[pk]}", now=now) for pk in moved))
    return set(moved)


def reopen(
    alert: Alert, *, now: datetime, by: User | None = None, via: str = "", link_of: Recipient | None = None
) -> Alert:
    """Undoes a resolve: the person who had acknowledged the alert has it again; without one, its policy begins anew.

    Refused unless the alert is resolved, and if the same thing has been reported again as another alert since.
    """
    who = Actor(by, via, link_of)
    with transaction.atomic():
        alert = _locked(alert)
        if alert.state != State.RESOLVED:
            raise Refused(f"Alert #{alert.pk} is not resolved: it is {alert.get_state_display()}.")
        _refuse_if_newer(alert)
        _move(alert, State.TRIGGERED)
        alert.resolved_at = alert.ended_at = None
        if alert.acknowledged_at:
            _move(alert, State.ACKNOWLEDGED)
        try:
            with transaction.atomic():
                alert.save(update_fields=["state", "resolved_at", "ended_at"])
        except IntegrityError:  # it has come again in this very moment
            _refuse_if_newer(alert)
            raise
        if alert.state == State.TRIGGERED:
            Escalation.objects.create(alert=alert, policy_id=alert.service.policy_id, due_at=now, started_at=now)
            transaction.on_commit(alarms.ring_steps)
        _note(alert, Kind.REOPENED, f"reopened {who}", now=now, who=who)
    return alert


def escalate(
    alert: Alert, *, now: datetime, by: User | None = None, via: str = "", link_of: Recipient | None = None
) -> Alert:
    """Makes the next step run now instead of at its time. Refused unless an escalation is running.

    If the step is due already, nothing changes: fifty people who press at once, or one who presses again, escalate once (S22).
    """
    who = Actor(by, via, link_of)
    with transaction.atomic():
        alert = _locked(alert)
        running = Escalation.objects.running().filter(alert=alert)
        if not running.exists():
            raise Refused(f"Nothing is escalating: alert #{alert.pk} is {alert.get_state_display()}.")
        if not running.filter(due_at__gt=now + AT_ONCE).update(due_at=now):
            return alert
        _note(alert, Kind.ESCALATED, f"escalated to the next step {who}", now=now, who=who)
        transaction.on_commit(alarms.ring_steps)
    return alert


def _refuse_if_newer(alert: Alert) -> None:
    same = Alert.objects.filter(integration=alert.integration_id, dedup_key=alert.dedup_key)
    if newer := same.filter(pk__gt=alert.pk).order_by("pk").last():
        raise Refused(f"It has been reported again since, as alert #{newer.pk}: act on that one.")


def _locked(alert: Alert) -> Alert:
    return Alert.objects.select_for_update(of=("self",)).select_related("service", "priority").get(pk=alert.pk)


def _move(alert: Alert, to: Alert.State) -> None:
    if to not in Alert.MOVES[State(alert.state)]:
        was = f" by {alert.acknowledged_name}" if alert.state == State.ACKNOWLEDGED and alert.acknowledged_name else ""
        raise Refused(f"Alert #{alert.pk} is already {alert.get_state_display()}{was}.")
    alert.state = to


def _has(alert: Alert, who: Actor) -> bool:
    """Whether this person, not the source, has acknowledged it and still has it."""
    same = alert.acknowledged_by_id == (who.by.pk if who.by else None) and alert.acknowledged_name == who.name[:150]
    return alert.state == State.ACKNOWLEDGED and bool(who.name) and same


def _stop(alerts: list[int], reason: str, *, now: datetime) -> defaultdict[int, str]:
    """Ends the escalations and withdraws pages that are on their way. Returns words for each timeline, empty if there were none."""
    escalating.stop(alerts)
    live = paging.on_their_way(alerts)
    if live:
        delivering.suppress(live, reason, now=now)
    words = {alert: f"; {n} page{'s' if n > 1 else ''} withdrawn" for alert, n in Counter(live.values()).items()}
    return defaultdict(str, words)


def _note(alert: Alert, kind: AlertEvent.Kind, text: str, *, now: datetime, who: Actor) -> None:
    named = {"who": who.name} if who.name else {}
    timeline.write(timeline.entry(alert.pk, kind, text, now=now, by=who.by, **named))
