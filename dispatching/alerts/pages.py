"""The web page behind a page's link: GET shows the alert, POST acknowledges it. Link scanners only use GET (faults K11)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import capfirst
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dispatching.alerts import lifecycle, links, page_words, particulars, related, timeline
from dispatching.models import Alert, AlertEvent
from schedules import clock
from schedules.models import User
from schedules.refused import Refused

VERBS = {"acknowledge": lifecycle.acknowledge, "resolve": lifecycle.resolve, "reopen": lifecycle.reopen}
UNDO = timedelta(days=1)  # so long the page offers to undo a resolve


# The token is the credential and the browser may hold no cookie, so there is nothing for CSRF to protect.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alert_page(request: HttpRequest, token: str) -> HttpResponse:
    response = _answer(request, token, clock.now())
    response["Referrer-Policy"] = "no-referrer"  # the URL is a key: a runbook's site must not get it (faults K13)
    return response


def _answer(request: HttpRequest, token: str, now: datetime) -> HttpResponse:
    link = links.read(token)
    if link is None:
        return render(request, "dispatching/alert_gone.html", status=404)
    act = _act if request.method == "POST" else _show
    return act(request, link, now)


def _act(request: HttpRequest, link: links.Link, now: datetime) -> HttpResponse:
    alert, recipient, acts = link
    if not acts:
        return _show(request, link, now, refused="This link only shows the alert.", status=403)
    verb = VERBS.get(request.POST.get("do", "acknowledge"))
    if verb is None:
        refused = "On this page you can only acknowledge, resolve or reopen."
        return _show(request, link, now, refused=refused, status=400)
    reader = _reader(request) if _from_here(request) else None
    # A login says who it is; the link alone only says whose link it was.
    who: dict[str, Any] = {"by": reader, "via": "link"} if reader else {"by": recipient.user, "link_of": recipient}
    try:
        verb(alert, now=now, **who)
    except Refused as refused:
        alert.refresh_from_db()
        return _show(request, link, now, refused=str(refused), status=409)
    return redirect(request.path)


def _from_here(request: HttpRequest) -> bool:
    """Whether the form can come from this page, as far as the browser says; Origin is “null” because the page sends no referrer.

    Another site may hold a link, but must not act in the name of the person who is logged in.
    """
    site, origin = (request.headers.get(name) for name in ("Sec-Fetch-Site", "Origin"))
    host = origin if origin in (None, "null") else urlsplit(origin).netloc
    return site in (None, "none", "same-origin") and host in (None, "null", request.get_host())


def _reader(request: HttpRequest) -> User | None:
    """The person who is logged in; None if nobody is."""
    return request.user if isinstance(request.user, User) else None


def _show(
    request: HttpRequest, link: links.Link, now: datetime, *, refused: str = "", status: int = 200
) -> HttpResponse:
    alert, recipient, acts = link
    lines = timeline.of(alert, last=50)
    reader = _reader(request) or recipient.user
    context = {
        "alert": alert,
        "recipient": recipient,
        "reader": _reader(request),
        "acts": acts,
        "undo": acts and alert.resolved_at is not None and now - alert.resolved_at < UNDO,
        "zone": reader.time_zone if reader else UTC,
        "now": now,
        "refused": refused,
        "settled": _settled(alert, lines),
        "places": _places(alert),
        "particulars": particulars.of(alert),
        "related": related.on_page(alert),
        "enters": reader is not None and reader.is_staff,
        "details": json.dumps(alert.details, indent=2, ensure_ascii=False) if alert.details else "",
        "lines": lines,
        "subject": page_words.subject(alert),
    }
    return render(request, "dispatching/alert_page.html", context, status=status)


def _settled(alert: Alert, lines: list[timeline.Entry]) -> str:
    """Words such as “Acknowledged by Ana” or “Resolved by the source”, from the timeline as far as it is shown."""
    kind = AlertEvent.Kind.ACKNOWLEDGED if alert.open else AlertEvent.Kind.RESOLVED
    texts = [line.text for line in lines if line.kind == kind]
    by = f" by {alert.acknowledged_name}" if alert.open and alert.acknowledged_name else ""
    return capfirst(texts[-1].partition(";")[0] if texts else f"{kind.label}{by}")


def _places(alert: Alert) -> list[tuple[str, str]]:
    """The places that the alert names, as (label, value)."""
    named = [
        ("Deployment", alert.deployment),
        ("Product", alert.product),
        ("SLO", alert.slo),
        ("Source", alert.source),
    ]
    return [(name, value) for name, value in named if value]
