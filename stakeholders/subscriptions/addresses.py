"""An address: whose it is, whether it may be written to, and how it is forgotten."""

from datetime import datetime

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from dispatching.delivery import delivering
from dispatching.models import Attempt, ContactPoint, Delivery, Recipient
from stakeholders.models import SignUp, Suppression

GONE, ERASED = "erased", "the address was erased"


def hashes(channel: str, address: str) -> list[str]:
    """The keyed hash of an address, first with the key of today, then with those of before."""
    value = f"{channel}:{address.strip().lower()}"
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [salted_hmac("tocsin.address", value, secret=key, algorithm="sha256").hexdigest() for key in keys]


def mailbox(channel: str, address: str) -> str:
    """What the limits count by: with a tag (name+tag@…) it is the same mailbox."""
    local, at, domain = address.strip().lower().rpartition("@")
    return f"{channel}:{local.partition('+')[0]}{at}{domain}"


def lock(channel: str, address: str) -> None:
    """Until the end of the transaction nobody else does anything about this address."""
    number = int(hashes(channel, address)[0][:15], 16)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def suppressed(channel: str, address: str) -> bool:
    return Suppression.objects.filter(address_hash__in=hashes(channel, address)).exists()


def suppress(channel: str, address: str, reason: Suppression.Reason, *, now: datetime) -> None:
    """It is not written to any more, whoever enters it. The first reason stays."""
    Suppression.objects.get_or_create(address_hash=hashes(channel, address)[0], defaults={"reason": reason, "at": now})


def points(channel: str, address: str) -> QuerySet[ContactPoint]:
    """The contact points with this address that subscriptions may hang on; the best one first.

    One of a person with a login counts only if it is verified: confirming a subscription must not make it one for pages.
    """
    usable = Q(recipient__user=None) | Q(recipient__user__is_active=True, verified=True)
    found = ContactPoint.objects.filter(usable, channel=channel, address__iexact=address)
    return found.select_related("recipient__user").order_by("-verified", "pk")


def point_for(channel: str, address: str) -> ContactPoint:
    """The contact point of this address; a new one of somebody without a login, not verified, if there is none."""
    point = points(channel, address).first()
    if point is None:
        name = "a browser" if channel == "push" else address[:150]
        recipient = Recipient.objects.create(display_name=name)
        point = ContactPoint.objects.create(recipient=recipient, channel=channel, address=address)
    return point


def blank(point: ContactPoint, *, now: datetime) -> None:
    """Takes the address out of everything that was ever written about it; the rows stay, so that counts stay true."""
    address = point.address
    deliveries = Delivery.objects.filter(contact_point=point)
    delivering.suppress(deliveries.values("pk"), GONE, now=now)
    # What was written to them alone (links, their name) goes; what is shared with others has no address in it.
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
