"""The admin of notices: messages to people other than pages, sent or not."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from dispatching.delivery.admin import LABELS
from dispatching.models import Delivery, Notice
from schedules.surfaces.admin import ReadOnlyAdmin, local

NOT_SENT = "cannot be reached"


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("number", "kind", "outcome", "recipient", "text", "why_not", "told")
    list_display_links = ("number", "text")
    list_select_related = ("recipient__user", "delivery")
    list_filter = ("kind", ("delivery", admin.EmptyFieldListFilter))
    search_fields = ("recipient__user__username", "recipient__user__first_name", "recipient__user__last_name", "text")
    search_help_text = "Name or text"
    fields = ("kind", "outcome", "why_not", "recipient", "text", "told", "by", "key")
    readonly_fields = ("outcome", "why_not", "told", "by")

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).defer("delivery__body", "delivery__data")

    @admin.display(description="no.", ordering="pk")
    def number(self, notice: Notice) -> str:
        return f"#{notice.pk}"

    @display(description="state", label={**LABELS, NOT_SENT: "danger"})
    def outcome(self, notice: Notice) -> str:
        return notice.delivery.get_state_display() if notice.delivery else NOT_SENT

    @admin.display(description="reason")
    def why_not(self, notice: Notice) -> str:
        return notice.delivery.reason if notice.delivery else notice.reason

    @admin.display(description="made", ordering="at")
    def told(self, notice: Notice) -> str:
        return local(notice.at)

    @admin.display(description="delivery")
    def by(self, notice: Notice) -> SafeString | str:
        return _link(notice.delivery) if notice.delivery else "none"


def _link(delivery: Delivery) -> SafeString:
    url = reverse("admin:dispatching_delivery_change", args=[delivery.pk])
    return format_html('<a href="{}">{}</a>', url, delivery)
