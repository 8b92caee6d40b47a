"""The text of a page: everything that a person needs to act, most important first (A25)."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from dispatching.alerts import links, particulars
from dispatching.alerts.related import Line
from dispatching.models import Alert, Recipient


def subject(alert: Alert) -> str:
    level = f"{alert.priority.name} " if alert.priority else ""
    return f"[{level}{alert.service.name}] {alert.summary}"


def page_words(
    alert: Alert,
    recipient: Recipient,
    *,
    why: str,
    related: Iterable[Line] = (),
    missed: Sequence[str] = (),
    now: datetime,
) -> dict[str, Any]:
    """Subject, body and data of one person's page. `alert` comes with its service and priority.

    `missed` are the names of people who should have been paged and cannot be reached.
    """
    url = links.link(alert, recipient)
    title = subject(alert)
    zone = recipient.user.time_zone if recipient.user else UTC
    context = {"alert": alert, "recipient": recipient, "url": url, "why": why, "missed": missed, "zone": zone}
    enters = recipient.user is not None and recipient.user.is_staff
    context |= {"particulars": particulars.of(alert), "related": related, "enters": enters, "base": settings.PUBLIC_URL}
    body = render_to_string("messages/page.txt", context)
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
    """The alert as plain values, for channels that machines read."""
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
        "links": [{"text": name, "href": address} for name, address in particulars.links(alert)],
    }
