"""Alarm clocks for due rows. Losing one, or hearing it five times, does no harm: the sweep does whatever is due.

There are two kinds. Rows that are due now need no name: one nudge, without content, wakes a worker that does everything
due, in the order that the database gives. A row that is due soon gets a task with its id and token for that time;
further away than the horizon the sweep finds it in good time.

Publishing happens on a thread of its own: a broker that hangs holds up neither a request nor a transaction.
"""

import os
import queue
import threading
import time
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.conf import settings

from dispatching.models import Delivery, Escalation

log = structlog.get_logger(__name__)
HORIZON = timedelta(minutes=10)
NOT_EARLY = timedelta(milliseconds=20)  # an alarm that rings a moment too soon would find nothing due
PAUSE = 0.1  # seconds between two batches: under load equal nudges become one; the first is not held up
WAITING = 10_000  # alarms kept while the broker is slow; what is more is dropped, and swept


def ring(task: str, queue: str) -> None:
    """Rows that this task looks for are due now."""
    _publisher.put(task, queue)


def ring_steps() -> None:
    """Steps are due now."""
    ring("dispatching.tasks.run_due_steps", "engine")


def ring_sending(name: str = Delivery.Queue.PAGE.value) -> None:
    """Deliveries of this queue are due now."""
    ring(f"dispatching.tasks.send_due_{name}", name)


def ring_escalation(escalation: Escalation, *, now: datetime) -> None:
    """Its next step is due then: at once, soon (an ETA task), or later (the sweep's)."""
    if escalation.due_at is None:
        return
    if escalation.due_at <= now:
        ring_steps()
    elif escalation.due_at - now <= HORIZON:
        token = (escalation.pk, escalation.position)
        _publisher.put("dispatching.tasks.run_step", "engine", args=token, eta=escalation.due_at + NOT_EARLY)


def ring_delivery(delivery: Delivery, *, now: datetime) -> None:
    """A delivery that waits for its time, if that is soon."""
    if delivery.due_at and timedelta(0) < delivery.due_at - now <= HORIZON:
        token = (delivery.pk, delivery.attempt, delivery.queue)
        _publisher.put("dispatching.tasks.send", delivery.queue, args=token, eta=delivery.due_at + NOT_EARLY)


class Publisher:
    """One thread a process that hands alarms to the broker; equal nudges that wait together become one."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, str, tuple, datetime | None]] = queue.Queue(WAITING)
        self._pid = 0
        self._starting = threading.Lock()

    def put(self, task: str, to: str, *, args: tuple[Any, ...] = (), eta: datetime | None = None) -> None:
        if not settings.ALARMS:
            return
        if self._pid != os.getpid():
            self._start()
        try:
            self._waiting.put_nowait((task, to, args, eta))
        except queue.Full:
            log.warning("alarm_dropped", task=task)

    def _start(self) -> None:
        with self._starting:
            if self._pid != os.getpid():  # also after a fork, which leaves threads behind
                self._waiting = queue.Queue(WAITING)
                threading.Thread(target=self._run, name="alarms", daemon=True).start()
                self._pid = os.getpid()

    def _run(self) -> None:
        while True:
            batch = {self._waiting.get()}
            while not self._waiting.empty() and len(batch) < 100:
                batch.add(self._waiting.get())
            for alarm in batch:
                self._publish(*alarm)
            time.sleep(PAUSE)

    def _publish(self, task: str, to: str, args: tuple[Any, ...], eta: datetime | None) -> None:
        try:
            current_app.send_task(task, args=args, eta=eta, queue=to, ignore_result=True, retry=False)
        except Exception as error:  # whatever the broker says: the sweep does it
            log.warning("alarm_not_published", task=task, error=type(error).__name__)


_publisher = Publisher()
