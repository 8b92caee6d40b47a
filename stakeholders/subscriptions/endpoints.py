"""Endpoints for what mail servers and providers report after they accepted a mail. The secret in the URL is their only login.

Reports are never answered with a mail, and reports that match nothing get the same answer as all others.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils.crypto import constant_time_compare

from dispatching.channels.webhook import signature
from dispatching.inbound import mail as mails
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.body import read_body, read_json
from dispatching.inbound.endpoints import guarded
from dispatching.inbound.fields import Fields
from schedules import clock
from stakeholders.subscriptions import bounces

LARGEST = 2 * 1024 * 1024  # bytes of a mail; Django reads no more (DATA_UPLOAD_MAX_MEMORY_SIZE)
FRESH = timedelta(minutes=5)  # an older signed request may be a replay
KINDS = {"bounce": mails.FAILED, "complaint": mails.COMPLAINT, "delivered": mails.DELIVERED}
EXPECTED: dict[str, Any] = {"message_id": "", "address": "", "hard": False}
# Replies that `rules.smtp_reply` reads as a hard or soft failure; a provider reports only which of them it is.
HARD, SOFT = "5.1.1 reported by the provider", "4.0.0 reported by the provider"


class NotLetIn(BadInput):
    status = 401


@guarded
def inbound_mail(request: HttpRequest, secret: str) -> JsonResponse:
    """Takes a raw mail (RFC 5322) as it arrived: a mail server's report, a complaint, or a request to unsubscribe."""
    _let_in(secret)
    bounces.take_mail(read_body(request, LARGEST), now=clock.now())
    return JsonResponse({"status": "success"})


@guarded
def inbound_bounces(request: HttpRequest, secret: str) -> JsonResponse:
    """Takes a provider's report as JSON, signed like our own webhooks."""
    _let_in(secret)
    _check_signature(request)
    _take(Fields(read_json(request)))
    return JsonResponse({"status": "success"})


def _take(report: Fields) -> None:
    kind, now = KINDS[report.one_of("kind", KINDS)], clock.now()
    message_id, address, hard = (_exactly(report, name, like) for name, like in EXPECTED.items())
    if message_id:
        if delivery := bounces.delivery_of(message_id):
            bounces.take_report(delivery, kind, HARD if hard else SOFT, now=now)
    elif address:
        bounces.take_address(address, kind, hard=hard, now=now)
    else:
        raise report.wrong("message_id", "is required, or address")


def _exactly(report: Fields, name: str, like: Any) -> Any:
    """The value, which must be of the same type as its default: an address is suspended only by a report that is right."""
    value = report.left.get(name, like)
    if type(value) is not type(like):
        raise report.wrong(name, "must be true or false" if like is False else "must be text")
    return value


def _let_in(secret: str) -> None:
    if not settings.INBOUND_SECRET or not constant_time_compare(secret, settings.INBOUND_SECRET):
        raise NotLetIn("secret: unknown")


def _check_signature(request: HttpRequest) -> None:
    given: Any = request.headers
    timestamp = given.get("X-Tocsin-Timestamp", "")
    right = "v1=" + signature(read_body(request), timestamp, settings.INBOUND_SIGNING_SECRET)
    if not settings.INBOUND_SIGNING_SECRET or not constant_time_compare(given.get("X-Tocsin-Signature", ""), right):
        raise NotLetIn("X-Tocsin-Signature: does not match")
    if not timestamp.isdecimal() or abs(clock.now().timestamp() - int(timestamp[:12])) > FRESH.total_seconds():
        raise NotLetIn("X-Tocsin-Timestamp: too old, or not seconds since 1970")
