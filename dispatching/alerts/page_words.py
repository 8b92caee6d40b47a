"""The finished words of a page: all that is needed to act, in the first lines what matters most (A25)."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core import signing
from django.template.loader import render_to_string
from django.urls import reverse

from dispatching.models import Alert, Recipient

LINK_AGE = 30 * 24 * 3600  # seconds
SALT = "dispatching.page"


def link(alert: Alert, recipient: Recipient) -> str:
    """The page's own link: shows the alert to this person and lets them acknowledge it; good for 30 days."""
    token = signing.dumps([alert.pk, recipient.pk], salt=SALT)
    return settings.PUBLIC_URL + reverse("alert_page", args=[token])


def read_token(token: str) -> tuple[int, int]:
    """(alert, recipient) of a link; raises signing.BadSignature if it is forged or too old."""
    alert_id, recipient_id = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    return alert_id, recipient_id


def subject(alert: Alert) -> str:
    level = f"{alert.priority.name} " if alert.priority else ""
    return f"[{level}{alert.service.name}] {alert.summary}"


def page_words(alert: Alert, recipient: Recipient, *, why: str, now: datetime) -> dict[str, Any]:
    """Subject, body and data of one person's page. `alert` comes with its service and priority."""
    url = link(alert, recipient)
    title = subject(alert)
    body = render_to_string(
        "messages/page.txt", {"alert": alert, "recipient": recipient, "url": url, "why": why, "now": now}
    )
    data = {
        "kind": "page",
        "alert": facts(alert),
        "title": title,
        "body": body,
        "url": url,
        "recipient": recipient.name,
    }
    return {"subject": title, "body": body, "data": data}


def facts(alert: Alert) -> dict[str, Any]:
    """The alert as plain values, for machine channels."""
    return {
        "id": alert.pk,
        "state": alert.state,
        "summary": alert.summary,
        "service": alert.service.name,
        "priority": alert.priority.level if alert.priority else None,
        "severity": alert.severity or None,
        "deployment": alert.deployment,
        "product": alert.product,
        "slo": alert.slo,
        "source": alert.source,
        "occurrences": alert.occurrences,
        "since": alert.first_at.isoformat(),
        "dedup_key": alert.dedup_key,
        "runbook_url": alert.runbook_url or alert.service.runbook_url,
        "dashboard_url": alert.dashboard_url or alert.service.dashboard_url,
    }
