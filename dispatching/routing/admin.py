"""The admin of integrations, services and priorities."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dispatching.models import Integration, Priority, Service
from dispatching.policies.forecast import forecast
from dispatching.routing import trial
from schedules.surfaces.access import person
from schedules.surfaces.admin import ModelAdmin, VerbAdmin, verb
from schedules.surfaces.public_urls import public_url

FORMATS = (
    ("Tocsin’s own events", "own_events"),
    ("Prometheus Alertmanager", "from_alertmanager"),
    ("Grafana", "from_grafana"),
)
MOST_CRITERIA = 5
TOO_MANY = f"with more than {MOST_CRITERIA} people no longer agree on which priority it is."


@admin.register(Priority)
class PriorityAdmin(ModelAdmin):
    readable = True
    list_display = (
        "level",
        "name",
        "hotfix",
        "postmortem",
        "tells_management",
        "tells_stakeholders",
        "update_interval",
    )
    list_display_links = ("level", "name")
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Priority, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if len(obj.criteria) > MOST_CRITERIA:
            self.message_user(request, f"{obj} has {len(obj.criteria)} criteria: {TOO_MANY}", messages.WARNING)


@admin.register(Service)
class ServiceAdmin(ModelAdmin):
    readable = True
    list_display = ("name", "team", "policy", "description")
    list_select_related = ("team", "policy")
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team", "policy")
    fields = ("name", ("team", "policy"), "description", "runbook_url", "dashboard_url")
    preview_template = "admin/dispatching/ownership.html"

    def preview(self, request: HttpRequest, obj: Service, now: datetime) -> dict[str, Any]:
        return {"service": obj, "forecast": forecast(obj.policy.snapshot(), now)}


@admin.register(Integration)
class IntegrationAdmin(VerbAdmin):
    """The admin of integrations. Tocsin makes the key and shows it once; only a hash is stored, so it cannot be shown again."""

    list_display = ("name", "service", "enabled", "key_starts", "refused")
    list_select_related = ("service", "refusal")
    list_filter = ("enabled",)
    search_fields = ("name", "service__name")
    autocomplete_fields = ("service",)
    fields = ("name", "service", "other_teams", "enabled", "key_starts", "refused")
    readonly_fields = ("key_starts", "refused")
    preview_template = "admin/dispatching/intake.html"
    verbs = ("send_test", "new_key")

    @admin.display(description="key")
    def key_starts(self, integration: Integration) -> str:
        return (
            f"{integration.key_hint}…"
            if integration.key_hint
            else "Tocsin makes the key when you save, and shows it only once."
        )

    @admin.display(description="events")
    def refused(self, integration: Integration) -> str:
        try:
            return str(integration.refusal)
        except Integration.refusal.RelatedObjectDoesNotExist:
            return "Tocsin accepts its events."

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:
        key = None if change else obj.new_key()
        super().save_model(request, obj, form, change)
        if key:
            self.message_user(request, _once(key), messages.WARNING)

    @verb("Send a test event (pages nobody)")
    def send_test(self, request: HttpRequest, integration: Integration, now: datetime) -> str:
        alert = trial.send_test_event(integration, by=person(request), now=now)
        return (
            f"A test event opened alert #{alert.pk} for {alert.service} and resolved it at once, so nobody was paged."
        )

    @verb("New key (the old one stops working immediately)")
    def new_key(self, request: HttpRequest, integration: Integration, now: datetime) -> SafeString:
        key = integration.new_key()
        integration.save(update_fields=["key_hash", "key_hint"])
        return _once(key)

    def preview(self, request: HttpRequest, obj: Integration, now: datetime) -> dict[str, Any]:
        seen = {"integration": obj, "service": obj.service, "forecast": forecast(obj.service.policy.snapshot(), now)}
        return seen | trial.lately(obj)


def _once(key: str) -> SafeString:
    """The key and URLs to copy into the monitoring tool, shown only this once."""
    addresses = [(label, public_url(name, key)) for label, name in FORMATS]
    urls = format_html_join("", "<li>{}: <code>{}</code></li>", addresses)
    return format_html(
        "Copy the key now; Tocsin will not show it again. Key: <code>{}</code><ul>{}<li>PagerDuty Events API v2: <code>{}</code> "
        "with <code>routing_key</code> set to the key; version 1: <code>{}</code> with <code>service_key</code></li></ul>",
        key,
        urls,
        public_url("enqueue"),
        public_url("enqueue_v1"),
    )
