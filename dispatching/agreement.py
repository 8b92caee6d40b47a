"""Finds out whether all processes have the same settings where they must: a worker without the mail server would lose pages.

Each worker writes a fingerprint of every shared setting into the database, keyed with SECRET_KEY, so that no value can be read
or guessed from it. Every process compares the others with its own.
"""

import os
import socket
from datetime import datetime

from django.conf import settings
from django.utils.crypto import salted_hmac

from dispatching.models import PROCESS_AGE, Process

SHARED = (
    *("SECRET_KEY", "PUBLIC_URL", "CELERY_BROKER_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL", "REPLY_TO", "BOUNCE_ADDRESS"),
    *("UNSUBSCRIBE_ADDRESS", "INBOUND_SECRET", "INBOUND_SIGNING_SECRET", "SOFT_BOUNCES", "SOFT_BOUNCE_DAYS"),
    *("WEBHOOK_ALLOW_PRIVATE", "WEBHOOK_SIGNING_SECRET", "SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN", "SMS_SENDER"),
    *("SMS_COUNTRIES", "SMS_PER_HOUR", "SMS_PER_DAY", "VAPID_PRIVATE_KEY", "PUSH_SERVICES", "FORMS_PER_NETWORK"),
    "FORMS_IN_ALL",
)


def fingerprints() -> dict[str, str]:
    """The fingerprint of each shared setting of this process. With another SECRET_KEY all of them are different."""
    return {name: _fingerprint(name) for name in SHARED}


def _fingerprint(name: str) -> str:
    # The key itself goes in as the key of the hash, not as its text.
    value = "" if name == "SECRET_KEY" else repr(getattr(settings, name))
    return salted_hmac(f"tocsin.shared.{name}", value, algorithm="sha256").hexdigest()[:16]


def report(now: datetime) -> None:
    """Writes down that this worker runs, and with which settings; forgets the ones that have ended."""
    name = f"{socket.gethostname()[:150]}/{os.getpid()}"
    Process.objects.bulk_create(
        [Process(name=name, seen_at=now, settings=fingerprints())],
        update_conflicts=True,
        unique_fields=["name"],
        update_fields=["seen_at", "settings"],
    )
    Process.objects.filter(seen_at__lt=now - 5 * PROCESS_AGE).delete()


def differing(now: datetime) -> list[str]:
    """The names of the settings in which a running worker differs from this process."""
    ours, names = fingerprints(), set()
    for theirs in Process.objects.running(now).values_list("settings", flat=True):
        if theirs.get("SECRET_KEY") != ours["SECRET_KEY"]:
            names.add("SECRET_KEY")  # nothing else can be compared then
        else:
            names |= {name for name in SHARED if theirs.get(name) != ours[name]}
    return [name for name in SHARED if name in names]
