"""Messages to people that are no pages: one delivery each, told once, never in the way of a page."""

from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from dispatching import alarms
from dispatching.alerts import paging
from dispatching.channels.text import one_line
from dispatching.models import ContactPoint, Delivery, Notice, Recipient
from schedules.models import User

UNREACHABLE = "no verified contact point"


def tell(
    user: User,
    key: str,
    kind: Notice.Kind,
    subject: str,
    body: str,
    *,
    now: datetime,
    url: str = "",
    until: datetime | None = None,
) -> Notice | None:
    """Plans one delivery to the first usable contact point of this person's chain; None if `key` was told before.

    Where there is no such contact point, the notice says so and nothing is sent. From `until` on it would be of no use
    and is not sent any more.
    """
    words = {"title": subject, "body": body, "url": url}
    with transaction.atomic():
        [recipient] = paging.reachable(Recipient.objects.filter(pk=recipient_of(user).pk))
        point = next((point for point, _ in paging.links(recipient)), None)
        data = {"kind": "notice", "notice": {"kind": kind, "key": key}, **words, "recipient": recipient.name}
        values = {
            "kind": kind,
            "recipient": recipient,
            "at": now,
            "text": one_line(subject, 500),
            # Made in the savepoint of the notice: if somebody is quicker, there is neither.
            "delivery": partial(_delivery, point, data, now=now, until=until) if point else None,
            "reason": "" if point else UNREACHABLE,
        }
        notice, new = Notice.objects.get_or_create(key=key, defaults=values)
        if new and point:
            transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
    return notice if new else None


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


def recipient_of(user: User) -> Recipient:
    return Recipient.objects.get_or_create(user=user)[0]


def on_call_url() -> str:
    return settings.PUBLIC_URL + reverse("on_call")
