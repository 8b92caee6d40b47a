"""The outages that alerts belong to, as lines for their pages and mails (C6)."""

from collections.abc import Collection

from django.urls import reverse

from dispatching.alerts.related import Line, Lines
from stakeholders.models import Outage


def outages_of(alerts: Collection[int]) -> Lines:
    lines: dict[int, list[Line]] = {}
    links = Outage.alerts.through.objects.filter(alert__in=alerts).select_related("outage").order_by("outage")
    for link in links:
        outage = link.outage
        lines.setdefault(link.alert_id, []).append(
            Line("Outage", f"{outage}: {_state(outage)}", reverse("admin:stakeholders_outage_change", args=[outage.pk]))
        )
    return lines


def _state(outage: Outage) -> str:
    if outage.state == Outage.State.OPEN:
        return "stakeholders are told" if outage.announced_at else "not announced yet"
    return "ended" if outage.announced_at else "dismissed"
