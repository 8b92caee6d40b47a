"""Wakes workers through the broker for rows that are due. A lost or repeated alarm does no harm: the sweep does all due work.

There are two kinds of alarm. For rows that are due now, one nudge without content wakes a worker that does all due work, in
the order that the database gives. A row that is due within HORIZON gets a task with its id and token for that time. The sweep
finds rows that are due later.

A separate thread publishes, so that a broker that hangs delays neither a request nor a transaction.
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
NOT_EARLY = timedelta(milliseconds=20)  # added, because an alarm that rings a moment too soon would find nothing due
PAUSE = 0.1  # seconds between two batches, in which equal nudges become one; the first nudge is not delayed
WAITING = 10_000  # alarms kept while the broker is slow; further alarms are dropped, and the sweep does their work


def ring(task: str, queue: str) -> None:
    """Wakes a worker to run this task, because rows that it looks for are due now."""
    _publisher.put(task, queue)


def ring_at(task: str, queue: str, at: datetime, *, now: datetime) -> None:
    """Wakes a worker to run this task at that time, if it is soon; the sweep does what is due later."""
    if at <= now:
        ring(task, queue)
    elif at - now <= HORIZON:
        _publisher.put(task, queue, eta=at + NOT_EARLY)


def ring_steps() -> None:
    """Wakes a worker, because steps are due now."""
    ring("dispatching.tasks.run_due_steps", "engine")


def ring_sending(name: str = Delivery.Queue.PAGE.value) -> None:
    """Wakes a worker, because deliveries of this queue are due now."""
    ring(f"dispatching.tasks.send_due_{name}", name)


def ring_escalation(escalation: Escalation, *, now: datetime) -> None:
    """Sets an alarm for the next step: a nudge if it is due, an ETA task if it is due soon, none if later (the sweep finds it)."""
    if escalation.due_at is None:
        return
    if escalation.due_at <= now:
        ring_steps()
    elif escalation.due_at - now <= HORIZON:
        token = (escalation.pk, escalation.position)
        _publisher.put("dispatching.tasks.run_step", "engine", args=token, eta=escalation.due_at + NOT_EARLY)


def ring_delivery(delivery: Delivery, *, now: datetime) -> None:
    """Sets an alarm for a delivery that waits for its time, if that is soon."""
    if delivery.due_at and timedelta(0) < delivery.due_at - now <= HORIZON:
        token = (delivery.pk, delivery.attempt, delivery.queue)
        _publisher.put("dispatching.tasks.send", delivery.queue, args=token, eta=delivery.due_at + NOT_EARLY)


class Publisher:
    """Hands alarms to the broker, on one thread for each process. Equal nudges that wait together become one."""

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
            if self._pid != os.getpid():  # also after a fork, which does not copy threads
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
        except Exception as error:  # whatever the broker's error is, the sweep does the work
            log.warning("alarm_not_published", task=task, error=type(error).__name__)


_publisher = Publisher()
