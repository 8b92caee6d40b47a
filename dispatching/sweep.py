"""Does all due work that has not been done. Alarms wake parts of it, beat and every worker's ticker run it, tests call it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count, islice, takewhile

import structlog
from django.db import transaction

from dispatching import alarms
from dispatching.alerts import escalating
from dispatching.delivery import batching, delivering
from dispatching.inbound import refusals
from dispatching.models import Delivery, Escalation, SweepRecord
from dispatching.models.delivery import DeliveryQuerySet
from dispatching.notices import notices, shift_watch
from schedules.apart import apart

log = structlog.get_logger(__name__)
PASS = 50  # rows for each pass, few enough to share one reading of the clock


def run_steps(now: datetime) -> int:
    """Runs up to PASS steps that are due. Returns how many it ran."""
    try:
        return escalating.run_due(PASS, moment=escalating.Moment(now))
    except Exception:  # find the alert that fails, so that it does not hold up the others (faults A15)
        log.exception("pass_failed")
        due = Escalation.objects.due(now).order_by("due_at", "pk").values_list("pk", "position")[:PASS]
        return sum(_run_step(escalation_id, position, escalating.Moment(now)) for escalation_id, position in list(due))


def _run_step(escalation_id: int, position: int, moment: escalating.Moment) -> bool:
    try:
        return escalating.run_step(escalation_id, position, moment=moment)
    except Exception as error:
        log.exception("step_parked", escalation=escalation_id, position=position)
        escalating.park(escalation_id, position, error, now=moment.now)
        return False


def deliver_next(queue: str, now: datetime) -> bool:
    """Sends the delivery that has been due longest. Returns False if there is none."""
    claim = delivering.claim_next(queue, now=now)
    if claim is None:
        return False
    deliver_and_follow_up(claim, now=now)
    return True


def deliver_and_follow_up(claim: delivering.Claim, *, now: datetime) -> None:
    """Hands a claimed delivery to its provider, and follows it up if that failed for good."""
    delivery = delivering.deliver(claim, now=now)
    if delivery is None or delivery.content_id is not None:
        return
    if delivery.state in Delivery.LOST:
        _follow_up(delivery.pk, now)
    elif delivery.state == Delivery.State.PENDING and delivery.queue == Delivery.Queue.BULK:
        notices.fall_back(delivery.pk, now=now)


def _follow_up(delivery_id: int, now: datetime) -> int:
    """Follows up a message with words of its own that finally failed: a page or a notice."""
    with transaction.atomic():
        escalating.follow_up(delivery_id, now=now)
        notices.fall_back(delivery_id, now=now)
    return 1


def follow_up(now: datetime) -> int:
    """Follows up at most PASS failures that nobody has followed up yet. Failures of shared words are left to the app that sent them."""
    lost: DeliveryQuerySet = Delivery.objects.due(now).filter(state__in=Delivery.LOST, content=None)
    ids = list(lost.order_by("due_at").values_list("pk", flat=True)[:PASS])
    with apart("follow-ups") as do:
        for pk in ids:
            do(_follow_up, pk, now)
    return len(ids)


def sweep(clock: Callable[[], datetime], going: Callable[[], bool] = lambda: True) -> int:
    """Does a pass of all due work, and repeats it while there is more than one pass to do, for a minute at most.

    Work that results from it has its own alarms, or waits for the next sweep. For each queue, a sweep sends one batch of
    deliveries with shared words, and wakes the workers for the rest. Then it records the proof of work. Returns the number of
    rows that the last pass and the batches handled. A part that raises keeps no other from its work, but the proof is not
    recorded, and what was raised is raised at the end.
    """
    start, done = clock(), PASS
    with apart("sweep") as do:
        while going() and done >= PASS and clock() - start < timedelta(minutes=1):
            done = sum(
                do(part, clock()) for part in (follow_up, refusals.tell_owners, run_steps, shift_watch.watch_due)
            )
            done += sum(do(_send_pass, queue, clock, going) for queue in Delivery.Queue.values)
        done += sum(do(_send_batch, queue, clock, going) for queue in Delivery.Queue.values)
    record("sweep", clock())
    return done


def _send_pass(queue: str, clock: Callable[[], datetime], going: Callable[[], bool]) -> int:
    return sum(islice(takewhile(bool, (going() and deliver_next(queue, clock()) for _ in count())), PASS))


def _send_batch(queue: str, clock: Callable[[], datetime], going: Callable[[], bool]) -> int:
    sent = batching.send_batch(queue, clock, going)
    if sent:
        alarms.ring_sending(queue)
    return sent


def record(name: str, now: datetime, repaired: int = 0) -> None:
    """Records that this kind of sweep was completed at `now`."""
    SweepRecord.objects.bulk_create(
        [SweepRecord(name=name, completed_at=now, repaired=repaired)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["completed_at", "repaired"],
    )
