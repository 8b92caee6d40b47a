"""Alerts about integrations whose events are refused, all or some, raised through their service's own policy (J17, case 02).

Such an alert is like any other: it escalates until somebody acknowledges it. If nothing had ever been accepted, it ends with the
first event that is; otherwise when nothing has been refused for a while.
"""

import json
import re
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from dispatching import parking
from dispatching.alerts import intake, lifecycle
from dispatching.channels.text import printable, shorten
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.body import hidden
from dispatching.models import Alert, Integration, Refusal
from dispatching.rules.event import Event
from schedules.refused import Refused

PATIENCE = timedelta(minutes=10)
QUIET = timedelta(hours=6)
SAMPLE = 500  # characters of the refused body
KEY = f"{Alert.OURS}refused"
NUMBERED = re.compile(r"\[[0-9]+\]")

# Two counts by reason made one, of the row that is `known` and of the new one.
SUMMED = """
SELECT jsonb_object_agg(key, total) FROM (
    SELECT key, sum(value::int) AS total FROM (
        SELECT * FROM jsonb_each_text(known.reasons) UNION ALL SELECT * FROM jsonb_each_text(EXCLUDED.reasons)
    ) each GROUP BY key ORDER BY total DESC LIMIT 20
) most
"""
RECORD = f"""
INSERT INTO dispatching_refusal AS known (integration_id, since, last_at, count, reason, reasons, sample, working, due_at)
VALUES (%(integration)s, %(now)s, %(now)s, %(count)s, %(reason)s, %(reasons)s::jsonb, %(sample)s, EXISTS (
    SELECT 1 FROM dispatching_alert WHERE integration_id = %(integration)s AND NOT starts_with(dedup_key, %(ours)s)
), %(due_at)s)
ON CONFLICT (integration_id) DO UPDATE SET count = known.count + EXCLUDED.count, last_at = EXCLUDED.last_at,
    reason = EXCLUDED.reason, sample = EXCLUDED.sample, working = EXCLUDED.working,
    due_at = CASE WHEN EXCLUDED.working THEN coalesce(known.due_at, EXCLUDED.due_at) ELSE known.due_at END, reasons = ({SUMMED})
"""


def record(integration: Integration, refused: list[BadInput], body: bytes, *, key: str, now: datetime) -> None:
    """Records that events of this integration were refused. The key is removed, because people see the sample and the reasons."""
    sample = hidden(printable(body[: 8 * SAMPLE].decode("utf-8", "replace")), key)
    reasons = Counter(NUMBERED.sub("[]", hidden(printable(bad.errors[0]), key)) for bad in refused)
    reason = "; ".join(BadInput([error for bad in refused for error in bad.errors]).errors)
    values: dict[str, Any] = {
        "integration": integration.pk,
        "now": now,
        "count": len(refused),
        "reason": hidden(printable(reason), key),
        "reasons": json.dumps(dict(reasons.most_common(20))),
        "sample": shorten(sample, SAMPLE),
        "ours": Alert.OURS,
        "due_at": now + PATIENCE,
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)


def forget(integration: Integration, *, now: datetime, why: str = "an event was accepted again") -> None:
    """Forgets the refusals of an integration, and resolves the alert about them."""
    Refusal.objects.filter(integration=integration).delete()
    for alert in Alert.objects.going_on().filter(integration=integration, dedup_key=KEY):
        with suppress(Refused):  # somebody else has resolved it
            lifecycle.resolve(alert, now=now, via=f"Tocsin: {why}")


def tell_owners(now: datetime) -> int:
    """Raises an alert for each integration whose events are refused, brings it up to date, or ends it. Returns how many it did."""
    rows = parking.Rows("refusal", now)
    due = Refusal.objects.filter(due_at__lte=now).exclude(pk__in=rows.waiting).select_related("integration")
    return sum(rows.handle(refusal.pk, _follow_up, refusal, now) for refusal in due.order_by("due_at")[:50])


def _follow_up(refusal: Refusal, now: datetime) -> bool:
    if refusal.told_at and refusal.last_at + QUIET <= now:
        forget(refusal.integration, now=now, why=f"nothing was refused for {QUIET.seconds // 3600} hours")
    else:
        _tell(refusal, now)
    return True


def _tell(refusal: Refusal, now: datetime) -> None:
    if refusal.told_at is None or refusal.last_at > refusal.told_at:
        # Two workers doing this at once make one alert, because the key is the same.
        intake.accept(refusal.integration, [_event(refusal)], now=now)
    due_at = max(refusal.last_at, now - QUIET + PATIENCE) + QUIET if refusal.working else None
    Refusal.objects.filter(pk=refusal.pk).update(due_at=due_at, told_at=now)


def _event(refusal: Refusal) -> Event:
    whose = f"The alerts of {refusal.integration} are being refused"
    if refusal.working:
        whose = f"Some alerts of {refusal.integration} are being refused ({refusal.count} so far)"
        ends = f"this alert ends when nothing has been refused for {QUIET.seconds // 3600} hours"
    else:
        ends = "this alert ends with the first event that is accepted"
    return Event(
        action="trigger",
        dedup_key=KEY,
        summary=shorten(f"{whose}: {refusal.reason}", 1024),
        severity="error",
        source="Tocsin",
        details={
            "refused": refusal.count,
            "since": refusal.since.isoformat(),
            "reason": refusal.reason,
            "reasons": refusal.reasons,
            "sample": refusal.sample,
            "what to do": f"correct the events of the monitoring tool; {ends}",
        },
    )
