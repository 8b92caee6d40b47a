"""The only clock that Tocsin reads, at its edge: the database's, so that hosts whose own clocks differ agree (faults E1).

It is asked every few seconds. In between, the time that has gone by is added as this machine's monotonic clock has it,
which nobody sets. Processes must agree to a few milliseconds, or one would not see yet what another has made due: an
answer that took long is asked for again.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection

EVERY = 5.0  # seconds
QUICK = 0.005
TRIES = 3
_asked: tuple[float, datetime, float] | None = None  # how long the answer took, the answer, and when, monotonic


def now() -> datetime:
    """UTC."""
    return source()


def of_the_database() -> datetime:
    global _asked
    if _asked is None or time.monotonic() - _asked[2] > EVERY:
        _asked = _ask()
    _, said, at = _asked
    return said + timedelta(seconds=time.monotonic() - at)


# Tests put a clock here that they can move (the fixture `clock` in tests/conftest.py); nothing else does.
source: Callable[[], datetime] = of_the_database


def _ask() -> tuple[float, datetime, float]:
    answers = []
    for _ in range(TRIES):
        before = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            said = cursor.fetchone()[0]
        took = time.monotonic() - before
        answers.append((took, said, before + took / 2))
        if took < QUICK:
            break
    return min(answers)
