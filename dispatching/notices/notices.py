"""Messages to people other than pages: never sent twice, never delaying a page.

Each goes to the first contact point of the person's chain and, if it fails there, to the next one.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.template.loader import render_to_string

from dispatching import alarms
from dispatching.alerts import paging
from dispatching.channels import spoken
from dispatching.channels.text import one_line
from dispatching.delivery import delivering
from dispatching.models import ContactPoint, Delivery, Notice, Recipient
from schedules.models import User

IMPATIENT = 4  # tries, after about a minute, before the next contact point is used instead


def tell(
    user: User,
    key: str,
    kind: Notice.Kind,
    subject: str,
    context: dict[str, Any],
    *,
    now: datetime,
    url: str = "",
    until: datetime | None = None,
) -> Notice | None:
    """Plans one delivery to the first usable contact point of the person's chain. None if they were told about `key` before.

    The body is made from the template of the kind, with `subject`, `url` and the person's `zone` added to the context. If
    there is no usable contact point, the notice says so and nothing is sent. From `until` on the message would be useless
    and is no longer sent.
    """
    shown = {"subject": subject, "url": url, "zone": user.time_zone, **context}
    words = {"title": subject, "body": render_to_string(f"messages/{kind}.txt", shown), "url": url}
    key = _whole(key, user)
    with transaction.atomic():
        [recipient] = paging.reachable(Recipient.objects.filter(pk=recipient_of(user).pk))
        point = next((point for point, _ in paging.chain_of(recipient)), None)
        data = {"kind": "notice", "notice": {"kind": kind, "key": key}, **words, "recipient": recipient.name}
        values = {
            "kind": kind,
            "recipient": recipient,
            "at": now,
            "text": one_line(subject, 500),
            # Made in the savepoint of the notice: if another process is quicker, neither is made.
            "delivery": partial(_delivery, point, data, now=now, until=until) if point else None,
            "reason": "" if point else paging.unreachable(recipient)[:200],
        }
        notice, new = Notice.objects.get_or_create(key=key, defaults=values)
        if new and point:
            transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return notice if new else None


def fall_back(delivery_id: int, *, now: datetime) -> None:
    """Sends a notice that failed, or still fails after IMPATIENT tries, to the person's next contact point, if there is one.

    Locks the notice's row. Does nothing for deliveries of other messages.
    """
    with transaction.atomic():
        notices = Notice.objects.select_for_update(of=("self",)).select_related("delivery")
        notice = notices.filter(delivery=delivery_id).first()
        failed = notice.delivery if notice else None
        if notice is None or failed is None or (failed.expires_at and failed.expires_at <= now):
            return
        waits = failed.state == Delivery.State.PENDING and failed.attempt >= IMPATIENT
        if not waits and failed.state not in Delivery.LOST:
            return
        tried = {*notice.tried, failed.contact_point_id}
        [recipient] = paging.reachable(Recipient.objects.filter(pk=notice.recipient_id))
        point = next((point for point, _ in paging.chain_of(recipient) if point.pk not in tried), None)
        if point is None:
            return
        delivering.suppress([failed.pk], f"sent by {spoken(point.channel)} instead", now=now)
        notice.tried = sorted(pk for pk in tried if pk)
        notice.delivery = _delivery(point, failed.data, now=now, until=failed.expires_at)
        notice.save(update_fields=["tried", "delivery"])
        transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))


def names(told: Iterable[Notice]) -> str:
    """The people of these notices, for a sentence about who was told."""
    return ", ".join(
        f"{notice.recipient.name}{'' if notice.delivery_id else ' (cannot be reached)'}" for notice in told
    )


def _delivery(point: ContactPoint, data: dict[str, Any], *, now: datetime, until: datetime | None) -> Delivery:
    return Delivery.objects.create(
        queue=Delivery.Queue.BULK,
        contact_point=point,
        channel=point.channel,
        recipient_name=data["recipient"][:150],
        subject=data["title"],
        body=data["body"],
        data=data,
        created_at=now,
        due_at=now,
        expires_at=until,
    )


def untold(due: Iterable[tuple[str, User]]) -> list[tuple[str, User]]:
    """The pairs of key and person that `tell` has not told yet, found in one query."""
    whole = {_whole(key, user): (key, user) for key, user in due}
    told = set(Notice.objects.filter(key__in=whole).values_list("key", flat=True))
    return [pair for key, pair in whole.items() if key not in told]


def _whole(key: str, user: User) -> str:
    return f"{key}/{user.pk}"


def recipient_of(user: User) -> Recipient:
    return Recipient.objects.get_or_create(user=user)[0]
