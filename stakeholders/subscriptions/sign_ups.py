"""Takes in forms from the public pages, limited for each network and in total; forms beyond the limits are dropped and logged."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from dispatching import alarms
from stakeholders.models import SignUp
from stakeholders.subscriptions import quota

log = structlog.get_logger(__name__)
HOUR = timedelta(hours=1)
ANSWER = "stakeholders.tasks.answer_due"


def take(sign_up: SignUp, *, ip: str, now: datetime) -> bool:
    """Saves the form for a worker to answer, so that the page does the same for any address (B2, P5); False if there are too many."""
    sign_up.asked_at = sign_up.due_at = now
    with transaction.atomic():
        if not let_in(ip, now=now):
            return False
        sign_up.save()
        transaction.on_commit(lambda: alarms.ring(ANSWER, "bulk"))
    return True


def let_in(ip: str, *, now: datetime) -> bool:
    """Counts one more form; returns False if there are too many from its network or in total."""
    mine = quota.take("forms", quota.network(ip), settings.FORMS_PER_NETWORK, span=HOUR, now=now)
    if mine and quota.take("forms", "all", settings.FORMS_IN_ALL, span=HOUR, now=now):
        return True
    log.warning("too_many_forms", one_network=not mine)
    return False


def sender(meta: Mapping[str, Any]) -> str:
    """Returns the IP address that the form came from, or "unknown".

    Of the addresses that proxies added, it takes the one from the outermost of our own proxies (PROXIES is their number).
    """
    passed = [address.strip() for address in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if settings.PROXIES and len(passed) >= settings.PROXIES:
        return passed[-settings.PROXIES]
    return meta.get("REMOTE_ADDR") or "unknown"
