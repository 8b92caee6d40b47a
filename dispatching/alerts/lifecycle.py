"""The verbs of an alert: acknowledge, resolve and escalate, used by page links, the API, the admin and sources alike.

Every verb locks the alert's row first, and only it, then checks that the move is allowed, and writes the timeline. A
refusal is an exception (`Refused`) that the admin shows and the API turns into 409.
"""

from datetime import datetime

from django.db import transaction

from dispatching import alarms
from dispatching.alerts import escalating, paging, timeline
from dispatching.delivery import delivering
from dispatching.models import Alert, AlertEvent, Escalation
from schedules.models import User
from schedules.refused import Refused

Kind, State = AlertEvent.Kind, Alert.State


def acknowledge(alert: Alert, *, now: datetime, by: User | None = None, via: str = "") -> Alert:
    """Acknowledges the alert, so that no further page is sent. Refused unless the alert is triggered."""
    with transaction.atomic():
        alert = _locked(alert)
        _move(alert, State.ACKNOWLEDGED)
        alert.acknowledged_at, alert.acknowledged_by = now, by
        alert.save(update_fields=["state", "acknowledged_at", "acknowledged_by"])
        withdrawn = _stop(alert, f"acknowledged by {_who(by, via)}", now=now)
        _note(alert, Kind.ACKNOWLEDGED, f"acknowledged by {_who(by, via)}{withdrawn}", now=now, by=by)
    return alert


def resolve(
    alert: Alert, *, now: datetime, by: User | None = None, via: str = "", ended_at: datetime | None = None
) -> Alert:
    """Resolves the alert. `ended_at` is the end according to the source, if known. Refused if the alert is resolved already."""
    with transaction.atomic():
        alert = _locked(alert)
        _move(alert, State.RESOLVED)
        alert.resolved_at, alert.ended_at = now, ended_at
        alert.save(update_fields=["state", "resolved_at", "ended_at"])
        withdrawn = _stop(alert, f"resolved by {_who(by, via)}", now=now)
        _note(alert, Kind.RESOLVED, f"resolved by {_who(by, via)}{withdrawn}", now=now, by=by)
    return alert


def escalate(alert: Alert, *, now: datetime, by: User | None = None, via: str = "") -> Alert:
    """Makes the next step run now instead of at its time. Refused unless an escalation is running."""
    with transaction.atomic():
        alert = _locked(alert)
        if not Escalation.objects.running().filter(alert=alert).update(due_at=now):
            raise Refused(f"Nothing is escalating: alert #{alert.pk} is {alert.get_state_display()}.")
        _note(alert, Kind.ESCALATED, f"escalated to the next step by {_who(by, via)}", now=now, by=by)
        transaction.on_commit(alarms.ring_steps)
    return alert


def _locked(alert: Alert) -> Alert:
    return Alert.objects.select_for_update(of=("self",)).select_related("service", "priority").get(pk=alert.pk)


def _move(alert: Alert, to: Alert.State) -> None:
    if to not in Alert.MOVES[State(alert.state)]:
        was = f" by {alert.acknowledged_by}" if alert.state == State.ACKNOWLEDGED and alert.acknowledged_by else ""
        raise Refused(f"Alert #{alert.pk} is already {alert.get_state_display()}{was}.")
    alert.state = to


def _stop(alert: Alert, reason: str, *, now: datetime) -> str:
    """Ends the escalation and withdraws pages that are on their way. Returns words for the timeline, empty if there were none."""
    escalating.stop(alert)
    count = delivering.suppress(list(paging.withdraw(alert)), reason, now=now)
    return f"; {count} page{'s' if count > 1 else ''} withdrawn" if count else ""


def _who(by: User | None, via: str) -> str:
    """The person and `via`, such as "Ana via link"; without a person, `via` alone; without both, "the source"."""
    return f"{by.name} via {via}" if by and via else by.name if by else via or "the source"


def _note(alert: Alert, kind: AlertEvent.Kind, text: str, *, now: datetime, by: User | None) -> None:
    timeline.write(timeline.entry(alert.pk, kind, text, now=now, by=by))
