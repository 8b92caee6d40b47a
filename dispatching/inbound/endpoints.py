"""Event intake without a login: the key in the URL or body is the credential. A 2xx answer means that the event is committed."""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from dispatching.alerts import intake
from dispatching.inbound import alertmanager, generic, grafana, pagerduty, rejected
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.body import read_json, sample
from dispatching.rules.event import Event

log = structlog.get_logger(__name__)
UNKNOWN_KEY = "no integration has this key"


def guarded(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """Answers bad input with a 4xx that names the field, and a database failure with a 503, after which every sender tries again."""

    @csrf_exempt
    @require_POST
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        try:
            return view(request, *args, **kwargs)
        except BadInput as bad:
            return _answer("invalid event", bad.status, bad.errors)
        except (OperationalError, InterfaceError, InternalError):
            log.exception("intake_unavailable")
            answer = _answer("not stored: try again", 503, ["the database cannot be reached just now"])
            answer["Retry-After"] = "5"
            return answer

    return wrapped


def _answer(message: str, status: int, errors: list[str]) -> JsonResponse:
    return JsonResponse({"status": message, "message": "; ".join(errors), "errors": errors}, status=status)


def _take(request: HttpRequest, key: str, events: Callable[[], list[Event]]) -> list[intake.Accepted] | None:
    """Accepts the events and returns the outcome of each; None if no integration has this key.

    Bad input is recorded, so that the integration's owner is told (faults J17).
    """
    try:
        received = intake.receive(key, events())
    except BadInput as bad:
        integration = intake.integration_of(key)
        if integration is None:
            return None
        rejected.record(integration, bad.errors, sample(request), key=key, now=integration.asked_at)
        raise
    if received is None:
        return None
    integration, accepted = received
    if integration.refused:
        rejected.over(integration, now=integration.asked_at)
    return accepted


@guarded
def enqueue(request: HttpRequest) -> JsonResponse:
    """The endpoint for PagerDuty Events API v2."""
    payload = read_json(request, settings.INTAKE_LIMIT)
    accepted = _take(request, pagerduty.routing_key(payload), lambda: pagerduty.parse(payload))
    if accepted is None:
        return _answer("invalid key", 401, [f"routing_key: {UNKNOWN_KEY}"])
    [one] = accepted
    return JsonResponse({"status": "success", "message": "Event processed", "dedup_key": one.dedup_key}, status=202)


def _by_key(parse: Callable[[Any], list[Event]]) -> Callable[..., JsonResponse]:
    @guarded
    def view(request: HttpRequest, key: str) -> JsonResponse:
        accepted = _take(request, key, lambda: parse(read_json(request, settings.INTAKE_LIMIT)))
        if accepted is None:
            return _answer("invalid key", 401, [f"key: {UNKNOWN_KEY}"])
        events = [{"dedup_key": a.dedup_key, "alert": a.alert_id, "outcome": a.outcome} for a in accepted]
        return JsonResponse({"status": "success", "events": events}, status=202)

    return view


own_events = _by_key(generic.parse)
from_alertmanager = _by_key(alertmanager.parse)
from_grafana = _by_key(grafana.parse)
