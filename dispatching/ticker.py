"""A thread in every worker that runs the sweep, so that neither beat nor the broker is a single point of failure."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from dispatching import agreement, audit, sweep
from dispatching.models import PROCESS_AGE
from schedules.apart import apart

log = structlog.get_logger(__name__)
AUDIT_EVERY = 15  # sweeps
REPORT_EVERY = PROCESS_AGE / 4
Sweep = Callable[[Callable[[], datetime]], int]  # given the clock; returns how much it did
_sweeps: list[Sweep] = []
_tidying: list[Callable[[datetime], object]] = []

# Set when this worker is told to end. A task that drains a queue then finishes its current row and stops.
stopping = threading.Event()


def register(theirs: Sweep) -> None:
    """Registers a sweep of another app's own rows. The app calls this once, when the application starts."""
    if theirs not in _sweeps:
        _sweeps.append(theirs)


def register_tidying(theirs: Callable[[datetime], object]) -> None:
    """Registers what deletes old rows. Only tickers run it, with each of their audits: nobody waits for it."""
    if theirs not in _tidying:
        _tidying.append(theirs)


def run(clock: Callable[[], datetime]) -> None:
    """Sweeps every SWEEP_SECONDS, with some jitter, and audits every AUDIT_EVERY sweeps, until `stopping` is set."""
    turn, reported = 0, datetime.min.replace(tzinfo=UTC)
    while not stopping.wait(settings.SWEEP_SECONDS * random.uniform(0.8, 1.2)):
        turn += 1
        try:
            with apart("turn") as do:
                do(sweep.sweep, clock, lambda: not stopping.is_set())
                for theirs in _sweeps:
                    do(theirs, clock)
                if (now := clock()) - reported > REPORT_EVERY and do(_report, now):
                    reported = now
                if turn % AUDIT_EVERY == 0:
                    for seldom in (audit.audit, *_tidying):
                        do(seldom, clock())
        except* (OSError, OperationalError, InterfaceError) as away:  # the next sweep has a new connection
            log.warning("sweep_failed", error=", ".join(sorted({type(error).__name__ for error in away.exceptions})))
        except* Exception:
            log.exception("sweep_failed")
        close_old_connections()


def _report(now: datetime) -> bool:
    agreement.report(now)
    return True


def start(clock: Callable[[], datetime]) -> threading.Thread:
    thread = threading.Thread(target=run, args=(clock,), name="ticker", daemon=True)
    thread.start()
    return thread
