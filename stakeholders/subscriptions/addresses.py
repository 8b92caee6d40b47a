"""The address of a subscriber: its contact point, whether it may be written to, and how it is erased."""

from datetime import datetime

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from dispatching import channels
from dispatching.channels import ChannelError
from dispatching.delivery import delivering
from dispatching.models import Attempt, ContactPoint, Delivery, Recipient
from stakeholders.models import SignUp, Suppression
from stakeholders.subscriptions import sms_limits

SOMEBODY = "a subscriber"
GONE, ERASED = "erased", "the address was erased"


def clean(channel: str, address: str) -> str:
    """Returns an address that somebody outside may use, in its normal form; raises ValidationError with a sentence if it is none."""
    try:
        cleaned = channels.get(channel).clean_outside_address(address)
    except ChannelError as error:
        raise ValidationError(str(error)) from None
    sms_limits.check(channel, cleaned)
    return cleaned


def hashes(channel: str, address: str) -> list[str]:
    """Returns the keyed hashes of an address: first with the current key, then with the earlier ones."""
    value = f"{channel}:{address.strip().lower()}"
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac("tocsin.address", value, secret=key, algorithm="sha256").hexdigest() for key in keys]


def mailbox(channel: str, address: str) -> str:
    """Returns the key by which limits count: addresses that differ only by a tag (name+tag@…) are one mailbox."""
    local, at, domain = address.strip().lower().rpartition("@")
    return f"{channel}:{local.partition('+')[0]}{at}{domain}"


def lock(channel: str, address: str) -> None:
    """Takes an advisory lock on this address until the end of the transaction."""
    number = int(hashes(channel, address)[0][:15], 16)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def suppressed(channel: str, address: str) -> bool:
    return Suppression.objects.filter(address_hash__in=hashes(channel, address)).exists()


def suppress(channel: str, address: str, reason: Suppression.Reason, *, now: datetime) -> None:
    """Records that the address must not be written to, whoever enters it. If there is already a reason, it stays."""
    Suppression.objects.get_or_create(address_hash=hashes(channel, address)[0], defaults={"reason": reason, "at": now})


def points(channel: str, address: str) -> QuerySet[ContactPoint]:
    """Returns the contact points with this address that may have subscriptions, verified ones first.

    A contact point of a person with a login counts only if it is verified, because confirming a subscription must not make it one
    for pages.
    """
    usable = Q(recipient__user=None) | Q(recipient__user__is_active=True, verified=True)
    contacts = ContactPoint.objects.filter(usable, channel=channel, address__iexact=address)
    return contacts.select_related("recipient__user").order_by("-verified", "pk")


def point_for(channel: str, address: str) -> ContactPoint:
    """Returns the contact point of this address; if there is none, adds one without a login that is not verified."""
    point = points(channel, address).first()
    if point is None:
        # The name is shown in the ledger to people who may not see the address, so it must not be the address.
        recipient = Recipient.objects.create(display_name="a browser" if channel == "push" else SOMEBODY)
        point = ContactPoint.objects.create(recipient=recipient, channel=channel, address=address, from_outside=True)
    return point


def blank(point: ContactPoint, *, now: datetime) -> None:
    """Removes the address from all records about it; the rows stay, so that counts stay correct."""
    address = point.address
    deliveries = Delivery.objects.filter(contact_point=point)
    delivering.suppress(deliveries.values("pk"), GONE, now=now)
    # Content for this person alone (links, their name) is removed; content shared with others contains no address.
    deliveries.filter(content=None).update(subject=GONE, body=GONE, data={})
    deliveries.update(address="", recipient_name=GONE)
    deliveries.filter(receipt__icontains=address).update(receipt=GONE)
    deliveries.filter(reason__icontains=address).update(reason=GONE)
    Attempt.objects.filter(delivery__contact_point=point, reason__icontains=address).update(reason=GONE)
    SignUp.objects.filter(channel=point.channel, address__iexact=address).delete()
    LogEntry.objects.filter(object_repr__icontains=address).update(object_repr=GONE)
    LogEntry.objects.filter(change_message__icontains=address).update(change_message=GONE)
    Recipient.objects.filter(pk=point.recipient_id).update(display_name=GONE)
    ContactPoint.objects.filter(pk=point.pk).update(
        address=f"{GONE}-{point.pk}", verified=False, disabled_reason=ERASED
    )
