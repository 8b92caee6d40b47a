"""Calls at the same time, each on a real thread with a connection and a transaction of its own."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from schedules.refused import Refused
from tests.live import eventually

# The connections to this database that wait for a lock. (pg_stat_activity would stand still within a transaction.)
WAITING = """
SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted AND pid IN (
    SELECT pid FROM pg_locks WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Runs the calls at the same time; returns their answers in order, a refusal as the answer."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        ready.wait()
        return _answer(call)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def behind(row: Model, *calls: Callable[[], Any]) -> list[Any]:
    """Runs the calls while somebody else holds the row's lock, and lets them go on when all of them wait for it.

    So the interleaving is always the worst one: what a call reads before it takes the lock is old for all but the first.
    """
    with ThreadPoolExecutor(len(calls)) as pool:
        with transaction.atomic():
            type(row)._base_manager.select_for_update(of=("self",)).get(pk=row.pk)
            answers = [pool.submit(_answer, call) for call in calls]
            assert eventually(lambda: waiting() == len(calls), 5, every=0.01)
        return [answer.result() for answer in answers]


def during(act: Callable[[], Any], call: Callable[[], Any]) -> Any:
    """Does `act` in a transaction that ends when the call, made meanwhile, waits for it or is done; returns the call's answer.

    So the call reads what was there before, and acts when `act` has changed it.
    """
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            act()
            answer = pool.submit(_answer, call)
            assert eventually(lambda: waiting() or answer.done(), 5, every=0.01)
        return answer.result()


def waiting() -> int:
    """How many connections to this database wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone()[0]


def _answer(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Refused as refused:
        return refused
    finally:
        connection.close()
