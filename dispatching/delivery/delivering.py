"""Sends the deliveries of the outbox: claim (commit), send, record (commit). Knows nothing about alerts.

A claim takes a lease and a new attempt number. A sender with an older number is fenced off: it neither calls the
provider nor records. While a delivery is being sent, `Delivery.due_at` is the end of the lease.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, QuerySet, Value, When

from dispatching import channels
from dispatching.channels import ChannelError, Envelope
from dispatching.channels.shared_words import Letter
from dispatching.channels.text import one_line
from dispatching.contact import links as contact_links
from dispatching.delivery import media
from dispatching.models import Attempt, ContactPoint, Content, Delivery
from dispatching.rules.contact import retry_after, retry_patiently

log = structlog.get_logger(__name__)
State, Outcome = Delivery.State, Attempt.Outcome

MAX_ATTEMPTS = 6  # for deliveries without an expiry
SILENT = "the sender said nothing until its lease ended"

CLAIM = """
WITH picked AS (
    SELECT id, state FROM dispatching_delivery
    WHERE queue = %(queue)s AND due_at <= %(now)s AND state IN ('pending', 'sending') AND {only}
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE dispatching_delivery AS delivery
SET state = 'sending', attempt = attempt + 1, due_at = %(lease_until)s
FROM picked WHERE delivery.id = picked.id
RETURNING delivery.id, delivery.attempt, picked.state = 'sending'
"""
# Waiting deliveries with shared words are sent in batches (see `batching`), but not after their sender has died.
CLAIM_NEXT = CLAIM.format(only="(content_id IS NULL OR state = 'sending')")
CLAIM_ONE = CLAIM.format(only="id = %(id)s AND attempt = %(attempt)s")

SEEN = (
    *("id", "key", "attempt", "state", "due_at", "cancelled_at", "sent_at", "receipt", "reason", "channel", "address"),
    *("recipient_name", "subject", "body", "data", "expires_at", "asks_to_confirm", "content_id", "queue"),
)
POINT = ("id", "address", "verified", "disabled_reason", "link_version", "from_outside")
LOOK = f"""
SELECT {", ".join(f"delivery.{name}" for name in SEEN)}, {", ".join(f"point.{name}" for name in POINT)}
FROM dispatching_delivery delivery LEFT JOIN dispatching_contactpoint point ON point.id = delivery.contact_point_id
WHERE delivery.state = 'sending' AND
"""
LOOK_AT_ONE = LOOK + "delivery.id = %(id)s AND delivery.attempt = %(attempt)s"
RECORDED = ("id", "attempt", "state", "due_at", "sent_at", "receipt", "address", "reason")
# The first message that gets out after a failure makes the pages due that have waited since the medium was away: they do not wait
# for the end of their pause.
RECORD = f"""
WITH recorded AS (
    UPDATE dispatching_delivery SET state = %(state)s, due_at = %(due_at)s, sent_at = %(sent_at)s, receipt = %(receipt)s,
        address = %(address)s, reason = %(reason)s
    WHERE id = %(id)s AND attempt = %(attempt)s AND state = 'sending' RETURNING id
), tried AS (
    INSERT INTO dispatching_attempt (delivery_id, number, at, outcome, reason)
    SELECT id, %(attempt)s, %(now)s::timestamptz, %(outcome)s::text, %(why)s::text
    FROM recorded WHERE %(outcome)s::text IS NOT NULL
), worked AS ({media.WORKED}), waited AS (
    UPDATE dispatching_delivery held SET due_at = %(now)s::timestamptz
    WHERE held.queue = 'page' AND held.state = 'pending' AND held.due_at > %(now)s::timestamptz
        AND held.channel = (SELECT channel FROM worked) AND EXISTS (
            SELECT FROM dispatching_attempt failed
            WHERE failed.delivery_id = held.id AND failed.number = held.attempt AND failed.outcome = 'away'
        )
)
SELECT id FROM recorded
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make attempt number `attempt`; `takeover` if the previous sender let its lease run out."""

    delivery_id: int
    attempt: int
    takeover: bool


def claim_next(queue: str, *, now: datetime) -> Claim | None:
    """Claims the delivery that has been due longest, for one lease, skipping locked rows; None if there is none."""
    return _claim(CLAIM_NEXT, queue=queue, now=now)


def claim(delivery_id: int, attempt: int, queue: str, *, now: datetime) -> Claim | None:
    """Claims this delivery if it is due and has not been attempted since `attempt`; otherwise returns None."""
    return _claim(CLAIM_ONE, queue=queue, now=now, id=delivery_id, attempt=attempt)


def _claim(statement: str, *, now: datetime, **values: Any) -> Claim | None:
    lease_until = now + timedelta(seconds=settings.LEASE_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"now": now, "lease_until": lease_until, **values})
        row = cursor.fetchone()
    return Claim(*row) if row else None


def deliver(claim: Claim, *, now: datetime) -> Delivery | None:
    """Hands a claimed delivery to its provider and records the outcome; None if another attempt has overtaken it."""
    if claim.takeover:
        _note_unknown(claim, now=now)
    delivery = _last_look(claim)
    if delivery is None:
        log.info("attempt_overtaken", delivery=claim.delivery_id, attempt=claim.attempt)
        return None
    return _record(delivery, try_to_send(delivery, now=now), now=now)


def try_to_send(delivery: Delivery, *, now: datetime) -> dict[str, Any]:
    """Hands a delivery that was just loaded to its provider, unless there is a reason not to.

    Returns the values to record: the fields that change, and the `outcome` of the attempt, None if there was no attempt.
    """
    if delivery.cancelled_at:
        return {"outcome": None, "state": State.SUPPRESSED, "due_at": None}
    if delivery.expires_at and delivery.expires_at <= now:
        return {"outcome": None, "state": State.SUPPRESSED, "due_at": None, "reason": "too late to be of use"}
    if delivery.attempt > MAX_ATTEMPTS and _kills(delivery):
        # Its senders have died each time. Whatever the cause is, it must not go on for ever (faults A16).
        return _end(State.DEAD, "no sender has survived it", now=now)
    if objection := _objection(delivery):
        return _end(State.FAILED, objection, now=now, outcome=Outcome.PERMANENT)
    return _call(delivery, now=now)


def _last_look(claim: Claim) -> Delivery | None:
    """The delivery as it is just before the call; None if this attempt is no longer the latest one (faults A13, A18)."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK_AT_ONE, {"id": claim.delivery_id, "attempt": claim.attempt})
        row = cursor.fetchone()
    return seen(row) if row else None


def seen(row: tuple) -> Delivery:
    """A row of LOOK as a delivery with its contact point."""
    values = dict(zip(SEEN, row, strict=False))
    point = ContactPoint(**dict(zip(POINT, row[len(SEEN) :], strict=True)))
    return Delivery(**values | {"data": json.loads(values["data"]), "contact_point": point if point.pk else None})


def _note_unknown(claim: Claim, *, now: datetime) -> None:
    Attempt.objects.bulk_create(
        [
            Attempt(
                delivery_id=claim.delivery_id, number=claim.attempt - 1, at=now, outcome=Outcome.UNKNOWN, reason=SILENT
            )
        ],
        ignore_conflicts=True,
    )


def _kills(delivery: Delivery) -> bool:
    """Whether more than MAX_ATTEMPTS senders have died. With an expiry, attempts on record whose sender survived do not count."""
    if delivery.expires_at is None:
        return True
    told = delivery.attempts.exclude(reason=SILENT).count()
    return delivery.attempt - told > MAX_ATTEMPTS


def _call(delivery: Delivery, *, now: datetime) -> dict[str, Any]:
    try:
        receipt = channels.get(delivery.channel).send(envelope(delivery, at=now))
    except ChannelError as error:
        return _failed(delivery, error, now=now)
    except Exception as error:  # deliberately broad: a fault in one channel must not stop the others
        log.exception("channel_fault", delivery=delivery.pk, channel=delivery.channel)
        return _failed(delivery, ChannelError(f"unexpected: {type(error).__name__}"), now=now)
    return _sent(delivery, receipt, now=now)


def _objection(delivery: Delivery) -> str:
    """The reason why the contact point cannot be used as it is now; empty if it can (faults F7)."""
    point = delivery.contact_point
    if point is None:
        return "the contact point was deleted"
    if not point.verified and not delivery.asks_to_confirm:
        return "the contact point is no longer verified"
    return f"the contact point is disabled: {point.disabled_reason}" if point.disabled_reason else ""


def envelope(delivery: Delivery, *, at: datetime) -> Envelope:
    assert delivery.contact_point
    addressed = partial(
        Envelope,
        key=delivery.key.hex,
        address=delivery.contact_point.address,
        recipient=delivery.recipient_name,
        at=at,
        outside=delivery.contact_point.from_outside,
    )
    if delivery.content_id is None:
        data = {"id": delivery.key.hex, **delivery.data}
        return addressed(subject=delivery.subject, own_body=delivery.body, data=data)
    content = _content(delivery.content_id)
    letter = _letter(content, delivery)
    urls = {"url": letter.links.get("manage", ""), "unsubscribe_url": letter.links.get("unsubscribe", "")}
    data = {"id": delivery.key.hex, **content.data, **urls}
    leave = contact_links.mail_token(delivery.contact_point)
    return addressed(subject=content.subject, data=data, letter=letter, leave=leave)


@lru_cache(16)
def _content(content_id: int) -> Content:
    """The content with this id, cached, because its words are finished and never change."""
    return Content.objects.get(pk=content_id)


def _letter(content: Content, delivery: Delivery) -> Letter:
    point = delivery.contact_point
    assert point
    links = {name: contact_links.url(name, point) for name in content.links}
    after = (delivery.data.get("after") or "").replace("-", "")
    return Letter(content, tuple(delivery.data.get("parts", ())), links, after, delivery.data.get("zone") or "")


def _sent(delivery: Delivery, receipt: str, *, now: datetime) -> dict[str, Any]:
    assert delivery.contact_point
    return {
        "outcome": Outcome.ACCEPTED,
        "state": State.SENT,
        "due_at": None,
        "sent_at": now,
        "receipt": receipt[:255],
        "address": delivery.contact_point.address,
        "reason": "",
    }


def _failed(delivery: Delivery, error: ChannelError, *, now: datetime) -> dict[str, Any]:
    reason, outcome = str(error)[:250], error.outcome
    # If the provider accepts nothing, a delivery with an expiry waits until that is fixed; a page moves on to the next
    # contact point.
    if error.final and not (outcome == Outcome.AWAY and delivery.expires_at):
        return _end(State.FAILED, reason, now=now, outcome=outcome)
    if delivery.expires_at:
        spread = delivery.key.int % 1000 / 1000
        due_at = now + retry_patiently(delivery.attempt, spread=spread, hint=error.retry_after)
        over = due_at >= delivery.expires_at
    else:
        due_at = now + retry_after(delivery.attempt, hint=error.retry_after)
        over = delivery.attempt >= MAX_ATTEMPTS
    if over:
        return _end(State.FAILED, f"{reason} (after {delivery.attempt} tries)", now=now, outcome=outcome)
    return {"outcome": outcome, "state": State.PENDING, "due_at": due_at, "reason": reason}


def _end(state: str, reason: str, *, now: datetime, outcome: str = Outcome.UNKNOWN) -> dict[str, Any]:
    # Due now, because a final failure has to be followed up by the code that knows why this was sent.
    return {"outcome": outcome, "state": state, "due_at": now, "reason": reason}


def _record(delivery: Delivery, result: dict[str, Any], *, now: datetime) -> Delivery | None:
    """Writes the outcome in one statement. If a newer attempt has taken over, writes nothing and returns None."""
    for name in result.keys() - {"outcome"}:
        setattr(delivery, name, result[name])
    if media.at_fault(result["outcome"], delivery.queue):
        media.failed(delivery.channel, now=now)
    row = {name: getattr(delivery, name) for name in (*RECORDED, "channel")}
    with connection.cursor() as cursor:
        cursor.execute(RECORD, row | {"now": now, "outcome": result["outcome"], "why": result.get("reason", "")})
        if cursor.fetchone():
            return delivery
    log.info("attempt_overtaken", delivery=delivery.pk, attempt=delivery.attempt)
    return None


def returned(delivery: Delivery, outcome: str, words: str, *, now: datetime) -> bool:
    """Marks a delivery that the provider had accepted and then returned as failed, so that it is followed up.

    `outcome`: GONE if there is no such address, TEMPORARY if the provider gave up for now, otherwise PERMANENT.
    Returns False if the delivery is in a state in which it cannot be returned.
    """
    reason = one_line(f"returned: {words}", 250)
    with transaction.atomic():
        # Some are returned before their batch has been recorded; the new attempt number then fences off that record.
        accepted = Delivery.objects.filter(pk=delivery.pk, state__in=(State.SENDING, State.SENT, State.DELIVERED))
        if not accepted.update(state=State.FAILED, reason=reason, due_at=now, attempt=F("attempt") + 1):
            return False
        number = Delivery.objects.values_list("attempt", flat=True).get(pk=delivery.pk)
        Attempt.objects.create(delivery_id=delivery.pk, number=number, at=now, outcome=outcome, reason=reason)
    return True


def arrived(delivery: Delivery) -> None:
    """Marks a sent delivery as delivered by its provider."""
    Delivery.objects.filter(pk=delivery.pk, state=State.SENT).update(state=State.DELIVERED)


def suppress(deliveries: Iterable[int] | QuerySet[Delivery, Any], reason: str, *, now: datetime) -> int:
    """Stops these deliveries: a waiting one ends here, one that is being sent is stopped before its call. Returns how many."""
    # One statement, because between two a delivery could change its state and slip through.
    return (
        Delivery.objects.live()
        .filter(pk__in=deliveries)
        .update(
            due_at=Case(When(state=State.PENDING, then=Value(None)), default=F("due_at")),
            state=Case(When(state=State.PENDING, then=Value(State.SUPPRESSED)), default=F("state")),
            reason=reason,
            cancelled_at=now,
        )
    )
