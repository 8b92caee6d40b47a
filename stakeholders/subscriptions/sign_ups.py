"""Forms of strangers are let in: so many from one network, so many in all, and what is too much is dropped without a word."""

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
    """One row, whoever the address belongs to: what there is to do about it is done by a worker (B2, P5). False: too many."""
    sign_up.asked_at = sign_up.due_at = now
    with transaction.atomic():
        if not let_in(ip, now=now):
            return False
        sign_up.save()
        transaction.on_commit(lambda: alarms.ring(ANSWER, "bulk"))
    return True


def let_in(ip: str, *, now: datetime) -> bool:
    """Counts one more form; False: too many, from one network or in all."""
    mine = quota.take("forms", quota.network(ip), settings.FORMS_PER_NETWORK, span=HOUR, now=now)
    if mine and quota.take("forms", "all", settings.FORMS_IN_ALL, span=HOUR, now=now):
        return True
    log.warning("too_many_forms", one_network=not mine)
    return False


def sender(meta: Mapping[str, Any]) -> str:
    """The IP address that the form came from: of what proxies added, the part that our own ones did (PROXIES)."""
    passed = [each.strip() for each in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if settings.PROXIES and len(passed) >= settings.PROXIES:
        return passed[-settings.PROXIES]
    return meta.get("REMOTE_ADDR") or "unknown"
