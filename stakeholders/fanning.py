"""From a message to a delivery for everybody who is told: in batches, each a transaction, going on where the last one ended.

Who is told is decided when the message is made (its audience: cells and groups); who has left since then is left out.
"""

import json
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction

from dispatching import alarms
from dispatching.models import Delivery
from stakeholders.audience import MEMBERS
from stakeholders.models import Message, Update

log = structlog.get_logger(__name__)
BATCH = 10_000

# Those who were told anything of this bracket and have not left since (B35, B97, B99).
STILL = """
SELECT DISTINCT told.contact_point_id, subscription.group_id, subscription.kinds
FROM stakeholders_message earlier
JOIN dispatching_delivery told ON told.content_id = earlier.content_id AND told.state <> 'suppressed'
JOIN stakeholders_subscription subscription ON subscription.contact_point_id = told.contact_point_id
    AND subscription.state = 'active' AND told.data->'parts' ? subscription.group_id::text
JOIN dispatching_contactpoint point ON point.id = told.contact_point_id
WHERE earlier.bracket_id = %(bracket)s AND earlier.id < %(message)s AND point.verified AND point.disabled_reason = ''
"""

# In whose quiet hours `now` falls waits until they end, on their own clock.
DUE = """
CASE WHEN quiet_from < quiet_until AND wall::time >= quiet_from AND wall::time < quiet_until
        THEN (wall::date + quiet_until) AT TIME ZONE zone
    WHEN quiet_from > quiet_until AND wall::time >= quiet_from THEN (wall::date + 1 + quiet_until) AT TIME ZONE zone
    WHEN quiet_from > quiet_until AND wall::time < quiet_until THEN (wall::date + quiet_until) AT TIME ZONE zone
    ELSE %(now)s END
"""

# `data` names the passages of their groups and the first message of the thread that this contact point got.
PLAN = """
WITH wanted AS ({wanted}), batch AS (
    SELECT contact_point_id, to_jsonb(array_agg(group_id::text ORDER BY group_id)) AS parts
    FROM wanted WHERE contact_point_id > %(after)s AND (%(all)s OR kinds = 'all')
        AND (%(only)s::bigint[] IS NULL OR contact_point_id = ANY(%(only)s))
    GROUP BY contact_point_id ORDER BY contact_point_id LIMIT %(most)s
), planned AS (
    INSERT INTO dispatching_delivery (key, queue, content_id, contact_point_id, channel, recipient_name, address, subject, body,
        data, state, reason, created_at, due_at, attempt, receipt)
    SELECT gen_random_uuid(), 'bulk', %(content)s, batch.contact_point_id, point.channel,
        coalesce(nullif(recipient.display_name, ''), person.first_name || ' ' || person.last_name, ''), '', '', '',
        jsonb_build_object('parts', parts, 'after', first.key), 'pending', '', %(now)s, {due}, 0, ''
    FROM batch JOIN dispatching_contactpoint point ON point.id = batch.contact_point_id
    JOIN dispatching_recipient recipient ON recipient.id = point.recipient_id
    LEFT JOIN schedules_user person ON person.id = recipient.user_id
    LEFT JOIN dispatching_delivery first ON first.content_id = %(first)s
        AND first.contact_point_id = batch.contact_point_id AND first.content_id <> %(content)s
    LEFT JOIN (
        SELECT recipient_id, quiet_from, quiet_until, time_zone AS zone, %(now)s AT TIME ZONE time_zone AS wall
        FROM stakeholders_subscriber
    ) quiet ON quiet.recipient_id = point.recipient_id
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT (SELECT count(*) FROM planned), (SELECT max(contact_point_id) FROM batch), (SELECT count(*) FROM batch)
"""
AUDIENCES = {
    Update.Kind.ANNOUNCEMENT: MEMBERS,
    Update.Kind.PROGRESS: f"{STILL} UNION {MEMBERS}",
    Update.Kind.END: STILL,
    Update.Kind.CORRECTION: STILL,
}
COUNT = """
SELECT channel, count(DISTINCT contact_point_id) FROM ({wanted}) wanted
JOIN dispatching_contactpoint point ON point.id = contact_point_id WHERE %(all)s OR kinds = 'all' GROUP BY channel
"""
COUNTS = {kind: COUNT.format(wanted=wanted) for kind, wanted in AUDIENCES.items()}
STATEMENTS = {kind: PLAN.format(wanted=wanted, due=DUE) for kind, wanted in AUDIENCES.items()}


# Who plans a batch holds it alone: nobody's subscription changes between its reading and its writing.
LOCK = 8_701


def hold() -> None:
    """Until the end of the transaction no batch is planned, and one that is being planned has been written (P8)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])


def _hold_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def plan_due(now: datetime, *, most: int = BATCH) -> int:
    """Plans a batch of the message that has been due longest; how many deliveries, or 0 if no message is due."""
    with transaction.atomic():
        due = (
            Message.objects.filter(due_at__lte=now)
            .order_by("due_at", "pk")
            .select_for_update(of=("self",), skip_locked=True)
        )
        message = due.select_related("update", "bracket").first()
        if message is None:
            return 0
        _hold_alone()
        kind = Update.Kind(message.update.kind)
        planned, last, found = _plan(message, now, most, after=message.planned_up_to, kind=kind)
        message.planned += planned
        if last is not None:
            message.planned_up_to = last
        if found < most:
            message.due_at, message.planned_at = None, now
        message.save(update_fields=["planned", "planned_up_to", "due_at", "planned_at"])
        transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return max(planned, 1)


def _plan(
    message: Message, now: datetime, most: int, *, after: int, kind: Update.Kind, only: list[int] | None = None
) -> tuple[int, int | None, int]:
    """(planned, the last contact point looked at, how many were looked at)."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[kind], {**_values(message, now), "after": after, "only": only, "most": most})
        return cursor.fetchone()


def _values(message: Message, now: datetime) -> dict[str, Any]:
    return {
        "cells": json.dumps(message.audience["cells"]),
        "level": message.audience["level"],
        "bracket": message.bracket_id,
        "message": message.pk,
        "all": message.update.kind != Update.Kind.PROGRESS,
        "content": message.content_id,
        "first": message.bracket.messages.order_by("pk").values_list("content", flat=True).first(),
        "now": now,
    }


def audience_of(message: Message, now: datetime) -> dict[str, int]:
    """How many contact points this message is for, by medium, as things are now."""
    statement = COUNTS[Update.Kind(message.update.kind)]
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(message, now))
        return dict(cursor.fetchall())


def catch_up(point_ids: list[int], *, now: datetime) -> int:
    """Who subscribes while an outage goes on gets the state as of now: the latest message of each open bracket (B98)."""
    planned = 0
    with transaction.atomic():
        latest = (
            Message.objects.filter(bracket__state="open")  # also one that is half planned: its batches may be past them
            .order_by("bracket_id", "-pk")
            .distinct("bracket_id")
            .select_related("update", "bracket")
        )
        for message in latest:
            # As if it were the announcement: whoever matches is told.
            kind, only = Update.Kind.ANNOUNCEMENT, point_ids
            planned += _plan(message, now, len(point_ids), after=0, kind=kind, only=only)[0]
        if planned:
            transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return planned
