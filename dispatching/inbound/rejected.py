"""Alerts about integrations whose requests are all refused, raised through their service's own policy (faults J17).

Such an alert is like any other: it escalates until somebody acknowledges it. It ends when an event is accepted.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from dispatching.alerts import intake, lifecycle
from dispatching.channels.text import printable, shorten
from dispatching.models import Alert, Integration, Refusal
from dispatching.rules.event import Event
from schedules.apart import apart
from schedules.refused import Refused

PATIENCE = timedelta(minutes=10)
SAMPLE = 500  # characters of the refused body
KEY = "tocsin/refused"

RECORD = """
INSERT INTO dispatching_refusal AS known (integration_id, since, last_at, count, reason, sample, due_at)
VALUES (%(integration)s, %(now)s, %(now)s, 1, %(reason)s, %(sample)s, %(due_at)s)
ON CONFLICT (integration_id) DO UPDATE SET count = known.count + 1, last_at = EXCLUDED.last_at,
    reason = EXCLUDED.reason, sample = EXCLUDED.sample
"""


def record(integration: Integration, errors: list[str], body: bytes, *, key: str, now: datetime) -> None:
    """Records that a request of this integration was refused. The key is removed from the sample, which people see."""
    sample = printable(body[: 8 * SAMPLE].decode("utf-8", "replace").replace(key, "…"))
    values: dict[str, Any] = {
        "integration": integration.pk,
        "now": now,
        "reason": printable("; ".join(errors)),
        "sample": shorten(sample, SAMPLE),
        "due_at": now + PATIENCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)


def over(integration: Integration, *, now: datetime) -> None:
    """Forgets the refusals of an integration, and resolves the alert about them, because an event was accepted again."""
    Refusal.objects.filter(integration=integration).delete()
    for alert in Alert.objects.filter(integration=integration, dedup_key=KEY).exclude(state=Alert.State.RESOLVED):
        with suppress(Refused):  # somebody else has resolved it
            lifecycle.resolve(alert, now=now, via="Tocsin: an event was accepted again")


def tell_owners(now: datetime) -> int:
    """Raises an alert for each integration that has had nothing accepted for too long. Returns how many."""
    due = list(Refusal.objects.filter(due_at__lte=now).select_related("integration")[:50])
    with apart("refusals") as do:
        for refusal in due:
            do(_tell_owner, refusal, now)
    return len(due)


def _tell_owner(refusal: Refusal, now: datetime) -> int:
    # Two workers doing this at once make one alert, because the key is the same. If this process dies between the
    # two statements, the event is sent again, not lost.
    intake.accept(refusal.integration, [_event(refusal)], now=now)
    return Refusal.objects.filter(pk=refusal.pk).update(due_at=None)


def _event(refusal: Refusal) -> Event:
    return Event(
        action="trigger",
        dedup_key=KEY,
        summary=shorten(f"The alerts of {refusal.integration} are being refused: {refusal.reason}", 1024),
        severity="error",
        source="Tocsin",
        details={
            "refused": refusal.count,
            "since": refusal.since.isoformat(),
            "reason": refusal.reason,
            "sample": refusal.sample,
            "what to do": "correct the events of the monitoring tool; this alert ends with the first event that is accepted",
        },
    )
