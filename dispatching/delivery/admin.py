"""The admin of deliveries: messages, their recipients and states, and the reasons for failures."""

import re

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from dispatching.channels.shared_words import Letter
from dispatching.models import Attempt, Delivery, SweepRecord
from schedules.surfaces.admin import ReadOnlyAdmin, TabularInline, local

# A long part of a path is a credential: anyone who has it could acknowledge, or unsubscribe, as somebody else.
DOOR_KEY = re.compile(r"(https?://\S*?/)[^\s/]{20,}")
LABELS = {
    "waiting": "warning",
    "being sent": "warning",
    "sent": "success",
    "delivered": "success",
    "failed": "danger",
    "given up": "danger",
}


LONG = ("data", "body", "content__text", "content__html", "content__parts")  # not read for a list


def mask(text: str) -> str:
    return DOOR_KEY.sub(r"\1…", text)


class AttemptInline(TabularInline):
    model = Attempt
    fields = readonly_fields = ("number", "tried", "outcome", "reason")
    can_delete = False

    @admin.display(description="at")
    def tried(self, attempt: Attempt) -> str:
        return local(attempt.at)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "number",
        "state_now",
        "recipient_name",
        "channel",
        "purpose",
        "what",
        "reason",
        "attempt",
        "created",
    )
    list_display_links = ("number", "what")
    list_select_related = ("page", "notice", "content")
    list_filter = ("state", "channel", "queue")
    search_fields = ("recipient_name", "address", "subject", "receipt", "=id")
    search_help_text = "Recipient, address, subject, receipt or number"
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("state_now", "reason", "purpose", ("recipient_name", "channel"), "address")}),
        ("When", {"fields": (("created", "due"), ("sent", "cancelled"), "expires", "attempt")}),
        ("What", {"fields": ("what", "words")}),
        ("For support", {"fields": ("key", "receipt", "queue")}),
    )
    readonly_fields = ("state_now", "purpose", "what", "created", "due", "sent", "cancelled", "expires", "words")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        match = request.resolver_match
        one = match is not None and "object_id" in match.kwargs
        return super().get_queryset(request).defer(*(() if one else LONG))

    @admin.display(description="no.", ordering="pk")
    def number(self, delivery: Delivery) -> str:
        return f"#{delivery.pk}"

    @display(description="state", ordering="state", label=LABELS)
    def state_now(self, delivery: Delivery) -> str:
        return delivery.get_state_display()

    @admin.display(description="for")
    def purpose(self, delivery: Delivery) -> SafeString | str:
        """The reason for the delivery: the alert, or the kind of notice."""
        if page := getattr(delivery, "page", None):
            url = reverse("admin:dispatching_alert_change", args=[page.alert_id])
            return format_html('<a href="{}">alert #{}</a>', url, page.alert_id)
        if notice := getattr(delivery, "notice", None):
            url = reverse("admin:dispatching_notice_change", args=[notice.pk])
            return format_html('<a href="{}">{}</a>', url, notice.get_kind_display())
        return "outage message" if delivery.content_id else ""

    @admin.display(description="subject")
    def what(self, delivery: Delivery) -> str:
        subject = delivery.content.subject if delivery.content else delivery.subject
        return subject if len(subject) <= 80 else f"{subject[:79]}…"

    @admin.display(description="made", ordering="created_at")
    def created(self, delivery: Delivery) -> str:
        return local(delivery.created_at)

    @admin.display(description="next due")
    def due(self, delivery: Delivery) -> str:
        return local(delivery.due_at) or "no longer due"

    @admin.display(description="sent")
    def sent(self, delivery: Delivery) -> str:
        return local(delivery.sent_at) or "no"

    @admin.display(description="withdrawn")
    def cancelled(self, delivery: Delivery) -> str:
        return local(delivery.cancelled_at) or "no"

    @admin.display(description="expires")
    def expires(self, delivery: Delivery) -> str:
        return local(delivery.expires_at) or "never"

    @admin.display(description="text")
    def words(self, delivery: Delivery) -> str:
        shared = delivery.content
        keys, zone = tuple(delivery.data.get("parts", ())), delivery.data.get("zone") or ""
        body = Letter(shared, keys, {}, zone=zone).filled() if shared else mask(delivery.body)
        return format_html('<pre class="said">{}</pre>', body)


@admin.register(SweepRecord)
class SweepRecordAdmin(ReadOnlyAdmin):
    """The times of the last completed sweeps, which prove that the engine works."""

    list_display = ("name", "completed", "repaired")
    fields = ("name", "completed", "repaired")
    readonly_fields = ("completed",)

    @admin.display(description="last completed", ordering="completed_at")
    def completed(self, record: SweepRecord) -> str:
        return local(record.completed_at)
