"""The admin of subscriptions. Operators read, end, import, export and erase them; subscribers do the rest."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.http import require_POST
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget

from schedules import clock
from schedules.surfaces.access import person
from schedules.surfaces.admin import ModelAdmin, ReadOnlyAdmin, VerbAdmin, local, verb
from stakeholders.models import Subscription, Suppression
from stakeholders.subscriptions import csv_file, subscribing

LABELS = {"asked, not confirmed yet": "warning", "active": "success", "ended": "default"}
IMPORT, EXPORT = "stakeholders.import_subscription", "stakeholders.export_subscription"
SHOWN = 100  # lines that were left out


class FileForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        widget=UnfoldAdminFileFieldWidget,
        help_text="First line: address,group,consent. The consent says when and how they agreed; without it, we ask them by one mail.",
    )


@admin.register(Subscription)
class SubscriptionAdmin(VerbAdmin, ReadOnlyAdmin):
    """Subscriptions of contact points to groups; ended ones stay as the record of consent."""

    change_list_template = "admin/stakeholders/subscriptions.html"
    verbs = ("end", "bounced", "complained", "erase")
    list_display = ("address", "group", "state_now", "kinds", "asked", "asked_from")
    list_select_related = ("contact_point", "group")
    list_filter = ("state", "group", "kinds", "contact_point__channel")
    search_fields = ("contact_point__address", "group__name")
    search_help_text = "Address or group"
    fieldsets = (
        (None, {"fields": ("address", "usable", "group", "state_now")}),
        ("Narrowed to", {"fields": (("deployments", "products"), ("kinds", "least_priority"))}),
        (
            "Consent",
            {"fields": (("asked", "asked_from"), ("consent", "invited_by"), "confirmed", ("ended", "end_reason"))},
        ),
    )
    readonly_fields = ("address", "usable", "state_now", "asked", "confirmed", "ended")

    @admin.display(description="address", ordering="contact_point__address")
    def address(self, row: Subscription) -> str:
        return str(row.contact_point)

    @admin.display(description="can be used")
    def usable(self, row: Subscription) -> str:
        point = row.contact_point
        return point.disabled_reason or ("yes" if point.verified else "no: not confirmed")

    @display(description="state", ordering="state", label=LABELS)
    def state_now(self, row: Subscription) -> str:
        return row.get_state_display()

    @admin.display(description="asked", ordering="asked_at")
    def asked(self, row: Subscription) -> str:
        return local(row.asked_at)

    @admin.display(description="confirmed")
    def confirmed(self, row: Subscription) -> str:
        return local(row.confirmed_at) or "no"

    @admin.display(description="ended")
    def ended(self, row: Subscription) -> str:
        return local(row.ended_at) or "no"

    # --- verbs ----------------------------------------------------------------------------------------------------

    def may_call(self, request: HttpRequest, name: str, obj: Subscription) -> bool:
        return request.user.has_perm("stakeholders.change_subscription")

    @verb("End it")
    def end(self, request: HttpRequest, obj: Subscription, now: datetime) -> str:
        subscribing.end(obj, reason=f"ended by {person(request).name}", now=now)
        return "The subscription has ended; nothing more is sent for it."

    @verb("Mark as bouncing")
    def bounced(self, request: HttpRequest, obj: Subscription, now: datetime) -> str:
        subscribing.suspend(obj.contact_point, Suppression.Reason.BOUNCED, now=now)
        return "Nothing more is sent to this address."

    @verb("Mark as a spam complaint")
    def complained(self, request: HttpRequest, obj: Subscription, now: datetime) -> str:
        subscribing.suspend(obj.contact_point, Suppression.Reason.COMPLAINED, now=now)
        return "All subscriptions of this address have ended, and nobody can enter it again."

    @verb("Erase this address")
    def erase(self, request: HttpRequest, obj: Subscription, now: datetime) -> str:
        subscribing.erase(obj.contact_point, now=now)
        obj.contact_point.refresh_from_db()  # the log must not name what has just been erased
        return "The address is gone from all records; nobody can enter it again."

    # --- files ----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list:
        site = self.admin_site
        return [
            path("import/", site.admin_view(self.import_file), name="stakeholders_subscription_import"),
            path("export/", site.admin_view(require_POST(self.export)), name="stakeholders_subscription_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may = {"may_import": request.user.has_perm(IMPORT), "may_export": request.user.has_perm(EXPORT)}
        return super().changelist_view(request, {**(extra_context or {}), **may})

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """Exports all subscriptions with their addresses, and logs the person who did so (P12)."""
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        subscriptions = Subscription.objects.all()
        _log(person(request), f"Exported {subscriptions.count()} subscriptions.")
        response = StreamingHttpResponse(csv_file.write(subscriptions), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="subscriptions.csv"'
        response["Cache-Control"] = "no-store"
        return response

    def import_file(self, request: HttpRequest) -> HttpResponse:
        if not request.user.has_perm(IMPORT):
            raise PermissionDenied
        form = FileForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                report = csv_file.read(form.cleaned_data["file"].read(), by=person(request), now=clock.now())
            except csv_file.NotReadable as error:
                form.add_error("file", str(error))
            else:
                return self._imported(request, report)
        context = {**self.admin_site.each_context(request), "title": "Import subscribers", "form": form}
        return TemplateResponse(request, "admin/stakeholders/import.html", context | {"opts": Subscription._meta})

    def _imported(self, request: HttpRequest, report: csv_file.Imported) -> HttpResponse:
        _log(person(request), f"Imported a file: {report}")
        self.message_user(request, str(report), messages.SUCCESS)
        for line in report.left_out[:SHOWN]:
            self.message_user(request, f"Left out, {line}", messages.WARNING)
        return redirect("admin:stakeholders_subscription_changelist")


def _log(user: Any, text: str) -> None:
    LogEntry.objects.create(user=user, action_flag=CHANGE, object_repr="subscriptions", change_message=text)


@admin.register(Suppression)
class SuppressionAdmin(ReadOnlyAdmin):
    """Addresses that must not be written to, as hashes. Deleting one lets its owner subscribe again."""

    list_display = ("short", "reason", "since")
    list_filter = ("reason",)
    fields = readonly_fields = ("short", "reason", "since")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return ModelAdmin.has_delete_permission(self, request, obj)

    @admin.display(description="hash of the address")
    def short(self, row: Suppression) -> str:
        return f"{row.address_hash[:12]}…"

    @admin.display(description="since", ordering="at")
    def since(self, row: Suppression) -> str:
        return local(row.at)
