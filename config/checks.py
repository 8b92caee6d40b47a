"""System checks of settings, so that wrong ones are reported at start-up and not when an alert has to be sent."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register
def time_outs_shorter_than_leases(**kwargs: Any) -> list[CheckMessage]:
    """Checks that a slow call to a provider ends before its lease does, when others would take it for dead (faults A14)."""
    if settings.PROVIDER_TIMEOUT < settings.LEASE_SECONDS / 2:
        return []
    return [Error("PROVIDER_TIMEOUT must be less than half of LEASE_SECONDS.", id="tocsin.E001")]


@register
def clocks_in_utc(**kwargs: Any) -> list[CheckMessage]:
    if settings.USE_TZ and settings.TIME_ZONE == settings.CELERY_TIMEZONE == "UTC":
        return []
    return [Error("USE_TZ must be on, and TIME_ZONE and CELERY_TIMEZONE must be UTC.", id="tocsin.E002")]


@register
def beat_reads_the_database(**kwargs: Any) -> list[CheckMessage]:
    if settings.CELERY_BEAT_SCHEDULER.endswith(":DatabaseScheduler"):
        return []
    return [Error("CELERY_BEAT_SCHEDULER must be django-celery-beat's DatabaseScheduler.", id="tocsin.E003")]
