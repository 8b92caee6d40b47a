"""The admin of alerts: read-only pages, with buttons for the actions."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from dispatching.alerts import access, lifecycle, particulars, related, standing, timeline
from dispatching.models import Alert, Page
from dispatching.templatetags.links import web_link
from schedules.surfaces.access import person
from schedules.surfaces.admin import ReadOnlyAdmin, VerbAdmin, local, verb

LABELS = {"▲ triggered": "danger", "● acknowledged": "info", "✓ resolved": "success"}
SHAPES = {Alert.State.TRIGGERED: "▲", Alert.State.ACKNOWLEDGED: "●", Alert.State.RESOLVED: "✓"}


@admin.register(Alert)
class AlertAdmin(VerbAdmin, ReadOnlyAdmin):
    """Everybody may look. The service's team, people who were paged, and users who may change alerts may act."""

    readable = True
    verbs = ("acknowledge", "resolve", "escalate_now", "reopen")
    in_place = True
    list_display = ("number", "state_now", "priority", "service", "short", "occurrences", "since")
    list_display_links = ("number", "short")
    list_select_related = ("service", "priority")
    list_filter = ("state", "priority", "severity", "service")
    search_fields = ("summary", "dedup_key", "source", "service__name", "=id")
    search_help_text = "Summary, deduplication key, source, service or number"
    date_hierarchy = None
    preview_template = "admin/dispatching/course.html"
    fieldsets = (
        (None, {"fields": ("summary", ("state_now", "acknowledged"), ("priority", "severity"), ("service", "owner"))}),
        ("When", {"fields": (("since", "last_seen"), ("occurrences", "resolved"))}),
        ("Where", {"fields": (("component", "source"), ("deployment", "product"), "slo")}),
        ("What to do", {"fields": ("runbook", "dashboard", "links")}),
        ("Details from the source", {"fields": ("through", "dedup_key", "details_sent")}),
    )
    readonly_fields = (
        "state_now",
        "acknowledged",
        "owner",
        "through",
        "since",
        "last_seen",
        "resolved",
        "runbook",
        "dashboard",
        "links",
        "details_sent",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        return super().get_queryset(request).defer("details")

    def may_call(self, request: HttpRequest, name: str, obj: Alert) -> bool:
        return access.may_act(person(request), obj)

    def offered(self, request: HttpRequest, obj: Alert) -> list[str]:
        legal = Alert.MOVES[Alert.State(obj.state)]
        names = {"acknowledge": Alert.State.ACKNOWLEDGED in legal, "resolve": Alert.State.RESOLVED in legal}
        names |= {"escalate_now": standing.running(obj) is not None, "reopen": obj.state == Alert.State.RESOLVED}
        return [name for name in self.verbs if names[name]]

    @verb("Acknowledge", strong=True)
    def acknowledge(self, request: HttpRequest, alert: Alert, now: datetime) -> str:
        lifecycle.acknowledge(alert, by=person(request), via="admin", now=now)
        return f"You have acknowledged alert #{alert.pk}: nobody else is paged."

    @verb("Resolve", asks="Yes, it is over")
    def resolve(self, request: HttpRequest, alert: Alert, now: datetime) -> str:
        lifecycle.resolve(alert, by=person(request), via="admin", now=now)
        return f"Alert #{alert.pk} is resolved."

    @verb("Reopen")
    def reopen(self, request: HttpRequest, alert: Alert, now: datetime) -> str:
        lifecycle.reopen(alert, by=person(request), via="admin", now=now)
        return f"Alert #{alert.pk} is open again."

    @verb("Escalate now")
    def escalate_now(self, request: HttpRequest, alert: Alert, now: datetime) -> str:
        lifecycle.escalate(alert, by=person(request), via="admin", now=now)
        return f"The next step of alert #{alert.pk} runs now."

    def preview(self, request: HttpRequest, obj: Alert, now: datetime) -> dict[str, Any]:
        running = standing.running(obj)
        pages = Page.objects.filter(alert=obj).select_related("recipient__user", "delivery").order_by("-pk")
        return {
            "running": running,
            "related": related.on_page(obj),
            "next_step": standing.next_step(running) if running else None,
            "lines": timeline.of(obj, last=200),
            "pages": pages[:100],
        }

    @display(description="state", ordering="state", label=LABELS)
    def state_now(self, alert: Alert) -> str:
        return f"{SHAPES[Alert.State(alert.state)]} {alert.get_state_display()}"

    @admin.display(description="no.", ordering="pk")
    def number(self, alert: Alert) -> str:
        return f"#{alert.pk}"

    @admin.display(description="summary", ordering="summary")
    def short(self, alert: Alert) -> str:
        return alert.summary if len(alert.summary) <= 100 else f"{alert.summary[:99]}…"

    @admin.display(description="since", ordering="first_at")
    def since(self, alert: Alert) -> str:
        return local(alert.first_at)

    @admin.display(description="last reported")
    def last_seen(self, alert: Alert) -> str:
        return local(alert.last_at)

    @admin.display(description="acknowledged")
    def acknowledged(self, alert: Alert) -> str:
        if not alert.acknowledged_at:
            return "not yet"
        return format_html("{}, {}", alert.acknowledged_name or "the source", local(alert.acknowledged_at))

    @admin.display(description="resolved")
    def resolved(self, alert: Alert) -> str:
        return local(alert.resolved_at) or "not yet"

    @admin.display(description="looked after by")
    def owner(self, alert: Alert) -> str:
        return str(alert.service.team or "no team")

    @admin.display(description="integration")
    def through(self, alert: Alert) -> str:
        """Its name: its page is for the people who may see keys, and would refuse everybody else (P11)."""
        return str(alert.integration or "")

    @admin.display(description="runbook")
    def runbook(self, alert: Alert) -> str:
        return web_link(alert.runbook_url or alert.service.runbook_url) or "none"

    @admin.display(description="dashboard")
    def dashboard(self, alert: Alert) -> str:
        return web_link(alert.dashboard_url or alert.service.dashboard_url) or "none"

    @admin.display(description="links")
    def links(self, alert: Alert) -> str:
        lines = ((name, web_link(address)) for name, address in particulars.links(alert))
        return format_html_join("", "{}: {}<br>", lines) or "none"

    @admin.display(description="details")
    def details_sent(self, alert: Alert) -> str:
        details = json.dumps(alert.details, indent=2, ensure_ascii=False)
        return format_html('<pre class="said">{}</pre>', details) if alert.details else "no details"
