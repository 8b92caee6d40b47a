"""The Celery tasks. Each reads the clock and calls one verb; none catches errors, retries, or carries more than ids and a token."""

from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from dispatching import audit as auditing
from dispatching import calendar_fetching, ticker
from dispatching import sweep as sweeping
from dispatching.alerts.escalating import Moment
from dispatching.alerts.escalating import run_step as run
from dispatching.delivery import batching, delivering
from schedules import clock


def going() -> bool:
    return not ticker.stopping.is_set()


@shared_task
def run_due_steps() -> None:
    # A pass that was not full has left nothing. Steps that have become due since then have alarms of their own.
    while going() and sweeping.run_steps(clock.now()) == sweeping.PASS:
        pass


@shared_task
def run_step(escalation_id: int, position: int) -> None:
    run(escalation_id, position, moment=Moment(clock.now()))


@shared_task
def send_due_page() -> None:
    while going() and sweeping.deliver_next("page", clock.now()):
        pass


@shared_task
def send_due_bulk() -> None:
    # After each batch of deliveries with shared words, one with words of its own, so that neither kind waits for the
    # end of the other.
    while going() and batching.send_batch("bulk", clock.now, going) + sweeping.deliver_next("bulk", clock.now()):
        pass


@shared_task
def send(delivery_id: int, attempt: int, queue: str) -> None:
    now = clock.now()
    if claim := delivering.claim(delivery_id, attempt, queue, now=now):
        sweeping.deliver_and_follow_up(claim, now=now)


@shared_task
def sweep() -> None:
    sweeping.sweep(clock.now)


@shared_task
def audit() -> None:
    auditing.audit(clock.now())


@shared_task
def fetch_calendars() -> None:
    calendar_fetching.fetch_due(clock.now(), going=going)


@worker_init.connect  # not worker_ready, which waits for the broker: the ticker must run while the broker is down
def start_ticker(**_: Any) -> None:
    ticker.start(clock.now)


@worker_shutting_down.connect
def finish_the_row_at_hand(**_: Any) -> None:
    ticker.stopping.set()
