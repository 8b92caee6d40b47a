"""Sends deliveries that share their words in batches: claim (commit), look, send one after the other, record (commit).

Claim, look and record take one statement each, whatever the size of the batch. A `Batch` is claimed by making its deliveries
in the state "being sent"; deliveries that are due again are claimed like any other. Each is fenced by its attempt number, like a
single delivery. Only waiting deliveries are sent this way. Deliveries that a dead sender left behind are taken over one by one
(`delivering`), so that a mail that kills its sender does not take a whole batch with it each time.

While a provider accepts nothing at all, its deliveries wait, and no attempt is counted; one call now and then finds out whether
it is back.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from dispatching.delivery import batches_sql, delivering, media
from dispatching.models import Attempt, ContactPoint, Delivery

log = structlog.get_logger(__name__)
Outcome = Attempt.Outcome
BATCH = 50  # deliveries that may come twice when a sender is killed
LONGEST = timedelta(seconds=5)  # then the rest is given back, long before its lease ends
FRESH = timedelta(milliseconds=250)  # the age of a look; an unsubscription takes effect within this time, plus one mail
PAUSE = timedelta(seconds=30)  # before this process tries an unavailable provider again


class Away:
    """The channels whose providers accept nothing at present. The cause is not in the delivery, so the next one would fail as well.

    A process has one instance, shared by its threads; it starts empty and is never saved. Each process finds out by a call of
    its own that a provider is unavailable and, after PAUSE, by another call whether it still is.
    """

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def add(self, channel: str, why: str, *, now: datetime) -> None:
        self._until[channel] = now + PAUSE
        log.warning("provider_away", channel=channel, reason=why)

    def at(self, now: datetime) -> list[str]:
        """The channels that must not be used at this moment."""
        # Copied in one step, because another thread may add a channel meanwhile.
        return [channel for channel, until in self._until.copy().items() if until > now]

    def clear(self) -> None:
        self._until.clear()


away = Away()


def send_batch(queue: str, clock: Callable[[], datetime], going: Callable[[], bool] = lambda: True) -> int:
    """Sends a batch of the deliveries that have been due longest, or as many of them as time and `going` allow.

    Returns how many it claimed; the ones that it did not send are given back.
    """
    claims = _claim(queue, now=clock()) or (_take(now=clock()) if queue == Delivery.Queue.BULK else {})
    results: list[dict[str, Any]] = []
    waiting, why = dict(claims), ""
    for pk, delivery in _in_time(waiting, clock, going):
        attempt = waiting.pop(pk)
        if delivery:
            result = _try_to_send(delivery, clock)
            if result["outcome"] == Outcome.AWAY:
                waiting[pk], why = attempt, result["why"]
                away.add(delivery.channel, why, now=clock())
                media.failed(delivery.channel, now=clock())
            else:
                results.append(result)
    if results:
        _record(results)
    if waiting:
        _run(batches_sql.GIVE_BACK, waiting, now=clock(), why=why)
    return len(claims)


def _in_time(
    waiting: dict[int, int], clock: Callable[[], datetime], going: Callable[[], bool]
) -> Iterator[tuple[int, Delivery | None]]:
    """Yields each claim with its delivery as it is by then, or None if the claim was lost, until LONGEST or not `going`."""
    begun, looked, current = clock(), None, {}
    for pk in list(waiting):
        now = clock()
        if not going() or now - begun > LONGEST:
            return
        if looked is None or now - looked > FRESH:
            looked, current = now, _look(waiting)
        delivery = current.get(pk)
        if delivery is None or delivery.channel not in away.at(now):
            yield pk, delivery


def _claim(queue: str, *, now: datetime) -> dict[int, int]:
    """Claims the waiting deliveries that have been due longest: delivery → attempt."""
    values: dict[str, Any] = {"queue": queue, "most": BATCH, "away": away.at(now)}
    with connection.cursor() as cursor:
        cursor.execute(batches_sql.CLAIM, values | {"now": now, "lease_until": _lease_until(now)})
        return dict(sorted(cursor.fetchall()))


def _take(*, now: datetime) -> dict[int, int]:
    """Makes and claims the deliveries of the `Batch` that has been due longest: delivery → attempt."""
    values: dict[str, Any] = {"state": "sending", "reason": "", "attempt": 1, "cancelled_at": None}
    with connection.cursor() as cursor:
        # A batch may yield nothing, if its contact points were told already or are deleted. Then the next one is taken.
        while True:
            cursor.execute(batches_sql.TAKE, {"now": now, "due_at": _lease_until(now), **values})
            taken = cursor.fetchall()
            made = dict(sorted((pk, attempt) for pk, attempt in taken if pk))
            if made or not taken:
                return made


def _lease_until(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def withdraw(point: ContactPoint, reason: str, *, keep: Iterable[str] = (), now: datetime) -> None:
    """Stops all deliveries of shared words to this contact point that have not started, except those with a part in `keep`.

    Call it in a transaction in which nothing new is planned for the contact point.
    """
    kept = list(keep)
    values: dict[str, Any] = {"point": point.pk, "keep": kept, "now": now, "reason": reason}
    with connection.cursor() as cursor:
        # Waits for a sender that is claiming one of these batches. Then its deliveries exist, and are stopped below.
        cursor.execute(
            batches_sql.WITHDRAW, values | {"state": "suppressed", "attempt": 0, "due_at": None, "cancelled_at": now}
        )
    shared = Delivery.objects.live().filter(contact_point=point, content__isnull=False)
    unwanted = shared.exclude(data__parts__has_any_keys=kept) if kept else shared
    delivering.suppress(unwanted.values("pk"), reason, now=now)


def replace(earlier: list[int], *, by: int, why: str, now: datetime) -> None:
    """Stops the batches of these contents that are not due yet, for the contact points that will get the content `by`."""
    values: dict[str, Any] = {"state": "suppressed", "attempt": 0, "due_at": None, "cancelled_at": now, "reason": why}
    with connection.cursor() as cursor:
        cursor.execute(batches_sql.REPLACE, {"earlier": earlier, "by": by, "now": now, **values})


def _look(claims: dict[int, int]) -> dict[int, Delivery]:
    """The claimed deliveries that are still ours, as they are now, by id."""
    return {delivery.pk: delivery for delivery in map(delivering.seen, _run(batches_sql.LOOK, claims))}


def _run(statement: str, claims: dict[int, int], **values: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": list(claims), "attempts": list(claims.values()), **values})
        return cursor.fetchall() if cursor.description else []


def _try_to_send(delivery: Delivery, clock: Callable[[], datetime]) -> dict[str, Any]:
    before = {name: getattr(delivery, name) for name in (*delivering.RECORDED, "channel")}
    result = delivering.try_to_send(delivery, now=clock())
    return before | result | {"why": result.get("reason", ""), "at": clock()}


def _record(results: list[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(batches_sql.RECORD, {"results": json.dumps(results, default=datetime.isoformat)})
        [recorded] = cursor.fetchone()
    if recorded < len(results):
        log.info("attempts_overtaken", count=len(results) - recorded)
