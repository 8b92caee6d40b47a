"""The only clock that Tocsin reads: the database's, so that hosts whose own clocks differ agree (faults E1).

Only the outermost code reads it and passes the time on. The database is asked every few seconds; in between, the time
elapsed on this machine's monotonic clock, which nobody sets, is added. Processes must agree to a few milliseconds, or
one would not yet see a row that another has made due; so an answer that took long is asked for again.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection

EVERY = 5.0  # seconds
QUICK = 0.005
TRIES = 3
_asked: tuple[float, datetime, float] | None = None  # seconds that the answer took, the answer, its monotonic time


def now() -> datetime:
    """The current time, UTC."""
    return source()


def of_the_database() -> datetime:
    global _asked
    if _asked is None or time.monotonic() - _asked[2] > EVERY:
        _asked = _ask()
    _, reading, at = _asked
    return reading + timedelta(seconds=time.monotonic() - at)


# Tests replace this with a clock that they can move (the fixture `clock` in tests/conftest.py); nothing else does.
source: Callable[[], datetime] = of_the_database


def _ask() -> tuple[float, datetime, float]:
    answers = []
    for _ in range(TRIES):
        before = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            reading = cursor.fetchone()[0]
        took = time.monotonic() - before
        answers.append((took, reading, before + took / 2))
        if took < QUICK:
            break
    return min(answers)
