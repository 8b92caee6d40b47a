"""Deliveries that share their words, sent by the batch: claim (commit), look, send one after the other, record (commit).

One statement for each of the three, whatever the size of the batch. A `Batch` is claimed by making its deliveries, as
being sent; those that wait again are claimed as any other. It is fenced as a single delivery is: by the attempt number.
Only waiting deliveries go out this way; what a dead sender left behind is taken over one by one (`delivering`), so that one
mail that kills its sender does not take a batch along time and again.

While a provider takes nothing at all, what is for it waits, without an attempt that counts; one call now and then finds out
whether it is back.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection

from dispatching.delivery import delivering
from dispatching.models import Attempt, ContactPoint, Delivery

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
# A delivery for each contact point of `taken`; it answers the first one of its conversation that got there.
MAKE = """
, earlier AS (
    SELECT DISTINCT taken.content_id, before.id FROM taken
    JOIN dispatching_content content ON content.id = taken.content_id
    JOIN dispatching_content before ON before.id = content.thread_id OR before.thread_id = content.thread_id
    WHERE before.id < content.id
), made AS (
    INSERT INTO dispatching_delivery (key, queue, content_id, contact_point_id, channel, recipient_name, address, subject,
        body, data, state, reason, created_at, due_at, expires_at, attempt, cancelled_at, receipt)
    SELECT gen_random_uuid(), 'bulk', taken.content_id, point.id, point.channel,
        coalesce(nullif(recipient.display_name, ''), trim(person.first_name || ' ' || person.last_name), ''), '', '', '',
        taken.data || jsonb_build_object('after', first.key),
        %(state)s, %(reason)s, %(now)s, %(due_at)s,
        -- So long it is tried: a webhook for as long as one may fail before it is given up, a mail server for a day.
        taken.due_at + CASE point.channel WHEN 'webhook' THEN interval '1 hour' ELSE interval '1 day' END,
        %(attempt)s, %(cancelled_at)s, ''
    FROM taken CROSS JOIN unnest(taken.contact_points) AS told (id) JOIN dispatching_contactpoint point USING (id)
    JOIN dispatching_recipient recipient ON recipient.id = point.recipient_id
    LEFT JOIN schedules_user person ON person.id = recipient.user_id
    LEFT JOIN LATERAL (
        SELECT sent.key FROM earlier JOIN dispatching_delivery sent
            ON sent.content_id = earlier.id AND sent.contact_point_id = point.id
        WHERE earlier.content_id = taken.content_id AND sent.state NOT IN ('suppressed', 'failed', 'dead')
        ORDER BY earlier.id LIMIT 1
    ) first ON true
    ON CONFLICT DO NOTHING RETURNING id, attempt
)
SELECT made.id, made.attempt FROM taken LEFT JOIN made ON true
"""
TAKE = f"""
WITH taken AS (
    DELETE FROM dispatching_batch WHERE id = (
        SELECT id FROM dispatching_batch WHERE due_at <= %(now)s ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
    ) RETURNING content_id, contact_points, data, due_at
){MAKE}"""
# Out of the batches that would tell this contact point none of the parts that it keeps.
WITHDRAW = f"""
WITH touched AS (
    SELECT id FROM dispatching_batch WHERE %(point)s = ANY(contact_points) AND NOT data->'parts' ?| %(keep)s::text[]
    ORDER BY id FOR UPDATE
), taken AS (
    UPDATE dispatching_batch AS batch SET contact_points = array_remove(contact_points, %(point)s)
    FROM touched WHERE batch.id = touched.id
    RETURNING batch.content_id, ARRAY[%(point)s::bigint] AS contact_points, batch.data, batch.due_at
){MAKE}"""
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
    claims = _claim(queue, now=clock()) or (_take(now=clock()) if queue == Delivery.Queue.BULK else {})
    came: list[dict[str, Any]] = []
    waiting, why = dict(claims), ""
    for pk, delivery in _in_time(waiting, clock, going):
        attempt = waiting.pop(pk)
        if delivery:
            found = _send(delivery, clock)
            if found["outcome"] == Outcome.AWAY:
                waiting[pk], why = attempt, found["why"]
                _leave_alone(delivery.channel, why, now=clock())
            else:
                came.append(found)
    if came:
        _record(came)
    if waiting:
        _run(GIVE_BACK, waiting, now=clock(), why=why)
    return len(claims)


def _in_time(
    waiting: dict[int, int], clock: Callable[[], datetime], going: Callable[[], bool]
) -> Iterator[tuple[int, Delivery | None]]:
    """One claim after the other with its delivery as it is by then, None if it is not ours any more; until time is up."""
    begun, looked, current = clock(), None, {}
    for pk in list(waiting):
        now = clock()
        if not going() or now - begun > LONGEST:
            return
        if looked is None or now - looked > FRESH:
            looked, current = now, _look(waiting)
        delivery = current.get(pk)
        if delivery is None or delivery.channel not in _alone(now):
            yield pk, delivery


def _leave_alone(channel: str, why: str, *, now: datetime) -> None:
    """Nothing that was claimed is to blame, and what comes next would fare the same."""
    away[channel] = now + PAUSE
    log.warning("provider_away", channel=channel, reason=why)


def _alone(now: datetime) -> list[str]:
    return [channel for channel, until in away.items() if until > now]


def _claim(queue: str, *, now: datetime) -> dict[int, int]:
    """Delivery → attempt."""
    values: dict[str, Any] = {"queue": queue, "most": BATCH, "away": _alone(now)}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, values | {"now": now, "lease_until": _lease_until(now)})
        return dict(sorted(cursor.fetchall()))


def _take(*, now: datetime) -> dict[int, int]:
    """The deliveries of the batch that has been due longest, made just now and claimed: delivery → attempt."""
    values: dict[str, Any] = {"state": "sending", "reason": "", "attempt": 1, "cancelled_at": None}
    with connection.cursor() as cursor:
        # Of a batch nothing may be left: told already by another one, or gone. Then the next one is taken.
        while True:
            cursor.execute(TAKE, {"now": now, "due_at": _lease_until(now), **values})
            rows = cursor.fetchall()
            made = dict(sorted((pk, attempt) for pk, attempt in rows if pk))
            if made or not rows:
                return made


def _lease_until(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def withdraw(point: ContactPoint, reason: str, *, keep: Iterable[str] = (), now: datetime) -> None:
    """Nothing that shares its words starts to this contact point any more, unless it holds one of the parts to `keep`.

    Call it in a transaction in which nothing new is planned for the contact point.
    """
    kept = list(keep)
    values: dict[str, Any] = {"point": point.pk, "keep": kept, "now": now, "reason": reason}
    with connection.cursor() as cursor:
        # Waits for whoever takes up one of these batches; then its deliveries are there, and stopped below.
        cursor.execute(WITHDRAW, values | {"state": "suppressed", "attempt": 0, "due_at": None, "cancelled_at": now})
    shared = Delivery.objects.live().filter(contact_point=point, content__isnull=False)
    unwanted = shared.exclude(data__parts__has_any_keys=kept) if kept else shared
    delivering.suppress(unwanted.values("pk"), reason, now=now)


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
