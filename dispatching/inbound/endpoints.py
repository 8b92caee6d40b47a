"""Event intake without a login: the key in the URL or body is the credential. A 2xx answer means that the event is committed."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from dispatching.alerts import intake
from dispatching.inbound import alertmanager, generic, grafana, pagerduty, refusals, unread
from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.body import read_json, sample, without_key
from dispatching.inbound.mistaken import Parse, with_hint
from dispatching.rules.event import Event
from schedules.surfaces.public_urls import public_url

log = structlog.get_logger(__name__)
Remarks = Callable[[Any], list[str]]
UNKNOWN_KEY = "no integration has this key"


@dataclass(frozen=True, slots=True)
class Taken:
    """The outcome of each event that was accepted, the errors of the others, and what was not understood in the accepted ones."""

    accepted: list[intake.Accepted]
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def beside(self) -> dict[str, list[str]]:
        """What an answer says of errors and warnings, if there are any."""
        named = {"errors": self.errors, "warnings": self.warnings}
        return {name: sentences for name, sentences in named.items() if sentences}


class NotHere(BadInput):
    """The path has a key, but no format that we know."""

    status = 404


def guarded(view: Callable[..., JsonResponse]) -> Callable[..., JsonResponse]:
    """Answers bad input with a 4xx that names the field, and a database failure with a 503, after which every sender tries again."""

    @csrf_exempt
    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> JsonResponse:
        if request.method != "POST":
            answer = _answer(
                "not done", 405, [f"{request.method}: send events by POST; {public_url('docs')} describes them"]
            )
            answer["Allow"] = "POST"
            return answer
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


def _nothing(payload: Any) -> list[str]:
    return []


def _take(
    request: HttpRequest, key: str, parse: Parse, read: Callable[[HttpRequest], Any], remarks: Remarks = _nothing
) -> Taken | None:
    """Accepts the events that can be taken. None for an unknown key. Nothing is kept of the key, wherever in the body it stands.

    What is refused is recorded, so that the integration's owner is told, also if the rest is taken (faults J17, case 02).
    What was not understood is counted for the integration's page (P16).
    """
    about: list[str] = []

    def parsed() -> list[Event | BadInput]:
        payload = without_key(read(request), key, request)
        about.extend(remarks(payload))
        return parse(payload)

    events, refused = _read(parsed)
    if refused and not events:
        integration = intake.integration_of(key)
        if integration is None:
            return None
        refusals.record(integration, refused, sample(request), key=key, now=integration.asked_at)
        raise refused[0] if len(refused) == 1 else BadInput(_errors(refused))
    received = intake.receive(key, events)
    if received is None:
        return None
    integration, accepted = received
    if refused:
        refusals.record(integration, refused, sample(request), key=key, now=integration.asked_at)
    elif integration.refused:
        refusals.forget(integration, now=integration.asked_at)
    warnings = unread.record(integration, events, about, now=integration.asked_at)
    return Taken(accepted, _errors(refused), warnings)


def _read(parse: Callable[[], list[Event | BadInput]]) -> tuple[list[Event], list[BadInput]]:
    try:
        read = parse()
    except BadInput as bad:
        read = [bad]
    refused = [event for event in read if isinstance(event, BadInput)]
    return [event for event in read if isinstance(event, Event)], refused


def _errors(refused: list[BadInput]) -> list[str]:
    return BadInput([error for bad in refused for error in bad.errors]).errors if refused else []


def _by_key_in_body(name: str, parse: Parse, answered: str) -> Callable[..., JsonResponse]:
    """An endpoint of PagerDuty's for one event. `name` is the field of the key, `answered` that of the deduplication key."""

    @guarded
    def view(request: HttpRequest, status: int = 202) -> JsonResponse:
        payload = read_json(request)
        taken = _take(request, pagerduty.routing_key(payload, name), parse, lambda request: payload)
        if taken is None:
            return _answer("invalid key", 401, [f"{name}: {UNKNOWN_KEY}"])
        [accepted] = taken.accepted
        told: dict[str, Any] = {"status": "success", "message": "Event processed", answered: accepted.dedup_key}
        return JsonResponse(told | taken.beside(), status=status)

    return view


def _by_key(parse: Parse, address: str = "", remarks: Remarks = _nothing) -> Callable[..., JsonResponse]:
    """An endpoint with the key in its path, which ends in `address`. `remarks`: what to warn of in the body as a whole."""
    parse = with_hint(parse, address)

    @guarded
    def view(request: HttpRequest, key: str) -> JsonResponse:
        taken = _take(request, key, parse, read_json, remarks)
        if taken is None:
            return _answer("invalid key", 401, [f"key: {UNKNOWN_KEY}"])
        status = "partial" if taken.errors else "success"
        told: dict[str, Any] = {"status": status, "events": [_outcome(accepted) for accepted in taken.accepted]}
        return JsonResponse(told | taken.beside(), status=202)

    return view


def _outcome(accepted: intake.Accepted) -> dict[str, Any]:
    outcome = {"dedup_key": accepted.dedup_key, "alert": accepted.alert_id, "outcome": accepted.outcome}
    return outcome | ({"why": accepted.why} if accepted.why else {})


def _no_format(payload: Any) -> list[Event | BadInput]:
    raise NotHere("path: no format has this name; there are events, alertmanager and grafana")


enqueue = _by_key_in_body("routing_key", pagerduty.parse, "dedup_key")
enqueue_v1 = _by_key_in_body("service_key", pagerduty.parse_v1, "incident_key")
own_events = _by_key(generic.parse, "/events/")
from_alertmanager = _by_key(alertmanager.parse, "/alertmanager/", alertmanager.cut_off)
from_grafana = _by_key(grafana.parse, "/grafana/", alertmanager.cut_off)
no_format = _by_key(_no_format)


@csrf_exempt
def change_events(request: HttpRequest) -> JsonResponse:
    """Answers a tool that tells of deployments. It is no refused alert, so no owner is told."""
    return _answer("not taken", 404, ["path: change events are not taken; alerts go to /v2/enqueue"])


@csrf_exempt
def nothing_here(request: HttpRequest) -> JsonResponse:
    """Answers machines that have a wrong address, in their language."""
    return _answer("not found", 404, [f"path: there is nothing at {ascii(request.path)[1:-1][:200]}"])
