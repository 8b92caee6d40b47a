"""Messages to subscribers that are not about outages: requests to confirm, links to manage, suspended webhooks.

They are sent as deliveries, like all other messages.
"""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.template.loader import render_to_string

from dispatching import alarms
from dispatching.contact import links as contact_links
from dispatching.models import ContactPoint, Delivery
from schedules.models import User
from stakeholders.models import StakeholderGroup, Subscription
from stakeholders.subscriptions import addresses, links, quota, sms_limits

DAY = timedelta(days=1)
AGAIN = 3  # questions a day to an address that has said yes before


def ask_to_confirm(
    point: ContactPoint, groups: list[StakeholderGroup], *, now: datetime, invited_by: User | None = None
) -> None:
    """Sends the only message that an unconfirmed address gets: at most one a day, however often it is asked for (P1).

    An address that is confirmed already is asked up to three times a day, because its owner may well want more groups.
    """
    if not (_may("again", point, now, AGAIN) if point.verified else _may("confirm", point, now)):
        return
    # No person reads what a webhook gets: the receiver confirms by answering with the challenge. The link works, too.
    asks = {"kind": "confirm", "challenge": secrets.token_urlsafe(24)} if point.channel == "webhook" else {}
    words = {"groups": groups, "invited_by": invited_by, "not_me": links.url("not_me", point), **asks}
    if point.channel == "sms":
        subject, template, url = "Messages about outages?", "messages/confirm_sms.txt", links.short("confirm", point)
    else:
        subject, template = "Please confirm your subscription", "messages/confirm.txt"
        url = links.url("confirm", point)
    _post(point, subject, template, words | {"url": url}, url=url, now=now, **asks)


def send_link(point: ContactPoint, *, now: datetime, what: str = "link") -> None:
    """Sends the link to the page where everything can be changed; at most one a day for each reason `what`."""
    if not _may(what, point, now):
        return
    url = contact_links.url("manage", point)
    template = "messages/manage_sms.txt" if point.channel == "sms" else "messages/manage.txt"
    active = point.subscriptions.exclude(state=Subscription.State.ENDED).exists()
    _post(point, "Your subscriptions", template, {"url": url, "active": active}, url=url, now=now)


def welcome(point: ContactPoint, groups: list[StakeholderGroup], *, now: datetime) -> None:
    """Sends a mail that says what was subscribed to, so that the link to change it is in the mailbox before the first outage."""
    if point.channel == "email" and _may("welcome", point, now, AGAIN):
        url = contact_links.url("manage", point)
        _post(point, "You are subscribed", "messages/welcome.txt", {"groups": groups, "url": url}, url=url, now=now)


def tell_suspended(point: ContactPoint, *, now: datetime) -> None:
    """Tells the owner of a suspended webhook through another of their contact points, at most once a day.

    Without another one, only operators see it.
    """
    others = ContactPoint.objects.usable().filter(recipient=point.recipient_id).exclude(channel=point.channel)
    if (other := others.order_by("pk").first()) and _may("suspended", point, now):
        url = contact_links.url("manage", point)
        words = {"point": point, "url": url}
        _post(other, "Your webhook gets no more messages", "messages/suspended.txt", words, url=url, now=now)


def _may(what: str, point: ContactPoint, now: datetime, most: int = 1) -> bool:
    if not quota.take(what, addresses.mailbox(point.channel, point.address), most, span=DAY, now=now):
        return False
    return point.channel != "sms" or sms_limits.take(point.address, now=now)


def _post(
    point: ContactPoint, subject: str, template: str, words: dict, *, url: str, now: datetime, **data: str
) -> None:
    body = render_to_string(template, words)
    Delivery.objects.create(
        queue=Delivery.Queue.BULK,
        contact_point=point,
        channel=point.channel,
        recipient_name=point.recipient.name[:150],
        subject=subject,
        body=body,
        data={"kind": "notice", "title": subject, "body": body, "url": url, **data},
        asks_to_confirm=True,
        created_at=now,
        due_at=now,
        expires_at=now + timedelta(seconds=links.AGE),
    )
    transaction.on_commit(lambda: alarms.ring_sending(Delivery.Queue.BULK.value))
