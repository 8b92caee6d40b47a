"""The page's own link: GET shows the alert, POST acknowledges it. Link scanners only ever GET (faults K11)."""

from django.contrib.auth.models import AnonymousUser
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from dispatching import lifecycle, timeline, words
from dispatching.models import Alert, Recipient


# The token is the credential and the browser may hold no cookie, so there is nothing for CSRF to protect.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def alert_page(request: HttpRequest, token: str) -> HttpResponse:
    try:
        alert_id, recipient_id = words.read_token(token)
    except signing.BadSignature:
        return render(request, "dispatching/alert_gone.html", status=404)
    alerts = Alert.objects.select_related("service", "priority", "acknowledged_by")
    alert = get_object_or_404(alerts, pk=alert_id)
    recipient = get_object_or_404(Recipient.objects.select_related("user"), pk=recipient_id)
    if request.method == "POST":
        return _act(request, alert, recipient)
    return _show(request, alert, recipient)


def _act(request: HttpRequest, alert: Alert, recipient: Recipient) -> HttpResponse:
    verb = {"acknowledge": lifecycle.acknowledge, "resolve": lifecycle.resolve}.get(request.POST.get("do", "acknowledge"))
    if verb is None:
        return _show(request, alert, recipient, refused="This page can acknowledge or resolve, nothing else.", status=400)
    if recipient.user and not recipient.user.is_active:
        return _show(request, alert, recipient, refused="This link belongs to somebody who is no longer active.", status=403)
    via = "link" if recipient.user else f"the link of {recipient.name}"
    try:
        verb(alert, by=recipient.user, via=via, now=timezone.now())
    except lifecycle.Refused as refusal:
        alert.refresh_from_db()
        return _show(request, alert, recipient, refused=str(refusal), status=409)
    return redirect(request.path)


def _show(request: HttpRequest, alert: Alert, recipient: Recipient, *, refused: str = "", status: int = 200) -> HttpResponse:
    request.user = AnonymousUser()  # the page is the link's, whoever is logged in
    context = {
        "alert": alert,
        "recipient": recipient,
        "refused": refused,
        "lines": timeline.of(alert, last=50),
        "subject": words.subject(alert),
    }
    return render(request, "dispatching/alert_page.html", context, status=status)
