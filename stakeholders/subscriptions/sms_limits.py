"""Limits text messages that anyone can request: only to countries that the operator has named, and only so many (P2).

The messages contain a link to a page with a button, not a code that could be guessed (K21).
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError

from stakeholders.models import Subscription
from stakeholders.subscriptions import quota

log = structlog.get_logger(__name__)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SPANS = {"hour": HOUR, "day": DAY}


def self_service() -> bool:
    """Whether people may enter their phone numbers themselves; only if the operator has named countries."""
    return bool(settings.SMS_COUNTRIES)


def check(channel: str, address: str) -> None:
    """Raises ValidationError, with a sentence for the reader, for a phone number in a country that is not served."""
    if channel == "sms" and not _served(address):
        raise ValidationError("We do not send text messages to this country.")


def take(number: str, *, now: datetime) -> bool:
    """Counts one more requested text message; returns False if it must not be sent. Operators are told about reached limits."""
    if not _served(number):
        return False
    limits = _limits()
    for name, span in SPANS.items():
        if not quota.take(f"texts-{name}", "all", limits[name], span=span, now=now):
            log.error("text_messages_stopped", limit=limits[name], span=name)
            return False
    return True


def problems(now: datetime) -> list[str]:
    """Returns sentences for operators if a limit is exceeded now, with how many new numbers of the last day confirmed."""
    limits = _limits()
    full = [
        name for name, span in SPANS.items() if quota.used(f"texts-{name}", "all", span=span, now=now) > limits[name]
    ]
    if not full:
        return []
    asked = Subscription.objects.filter(contact_point__channel="sms", asked_at__gt=now - DAY)
    numbers, said_yes = (
        subscriptions.values("contact_point").distinct().count()
        for subscriptions in (asked, asked.filter(confirmed_at__isnull=False))
    )
    return [
        f"No text messages are sent to new phone numbers at present: more than {limits[name]} were requested within "
        f"one {name} (SMS_PER_{name.upper()}). Of {numbers} new numbers in the last day, {said_yes} confirmed."
        for name in full
    ]


def _served(number: str) -> bool:
    return number.startswith(tuple(settings.SMS_COUNTRIES))


def _limits() -> dict[str, int]:
    return {"hour": settings.SMS_PER_HOUR, "day": settings.SMS_PER_DAY}
