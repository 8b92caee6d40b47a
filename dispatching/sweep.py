"""Do whatever is due and has not been done: what alarms wake, what beat and every worker's ticker run, what tests call."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count, islice, takewhile

import structlog

from dispatching import alarms
from dispatching.alerts import escalating
from dispatching.delivery import batching, delivering
from dispatching.inbound import rejected
from dispatching.models import Delivery, Escalation, SweepRecord
from dispatching.models.delivery import DeliveryQuerySet
from dispatching.notices import shift_watch

log = structlog.get_logger(__name__)
PASS = 50  # rows a pass: small enough that one reading of the clock serves them all


def run_steps(now: datetime) -> int:
    """Runs up to a pass of the steps that are due; says how many it ran."""
    try:
        return escalating.run_due(PASS, moment=escalating.Moment(now))
    except Exception:  # one alert that cannot be handled must not hold up the others (faults A15): which is it?
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


def send_one(queue: str, now: datetime) -> bool:
    """Sends the delivery that has been due longest; False if there is none."""
    claim = delivering.claim_next(queue, now=now)
    if claim is None:
        return False
    send(claim, now=now)
    return True


def send(claim: delivering.Claim, *, now: datetime) -> None:
    delivery = delivering.send(claim, now=now)
    if delivery and delivery.state in Delivery.LOST and delivery.content_id is None:
        escalating.follow_up(delivery.pk, now=now)


def follow_up(now: datetime) -> int:
    """Follows up the failures that nobody has followed up yet; those of shared words are left to whoever shared them."""
    lost: DeliveryQuerySet = Delivery.objects.due(now).filter(state__in=Delivery.LOST, content=None)
    ids = list(lost.order_by("due_at").values_list("pk", flat=True)[:PASS])
    for pk in ids:
        escalating.follow_up(pk, now=now)
    return len(ids)


def sweep(clock: Callable[[], datetime], going: Callable[[], bool] = lambda: True) -> int:
    """A pass of everything that is due; at once another one only while there is more than a pass, for a minute at most.

    What follows from it rings for itself, or waits for the next sweep. Of deliveries that share their words each sweep
    sends one batch, and wakes the workers for the rest. Then the proof of work. Says what the last pass did.
    """
    start, done = clock(), PASS
    while going() and done >= PASS and clock() - start < timedelta(minutes=1):
        done = follow_up(clock()) + rejected.tell_owners(clock()) + run_steps(clock()) + shift_watch.watch_due(clock())
        for queue in Delivery.Queue.values:
            done += sum(islice(takewhile(bool, (going() and send_one(queue, clock()) for _ in count())), PASS))
    for queue in Delivery.Queue.values:
        sent = batching.send_due(queue, clock, going)
        if sent:
            alarms.ring_sending(queue)
        done += sent
    record("sweep", clock())
    return done


def record(name: str, now: datetime, repaired: int = 0) -> None:
    """Says when this kind of sweep was last completed."""
    SweepRecord.objects.bulk_create(
        [SweepRecord(name=name, completed_at=now, repaired=repaired)],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["completed_at", "repaired"],
    )
