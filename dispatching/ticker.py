"""A thread in every worker that sweeps, so that neither beat nor the broker is a single point of failure."""

import random
import threading
from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.db import close_old_connections

from dispatching import audit, sweep

log = structlog.get_logger(__name__)
AUDIT_EVERY = 15  # sweeps
Sweep = Callable[[Callable[[], datetime]], object]  # given the clock
_sweeps: list[Sweep] = []

# Set when this worker is told to end: whoever drains a queue finishes the row at hand and stops.
stopping = threading.Event()


def register(theirs: Sweep) -> None:
    """To be called once, when the application starts, by apps that have rows of their own to sweep."""
    if theirs not in _sweeps:
        _sweeps.append(theirs)


def run(clock: Callable[[], datetime]) -> None:
    """Sweeps every SWEEP_SECONDS, a little jittered, and audits now and then, until `stopping` is set."""
    turn = 0
    while not stopping.wait(settings.SWEEP_SECONDS * random.uniform(0.8, 1.2)):
        turn += 1
        try:
            sweep.sweep(clock, going=lambda: not stopping.is_set())
            for theirs in _sweeps:
                theirs(clock)
            if turn % AUDIT_EVERY == 0:
                audit.audit(clock())
        except Exception as error:  # a database that restarts: the next sweep has a new connection
            log.warning("sweep_failed", error=type(error).__name__)
        close_old_connections()


def start(clock: Callable[[], datetime]) -> threading.Thread:
    thread = threading.Thread(target=run, args=(clock,), name="ticker", daemon=True)
    thread.start()
    return thread
