"""Finds states that must not occur, with no limit on their age, repairs them, says so on the timeline, and counts them as bugs."""

from datetime import datetime, timedelta

import structlog
from django.db import transaction

from dispatching import alarms, parking, sweep
from dispatching.alerts import timeline
from dispatching.models import Alert, AlertEvent, Batch, Delivery, Escalation, ShiftWatch
from dispatching.notices import calendar_watch, swap_watch
from schedules.apart import apart

log = structlog.get_logger(__name__)
LATE = timedelta(seconds=60)


def audit(now: datetime) -> int:
    """Starts an escalation for every triggered alert that never had one. Returns the number of repairs.

    Also tells the owners of calendars that cannot be read, and people who are asked for a swap or were answered. A part that
    raises keeps no other from its work, but the audit is not recorded.
    """
    with apart("audit") as do:
        repaired = do(_repair, now)
        do(calendar_watch.tell_feed_owners, now)
        do(swap_watch.tell_swaps, now)
    sweep.record("audit", now, repaired)
    return repaired


def _repair(now: datetime) -> int:
    rows = parking.Rows("audit", now)
    forgotten = Alert.objects.filter(state=Alert.State.TRIGGERED, escalations=None, first_at__lte=now - LATE / 2)
    ids = forgotten.exclude(pk__in=rows.waiting).values_list("pk", flat=True)[:1000]
    repaired = sum(rows.handle(pk, _start, pk, now) for pk in list(ids))
    if repaired:
        log.error("audit_repaired", alerts=repaired)
        alarms.ring_steps()
    return repaired


def _start(alert_id: int, now: datetime) -> bool:
    with transaction.atomic():
        alert = Alert.objects.select_related("service").select_for_update(of=("self",)).get(pk=alert_id)
        if alert.state != Alert.State.TRIGGERED or alert.escalations.exists():
            return False
        Escalation.objects.create(alert=alert, policy_id=alert.service.policy_id, due_at=now, started_at=now)
        text = "the alert had no escalation: the audit has started one"
        timeline.write(timeline.entry(alert.pk, AlertEvent.Kind.REPAIRED, text, now=now))
    return True


def overdue(now: datetime) -> dict[str, int]:
    """The number of rows that have been due for more than a minute, by kind; used by health and metrics."""
    late = now - LATE
    # A hundred thousand messages take a while, so batches are late only if nobody is sending.
    going = Delivery.objects.filter(queue=Delivery.Queue.BULK, state=Delivery.State.SENDING, due_at__gt=now).exists()
    return {
        "steps": Escalation.objects.due(late).count(),
        "deliveries": Delivery.objects.due(late).count(),
        "batches": 0 if going else Batch.objects.filter(due_at__lte=late).count(),
        "shift watches": ShiftWatch.objects.filter(due_at__lte=late).count(),
        "parked rows": parking.failing(now),
    }
