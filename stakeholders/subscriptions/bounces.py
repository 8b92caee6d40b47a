"""Handles bounces and other reports of mail servers and providers, complaints, and mails that end subscriptions.

Failures are recorded on their delivery first; `follow_up` then decides what they mean for the address. Nothing that comes back is
ever answered by mail (RFC 3834).
"""

import re
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Count, F, Max, Min

from dispatching.channels.email import tagged_addresses
from dispatching.contact import links
from dispatching.delivery import delivering
from dispatching.inbound import mail as mails
from dispatching.models import Attempt, ContactPoint, Delivery
from dispatching.rules import smtp_reply
from stakeholders.models import Suppression
from stakeholders.subscriptions import confirmations, subscribing

log = structlog.get_logger(__name__)
BOUNCED, COMPLAINED = Suppression.Reason.BOUNCED, Suppression.Reason.COMPLAINED
Outcome = Attempt.Outcome
OUTCOMES = {
    smtp_reply.GONE: Outcome.GONE,
    smtp_reply.MAILBOX: Outcome.TEMPORARY,
    smtp_reply.SERVER: Outcome.TEMPORARY,
    smtp_reply.OURS: Outcome.PERMANENT,
}
PASS = 500  # failures
LATER = timedelta(hours=1)
# The limit for a webhook, as at Statuspage: ten failures in a row over about an hour.
FAILURES, SPAN = 10, timedelta(minutes=45)


# --- incoming mail -----------------------------------------------------------------------------------------------------


def take_mail(raw: bytes, *, to: str = "", now: datetime) -> bool:
    """Handles a mail to one of our mailboxes; `to` is its envelope's recipient, if known. False if there is nothing to do.

    A report counts for the delivery whose own envelope sender it is addressed to, or else for the delivery whose Message-ID it
    quotes. A report to a forged sender is ignored, and so is a report in words only unless it is addressed to such a sender.
    """
    mail = mails.read(raw)
    addressed = (to, *mail.to)
    if point := _leaver(addressed):
        subscribing.leave_everything(point, reason=subscribing.BY_MAIL, now=now)
        return True
    delivery = _reported(addressed, mail) if mail.kind else None
    if delivery is None:
        log.info("mail_ignored", kind=mail.kind or "no report")
        return False
    return take_report(delivery, mail.kind, mail.words, now=now)


def take_report(delivery: Delivery, kind: str, words: str, *, now: datetime) -> bool:
    """Records what was reported about a delivery after it was accepted; False if that changes nothing.

    `kind` is one of `inbound.mail`; `words` are the reason.
    """
    if kind == mails.FAILED:
        address = delivery.address
        reason = re.sub(re.escape(address), "the address", words, flags=re.IGNORECASE) if address else words
        return delivering.returned(delivery, OUTCOMES[smtp_reply.verdict(words, address)], reason, now=now)
    point = _still_there(delivery)
    if kind == mails.DELIVERED:
        delivering.arrived(delivery)
    elif kind == mails.COMPLAINT and point:
        subscribing.suspend(point, COMPLAINED, now=now)
    elif kind == mails.OPT_OUT and point:
        subscribing.leave_everything(point, reason=subscribing.BY_MAIL, now=now)
    return kind != mails.DELAYED


def take_address(address: str, kind: str, *, hard: bool, now: datetime) -> bool:
    """Handles a provider's report about an address instead of a delivery; False if that changes nothing."""
    reason = COMPLAINED if kind == mails.COMPLAINT else BOUNCED
    if reason == BOUNCED and not (kind == mails.FAILED and hard):
        return False
    points = list(ContactPoint.objects.filter(channel="email", address__iexact=address))
    for point in points:
        subscribing.suspend(point, reason, now=now)
    return bool(points)


def delivery_of(message_id: str) -> Delivery | None:
    """Returns the delivery with this Message-ID, in upper or lower case (faults K30); None if there is none."""
    return _by_key(message_id.strip("<> ").lower().partition("@")[0])


def _leaver(addressed: tuple[str, ...]) -> ContactPoint | None:
    for address in addressed:
        if token := tagged_addresses.read(settings.UNSUBSCRIBE_ADDRESS, tagged_addresses.LEAVE, address):
            return links.mail_reader(token)
    return None


def _reported(addressed: tuple[str, ...], mail: mails.Arrived) -> Delivery | None:
    senders = addressed if mail.text else (*addressed, *mail.senders)
    tags = (tagged_addresses.read(settings.BOUNCE_ADDRESS, tagged_addresses.BOUNCE, sender) for sender in senders)
    keys = [key for key in tags if key is not None]
    if keys or mail.text:
        return _by_key(keys[0]) if keys else None
    return next(filter(None, map(delivery_of, mail.message_ids)), None)


def _by_key(text: str) -> Delivery | None:
    try:
        key = UUID(hex=text)
    except ValueError:
        return None
    return Delivery.objects.select_related("contact_point").filter(key=key).first()


# --- follow-up ---------------------------------------------------------------------------------------------------------


def follow_up(now: datetime) -> int:
    """Checks, for at most PASS outage messages that could not be delivered, whether the address still works; returns how many."""
    lost = Delivery.objects.due(now).filter(state__in=Delivery.LOST, content__isnull=False)
    deliveries = list(lost.select_related("contact_point").order_by("due_at")[:PASS])
    tries = Attempt.objects.filter(delivery__in=deliveries, number=F("delivery__attempt"))
    last = {attempt.delivery_id: attempt for attempt in tries}
    done = []
    for delivery in deliveries:
        try:
            _look_at(delivery, last.get(delivery.pk), now=now)
            done.append(delivery.pk)
        except Exception:  # one that cannot be handled must not hold up the others (faults A15)
            log.exception("failure_parked", delivery=delivery.pk)
            Delivery.objects.filter(pk=delivery.pk, state__in=Delivery.LOST).update(due_at=now + LATER)
    Delivery.objects.filter(pk__in=done, state__in=Delivery.LOST).update(due_at=None)
    return len(deliveries)


def _look_at(delivery: Delivery, attempt: Attempt | None, *, now: datetime) -> None:
    point = _still_there(delivery)
    if point is None or attempt is None or point.disabled_reason or delivery.state != Delivery.State.FAILED:
        return
    if attempt.outcome == Outcome.GONE:
        subscribing.suspend(point, BOUNCED, now=now)
    elif point.channel == "webhook":
        if _fails_for_an_hour(point, now):
            subscribing.suspend(point, BOUNCED, now=now)
            confirmations.tell_suspended(point, now=now)
    elif point.channel == "email" and _soft(attempt) and _soft_bounces(point, now) >= settings.SOFT_BOUNCES:
        subscribing.suspend(point, BOUNCED, now=now)


def _still_there(delivery: Delivery) -> ContactPoint | None:
    """Returns the delivery's contact point, or None if its address has changed since.

    A delivery that was never accepted has no address on record; its contact point counts, because the refusal is recent.
    """
    point = delivery.contact_point
    return point if point and delivery.address in ("", point.address) else None


def _soft(attempt: Attempt) -> bool:
    """Whether a mail server refused a mail because its mailbox accepts nothing for now."""
    return smtp_reply.verdict(attempt.reason) == smtp_reply.MAILBOX


def _soft_bounces(point: ContactPoint, now: datetime) -> int:
    """Returns on how many days of SOFT_BOUNCE_DAYS a message failed because of the mailbox: it was tried until it expired, or was
    refused, or came back.

    Several messages of one bad day count once.
    """
    since = now - timedelta(days=settings.SOFT_BOUNCE_DAYS)
    tries = Attempt.objects.filter(delivery__contact_point=point, delivery__content__isnull=False, at__gte=since)
    failed = tries.filter(delivery__state=Delivery.State.FAILED, number=F("delivery__attempt"))
    return len({attempt.at.date() for attempt in failed if _soft(attempt)})


def _fails_for_an_hour(point: ContactPoint, now: datetime) -> bool:
    tries = Attempt.objects.filter(delivery__contact_point=point)
    worked = tries.filter(outcome=Outcome.ACCEPTED).aggregate(last=Max("pk"))["last"] or 0
    failed = tries.filter(pk__gt=worked).aggregate(count=Count("pk"), first=Min("at"))
    return failed["count"] >= FAILURES and now - failed["first"] >= SPAN
