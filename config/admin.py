"""The admin site: its index and side bar in four groups, and all times in the reader's own zone."""

import re
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from unfold.sites import UnfoldAdminSite

from config import health
from config.access.login import AdminLoginForm
from dispatching.models import Alert
from schedules import clock
from stakeholders.models import Outage, StakeholderGroup
from stakeholders.subscriptions import sms_limits

# The models of each group, with their icons. Models that are not named here are shown under System.
GROUPS: dict[str, dict[str, str]] = {
    "Now": {
        "dispatching.Alert": "notifications_active",
        "stakeholders.Outage": "campaign",
        "dispatching.Delivery": "outgoing_mail",
        "dispatching.Notice": "event_note",
    },
    "Who": {
        "schedules.User": "person",
        "schedules.Team": "groups",
        "auth.Group": "group_work",
        "schedules.Rotation": "autorenew",
        "schedules.Schedule": "calendar_month",
        "schedules.Absence": "event_busy",
        "schedules.SwapRequest": "swap_horiz",
        "schedules.HandoverNote": "sticky_note_2",
        "schedules.CalendarFeed": "edit_calendar",
        "schedules.CalendarLink": "link",
        "dispatching.Recipient": "contact_phone",
        "stakeholders.StakeholderGroup": "diversity_3",
        "stakeholders.StakeholderRing": "track_changes",
        "stakeholders.Subscription": "mark_email_read",
        "stakeholders.ChangeRequest": "edit_note",
    },
    "What": {
        "dispatching.EscalationPolicy": "stairs",
        "dispatching.Service": "dns",
        "dispatching.Integration": "input",
        "dispatching.Priority": "priority_high",
        "stakeholders.Deployment": "public",
        "stakeholders.Product": "category",
        "stakeholders.NotificationDefinition": "fact_check",
    },
    "System": {
        "dispatching.SweepRecord": "vital_signs",
        "django_celery_beat.PeriodicTask": "schedule",
        "django_celery_beat.IntervalSchedule": "timer",
        "django_celery_beat.CrontabSchedule": "date_range",
        "schedules.ApiToken": "key",
        "axes.AccessAttempt": "lock_clock",
    },
}
MATRIX = "admin:stakeholders_matrix"
# Selects, actions and search boxes ask the database for whatever id a form brings; no browser sends a text there (S17).
NO_ID = "expected a number but got"
# Django makes a form for each row that a request claims to have, and no page of ours has so many.
MOST_ROWS = 500


class TocsinAdminSite(UnfoldAdminSite):
    """The admin with its index in four groups: Now · Who · What · System."""

    index_title = "Tocsin"
    login_form = AdminLoginForm

    def admin_view(self, view: Callable, cacheable: bool = False) -> Callable:
        def on_the_readers_clock(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if any("\0" in value for values in request.GET.lists() for value in (values[0], *values[1])):
                raise BadRequest("A NUL character is in the address.")  # PostgreSQL refuses it with an error (S17)
            if request.method == "POST" and any(map(_too_many, request.POST.items())):
                raise BadRequest(f"A form may have at most {MOST_ROWS} rows.")
            try:
                with timezone.override(getattr(request.user, "time_zone", None)):
                    response = view(request, *args, **kwargs)
                    # Render here, while the zone is active.
                    return response.render() if hasattr(response, "render") else response
            except ValueError as error:
                if NO_ID in str(error):
                    raise BadRequest("A text is in the place of an id.") from error
                raise

        return super().admin_view(update_wrapper(on_the_readers_clock, view), cacheable)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        now = clock.now()
        for problem in [*sms_limits.problems(now), *health.troubles(now)]:
            messages.error(request, problem)
        return super().index(request, extra_context)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One page changes passwords, where guessing the old one is limited (S8)."""
        return redirect("account")

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        if app_label:
            return super().get_app_list(request, app_label)
        if (
            groups := getattr(request, "tocsin_groups", None)
        ) is None:  # the side bar and the index ask one after another
            groups = self._groups(request)
            request.tocsin_groups = groups  # type: ignore[attr-defined]  # a place of our own on it
        return groups

    def _groups(self, request: HttpRequest) -> list[dict[str, Any]]:
        apps = super().get_app_list(request)
        models = {model["model"]._meta.label: model for app in apps for model in app["models"]}
        groups = [
            _group(title, [models.pop(label) for label in labels if label in models])
            for title, labels in GROUPS.items()
        ]
        groups[-1]["models"] += models.values()
        for group in groups:
            _add_matrix(group)
        return [group for group in groups if group["models"]]


def _too_many(field: tuple[str, Any]) -> bool:
    name, value = field
    return name.endswith("TOTAL_FORMS") and int(re.sub(r"[^0-9]", "", str(value)).lstrip("0")[:9] or 0) > MOST_ROWS


def _add_matrix(group: dict[str, Any]) -> None:
    """Adds the stakeholder matrix, which is not a list of rows, before the list of stakeholder groups."""
    models = group["models"]
    at = next((n for n, model in enumerate(models) if model["model"] is StakeholderGroup), None)
    if at is not None:
        link = {"name": "Stakeholder matrix", "object_name": "matrix", "admin_url": reverse(MATRIX), "add_url": None}
        models.insert(at, {**link, "view_only": True, "icon": "grid_on", "model": StakeholderGroup})


def _group(title: str, models: list[dict[str, Any]]) -> dict[str, Any]:
    url = f"{reverse('admin:index')}#{title.lower()}"
    return {"name": title, "app_label": title.lower(), "app_url": url, "has_module_perms": True, "models": models}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """UNFOLD's navigation: “who is on call”, then the same four groups as the index."""
    icons = {label: icon for labels in GROUPS.values() for label, icon in labels.items()}
    first = {"title": "Who is on call", "icon": "support_agent", "link": reverse("on_call")}
    groups = []
    for app in site.get_app_list(request):
        items = [_item(request, model, icons) for model in app["models"]]
        groups.append({"title": app["name"], "separator": True, "items": items})
    if groups:
        groups[0]["items"].insert(0, first)
    return groups


def _item(request: HttpRequest, model: dict[str, Any], icons: dict[str, str]) -> dict[str, Any]:
    label = model["model"]._meta.label
    icon = model.get("icon") or icons.get(label, "label")
    item = {"title": model["name"], "icon": icon, "link": model["admin_url"]}
    if model["model"] is StakeholderGroup:  # the matrix has a URL below the list's: mark only one of them as active
        item["active"] = request.path.startswith(item["link"]) and (request.path == reverse(MATRIX)) == (
            "icon" in model
        )
    if label in WAITING and (waiting := WAITING[label]()):
        item |= {"badge": waiting, "badge_variant": "danger"}
    return item


# What waits for a person, by the model's label: alerts that nobody has acknowledged, outages that nobody has announced.
WAITING: dict[str, Callable[[], int]] = {
    "dispatching.Alert": lambda: Alert.objects.filter(state=Alert.State.TRIGGERED).count(),
    "stakeholders.Outage": lambda: (
        Outage.objects.filter(state=Outage.State.OPEN, announced_at=None).exclude(mode=Outage.Mode.MANUAL).count()
    ),
}
