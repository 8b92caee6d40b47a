"""What an integration sent lately, and a test event that goes the way of its events and pages nobody."""

from datetime import datetime
from typing import Any

from django.db import transaction

from dispatching.alerts import intake, lifecycle
from dispatching.models import Alert, AlertEvent, Integration, Refusal, Unread
from dispatching.rules.event import Event
from schedules.models import User

NEWEST = 20
KEY = f"{Alert.OURS}test"


def send_test_event(integration: Integration, *, by: User, now: datetime) -> Alert:
    """Opens an alert by a test event and resolves it in the same transaction, so that no step of its escalation runs."""
    summary = f"Test event of {integration}, sent by {by.name}"
    with transaction.atomic():
        event = Event(action="trigger", dedup_key=KEY, summary=summary, severity="info", source="Tocsin")
        intake.accept(integration, [event], now=now)
        alert = Alert.objects.get(integration=integration, dedup_key=KEY, state=Alert.State.TRIGGERED)
        return lifecycle.resolve(alert, by=by, via="a test", now=now)


def lately(integration: Integration) -> dict[str, Any]:
    """What arrived lately: the newest alerts, the time of the last report as far as these and the open ones tell, and what was
    ignored, refused or not understood.
    """
    sent = Alert.objects.filter(integration=integration).defer("details")
    newest = list(sent.order_by("-pk")[:NEWEST])
    still_open = sent.going_on().order_by("-last_at").first()
    ignored = AlertEvent.objects.filter(alert__in=newest, kind=AlertEvent.Kind.IGNORED).order_by("-pk")
    refusal = Refusal.objects.filter(integration=integration).first()
    unread = Unread.objects.filter(integration=integration).first()
    return {
        "newest": newest[:5],
        "last_at": max((alert.last_at for alert in (*newest, *filter(None, [still_open]))), default=None),
        "ignored": list(ignored[:5]),
        "refusal": refusal,
        "reasons": _most(refusal),
        "unread": unread,
        "unread_reasons": _most(unread),
    }


def _most(counted: Refusal | Unread | None) -> list[tuple[str, int]]:
    return sorted(counted.reasons.items(), key=lambda reason: -reason[1]) if counted else []
