"""Plans the batches of a message: each transaction looks at some thousand contact points and continues where the last one ended.

The audience (cells and groups) is decided when the message is made; contact points that have left since then are left out.
"""

import json
from datetime import datetime
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Subquery

from dispatching import alarms, parking
from dispatching.delivery import batching
from dispatching.models import Batch, ContactPoint, Delivery
from schedules.models import User
from stakeholders.groups.audience import LEFT, MEMBERS
from stakeholders.models import Message, Update
from stakeholders.rules.languages import DEFAULT

log = structlog.get_logger(__name__)
PART = 10_000  # contact points that a transaction looks at

# The contact points that have been told anything in these brackets, or are about to be, and have not left since (B35, B97, B99).
TOLD = """
SELECT DISTINCT told.contact_point_id, subscription.group_id, subscription.kinds
FROM stakeholders_message earlier CROSS JOIN LATERAL (
    SELECT contact_point_id, data FROM dispatching_delivery
    WHERE content_id = earlier.content_id AND state <> 'suppressed'
        AND contact_point_id > %(after)s AND contact_point_id <= %(upto)s
    UNION ALL SELECT point, data FROM dispatching_batch CROSS JOIN unnest(contact_points) point
    WHERE content_id = earlier.content_id AND point > %(after)s AND point <= %(upto)s
) told JOIN stakeholders_subscription subscription ON subscription.contact_point_id = told.contact_point_id
    AND subscription.state = 'active' AND told.data->'parts' ? subscription.group_id::text
WHERE {within}
"""
# Those of the message's own bracket.
STILL = TOLD.format(within="earlier.bracket_id = %(bracket)s AND earlier.id < %(message)s")
# Those of the rings inside its own: somebody in two rings is told by the inner one.
INNER = TOLD.format(
    within="""earlier.bracket_id IN (
        SELECT inside.id FROM stakeholders_bracket inside JOIN stakeholders_stakeholderring ring ON ring.id = inside.ring_id
        WHERE inside.outage_id = %(outage)s AND ring.number < %(number)s
    )"""
)
# The contact points that match now.
MATCHING = f"""{MEMBERS} AND subscription.contact_point_id > %(after)s AND subscription.contact_point_id <= %(upto)s
    AND point.id > %(after)s AND point.id <= %(upto)s"""

# A message in a language other than the default is for the people who chose that language. Nobody gets two messages of one
# update, not even a late subscriber for whom one was planned before: the message in the default language is planned last,
# for contact points that have none by then. So a person who changes the language in between is told once.
SPOKEN = f"""
(%(language)s::text IS NULL OR EXISTS (
    SELECT FROM dispatching_contactpoint own JOIN stakeholders_subscriber chosen USING (recipient_id)
    WHERE own.id = wanted.contact_point_id AND chosen.language = %(language)s
)) AND wanted.contact_point_id NOT IN (
    SELECT told.contact_point_id FROM stakeholders_message said JOIN dispatching_delivery told USING (content_id)
    WHERE said.update_id = %(update)s AND told.contact_point_id > %(after)s AND told.contact_point_id <= %(upto)s
    UNION ALL SELECT point
    FROM stakeholders_message said JOIN dispatching_batch USING (content_id) CROSS JOIN unnest(contact_points) point
    WHERE said.update_id = %(update)s AND point > %(after)s AND point <= %(upto)s
    UNION ALL SELECT contact_point_id FROM ({INNER}) inner_ring
)
"""

# If `now` is within a recipient's quiet hours, in the recipient's time zone, the delivery is due when they end.
DUE = """
CASE WHEN quiet_from < quiet_until AND wall::time >= quiet_from AND wall::time < quiet_until
        THEN (wall::date + quiet_until) AT TIME ZONE zone
    WHEN quiet_from > quiet_until AND wall::time >= quiet_from THEN (wall::date + 1 + quiet_until) AT TIME ZONE zone
    WHEN quiet_from > quiet_until AND wall::time < quiet_until THEN (wall::date + quiet_until) AT TIME ZONE zone
    ELSE %(now)s END
"""

# The next contact points to look at, told or not, so that a transaction reads only its own part of every table; for a message in
# a language other than the default, only those of people who chose it.
RANGE = """
SELECT count(*), max(id) FROM (
    SELECT id FROM dispatching_contactpoint WHERE id > %(after)s AND (%(language)s::text IS NULL OR recipient_id IN (
        SELECT recipient_id FROM stakeholders_subscriber WHERE language = %(language)s
    )) ORDER BY id LIMIT %(most)s
) part
"""

# Inserts batches of contact points that get the same passages at the same time on the same clock; returns how many contact
# points that is. The clock is that of the subscriber's settings or else of the person's login; UTC is not said.
PLAN = """
WITH told AS (
    SELECT contact_point_id AS id, array_agg(group_id ORDER BY group_id) AS groups
    FROM ({wanted}) wanted WHERE (%(all)s OR kinds = 'all')
        AND (%(only)s::bigint[] IS NULL OR contact_point_id = ANY(%(only)s))
        AND {spoken}
    GROUP BY contact_point_id
), ready AS (
    SELECT id, groups, {due} AS due_at, nullif(coalesce(zone, home), 'UTC') AS clock
    FROM told JOIN dispatching_contactpoint point USING (id)
    LEFT JOIN (
        SELECT recipient_id, quiet_from, quiet_until, time_zone AS zone, %(now)s AT TIME ZONE time_zone AS wall
        FROM stakeholders_subscriber
    ) quiet USING (recipient_id) LEFT JOIN (
        SELECT own.id AS recipient_id, person.time_zone AS home
        FROM dispatching_recipient own JOIN schedules_user person ON person.id = own.user_id WHERE person.time_zone <> 'UTC'
    ) login USING (recipient_id)
    WHERE point.verified AND point.disabled_reason = '' AND point.recipient_id NOT IN ({left})
), numbered AS (
    SELECT *, (row_number() OVER (PARTITION BY groups, due_at, clock ORDER BY id) - 1) / %(size)s AS number FROM ready
), planned AS (
    INSERT INTO dispatching_batch (content_id, contact_points, data, due_at)
    SELECT %(content)s, array_agg(id ORDER BY id),
        jsonb_strip_nulls(jsonb_build_object('parts', groups::text[], 'zone', clock)), due_at
    FROM numbered GROUP BY groups, due_at, clock, number ORDER BY min(id)
    RETURNING cardinality(contact_points) AS size
)
SELECT coalesce(sum(size), 0) FROM planned
"""
AUDIENCES = {
    Update.Kind.ANNOUNCEMENT: MATCHING,
    Update.Kind.PROGRESS: f"{STILL} UNION {MATCHING}",
    Update.Kind.END: STILL,
    Update.Kind.CORRECTION: STILL,
}
# What tells the present, so that an earlier message that still waits, for the end of quiet hours, is no longer needed.
SUCCEED = (Update.Kind.PROGRESS, Update.Kind.END)
REPLACED = "a later message was sent before this one was due"
COUNT = """
SELECT channel, count(DISTINCT contact_point_id) FROM ({wanted}) wanted
JOIN dispatching_contactpoint point ON point.id = contact_point_id
WHERE point.verified AND point.disabled_reason = '' AND point.recipient_id NOT IN ({left})
    AND (%(all)s OR kinds = 'all') AND {spoken} GROUP BY channel
"""
COUNTS = {kind: COUNT.format(wanted=wanted, spoken=SPOKEN, left=LEFT) for kind, wanted in AUDIENCES.items()}
STATEMENTS = {kind: PLAN.format(wanted=wanted, due=DUE, spoken=SPOKEN, left=LEFT) for kind, wanted in AUDIENCES.items()}


# A transaction that plans a part holds this lock exclusively, so that no subscription changes while it reads and writes.
LOCK = 8_701
LAST = 2**63 - 1  # the highest possible id


def hold() -> None:
    """Waits until running plans have been written, and keeps others from planning until the end of the transaction (P8).

    Takes a shared advisory lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])


def _hold_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def plan_due(now: datetime, *, most: int = PART) -> bool:
    """Plans a part of the message that has been due the longest, looking at `most` contact points; False if none is due.

    Messages of one outage are planned strictly in the order in which they were made, because the audience of a later one depends
    on who got the earlier ones: the end goes to the people who got the start, the message in the default language to people
    who got no other, and that of a ring to people whom no ring inside it has told.
    """
    earlier = Message.objects.filter(
        bracket__outage=OuterRef("bracket__outage"), pk__lt=OuterRef("pk"), due_at__isnull=False
    )
    rows = parking.Rows("message", now)  # a parked one holds up the later ones of its outage, and no others
    with transaction.atomic():
        due = (
            Message.objects.filter(~Exists(earlier), due_at__lte=now)
            .exclude(pk__in=rows.waiting)
            .order_by("due_at", "pk")
            .select_for_update(of=("self",), skip_locked=True)
        )
        message = due.select_related("update", "bracket__ring").first()
        if message is None:
            return False
        rows.handle(message.pk, _plan_part, message, now, most)
    return True


def _plan_part(message: Message, now: datetime, most: int) -> int:
    """Plans the next part of the message; returns for how many contact points that is."""
    _hold_alone()
    count, upto = _next_range(message, most)
    before = message.planned
    if count:
        message.planned += _plan(message, Update.Kind(message.kind), now, message.planned_up_to, upto)
        message.planned_up_to = upto
    if count < most:
        message.due_at, message.planned_at = None, now
    message.save(update_fields=["planned", "planned_up_to", "due_at", "planned_at"])
    transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return message.planned - before


def _next_range(message: Message, most: int) -> tuple[int, int]:
    """Returns (how many contact points to look at next, the id of the last one)."""
    with connection.cursor() as cursor:
        cursor.execute(RANGE, {"after": message.planned_up_to, "most": most, "language": _chosen(message)})
        return cursor.fetchone()


def _plan(
    message: Message, kind: Update.Kind, now: datetime, after: int, upto: int, *, only: list[int] | None = None
) -> int:
    """Plans the message for its audience among the contact points with ids above `after` and up to `upto`; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[kind], {**_values(message, kind, now), "after": after, "upto": upto, "only": only})
        [planned] = cursor.fetchone()
    if planned and kind in SUCCEED:
        earlier = Message.objects.filter(bracket=message.bracket_id, update__lt=message.update_id)
        batching.replace(list(earlier.values_list("content", flat=True)), by=message.content_id, why=REPLACED, now=now)
    return planned


def _values(message: Message, kind: Update.Kind, now: datetime) -> dict[str, Any]:
    return {
        # Messages from before this key existed were for anybody.
        "cells": json.dumps(message.audience["cells"] if message.audience.get("anybody", True) else []),
        "level": message.audience["level"],
        "update": message.update_id,
        "bracket": message.bracket_id,
        "outage": message.bracket.outage_id,
        "number": message.bracket.ring.number,
        "language": _chosen(message),
        "message": message.pk,
        "all": kind != Update.Kind.PROGRESS,
        "content": message.content_id,
        "size": batching.BATCH,
        "now": now,
    }


def _chosen(message: Message) -> str | None:
    """Returns the language that readers of this message have chosen; None for the default, which everybody else gets."""
    return None if message.language == DEFAULT else message.language


def audience_of(message: Message, now: datetime) -> dict[str, int]:
    """Returns how many contact points this message is for now, by medium.

    The message in the default language counts everybody until the messages in other languages are planned.
    """
    statement = COUNTS[Update.Kind(message.kind)]
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_values(message, Update.Kind(message.kind), now), "after": 0, "upto": LAST})
        return dict(cursor.fetchall())


def catch_up(point_ids: list[int], *, now: datetime) -> int:
    """Plans the latest messages of each open bracket for people who subscribe during an outage (B98); returns how many.

    These are the last announcement or update, which tells the present, and the corrections after it.
    """
    planned = 0
    if not point_ids:
        return planned
    with transaction.atomic():
        present = Message.objects.filter(bracket=OuterRef("bracket")).exclude(kind=Update.Kind.CORRECTION)
        # This includes messages that are partly planned, because planning may already have passed these contact points.
        newest = Subquery(present.order_by("-pk").values("update")[:1])
        latest = Message.objects.filter(bracket__state="open", update__gte=newest).order_by("pk")
        for message in latest.select_related("update", "bracket__ring"):
            # Planned like an announcement, which goes to every contact point that matches.
            first, last = min(point_ids) - 1, max(point_ids)
            planned += _plan(message, Update.Kind.ANNOUNCEMENT, now, first, last, only=point_ids)
        if planned:
            transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return planned


def reached(update: Update, user: User, now: datetime) -> bool:
    """Whether this person gets the update as a subscriber, without waiting for the end of quiet hours."""
    points = list(ContactPoint.objects.filter(recipient__user=user).values_list("pk", flat=True))
    sent = Delivery.objects.filter(content__message__update=update, contact_point__in=points)
    due = Batch.objects.filter(content__message__update=update, contact_points__overlap=points, due_at__lte=now)
    return sent.exclude(state=Delivery.State.SUPPRESSED).exists() or due.exists()
