"""Deliveries that share their words, sent by the batch: claim (commit), look, send one after the other, record (commit).

One statement for each of the three, whatever the size of the batch. It is fenced as a single delivery is: by the attempt
number. Only waiting deliveries go out this way; what a dead sender left behind is taken over one by one (`delivering`),
so that one mail that kills its sender does not take a batch along time and again.

Where a provider takes nothing at all, what waits for it waits, without an attempt that counts, and one batch now and then
finds out whether it is back.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from dispatching import delivering
from dispatching.models import Attempt, Delivery

log = structlog.get_logger(__name__)
Outcome = Attempt.Outcome
BATCH = 50  # deliveries that may come twice when a sender is killed
LONGEST = timedelta(seconds=5)  # then the rest is given back, long before its lease ends
FRESH = timedelta(milliseconds=250)  # who unsubscribes is not written to that much later, plus the mail at hand
PAUSE = timedelta(seconds=30)  # before this process tries a provider again that is away
away: dict[str, datetime] = {}  # channel → until when it is left alone

CLAIM = """
WITH picked AS (
    SELECT id FROM dispatching_delivery
    WHERE queue = %(queue)s AND due_at <= %(now)s AND state = 'pending' AND content_id IS NOT NULL
        AND channel <> ALL(%(away)s::text[])
    ORDER BY due_at, id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE dispatching_delivery AS delivery SET state = 'sending', attempt = attempt + 1, due_at = %(lease_until)s
FROM picked WHERE delivery.id = picked.id RETURNING delivery.id, delivery.attempt
"""
MINE = "(delivery.id, delivery.attempt) IN (SELECT * FROM unnest(%(ids)s::bigint[], %(attempts)s::int[]))"
LOOK = delivering.LOOK + MINE
# Nothing was tried, so the attempt does not count.
GIVE_BACK = f"""
UPDATE dispatching_delivery AS delivery SET state = 'pending', attempt = attempt - 1, due_at = %(now)s,
    reason = CASE WHEN %(why)s::text = '' OR cancelled_at IS NOT NULL THEN reason ELSE %(why)s::text END
WHERE delivery.state = 'sending' AND {MINE}
"""
# The rows are locked in the order of their ids, so that two who write to the same ones do not wait for each other.
RECORD = """
WITH came AS (
    SELECT came.* FROM jsonb_to_recordset(%(came)s::jsonb) AS came (id bigint, attempt int, state text, due_at timestamptz,
        sent_at timestamptz, receipt text, address text, reason text, outcome text, why text, at timestamptz)
), mine AS (
    SELECT delivery.id FROM dispatching_delivery delivery JOIN came USING (id, attempt)
    WHERE delivery.state = 'sending' ORDER BY delivery.id FOR UPDATE OF delivery
), recorded AS (
    UPDATE dispatching_delivery AS delivery SET state = came.state, due_at = came.due_at, sent_at = came.sent_at,
        receipt = came.receipt, address = came.address, reason = came.reason
    FROM came JOIN mine USING (id) WHERE delivery.id = came.id RETURNING came.*
), tried AS (
    INSERT INTO dispatching_attempt (delivery_id, number, at, outcome, reason)
    SELECT id, attempt, at, outcome, why FROM recorded WHERE outcome IS NOT NULL
)
SELECT count(*) FROM recorded
"""


def send_due(queue: str, clock: Callable[[], datetime], going: Callable[[], bool] = lambda: True) -> int:
    """Sends a batch of what has been due longest, or as much of it as time allows while `going`; how many it took up."""
    claims = _claim(queue, now=clock())
    begun = clock()
    looked, current = None, {}
    came: list[dict[str, Any]] = []
    waiting, why = dict(claims), ""
    for pk, attempt in claims.items():
        now = clock()
        if not going() or now - begun > LONGEST:
            break
        if looked is None or now - looked > FRESH:
            looked, current = now, _look(waiting)
        del waiting[pk]
        if delivery := current.get(pk):
            found = _send(delivery, clock)
            if found["outcome"] == Outcome.AWAY:
                waiting[pk], why = attempt, found["why"]
                _leave_alone(delivery.channel, why, now=clock())
                break
            came.append(found)
    if came:
        _record(came)
    if waiting:
        _run(GIVE_BACK, waiting, now=clock(), why=why)
    return len(claims)


def _leave_alone(channel: str, why: str, *, now: datetime) -> None:
    """Nothing that was claimed is to blame, and what comes next would fare the same."""
    away[channel] = now + PAUSE
    log.warning("provider_away", channel=channel, reason=why)


def _claim(queue: str, *, now: datetime) -> dict[int, int]:
    """Delivery → attempt."""
    lease_until = now + timedelta(seconds=settings.LEASE_SECONDS)
    alone = [channel for channel, until in away.items() if until > now]
    values = {"queue": queue, "now": now, "lease_until": lease_until, "most": BATCH, "away": alone}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values)
        return dict(sorted(cursor.fetchall()))


def _look(claims: dict[int, int]) -> dict[int, Delivery]:
    """Those that are still ours, as they are now."""
    return {found.pk: found for found in map(delivering.seen, _run(LOOK, claims))}


def _run(statement: str, claims: dict[int, int], **values: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": list(claims), "attempts": list(claims.values()), **values})
        return cursor.fetchall() if cursor.description else []


def _send(delivery: Delivery, clock: Callable[[], datetime]) -> dict[str, Any]:
    before = {name: getattr(delivery, name) for name in delivering.RECORDED}
    came = delivering.come_of(delivery, now=clock())
    return before | came | {"why": came.get("reason", ""), "at": clock()}


def _record(came: list[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(RECORD, {"came": json.dumps(came, default=datetime.isoformat)})
        [recorded] = cursor.fetchone()
    if recorded < len(came):
        log.info("attempts_overtaken", count=len(came) - recorded)
