"""The admin of recipients and their contact points."""

from collections.abc import Iterable
from copy import copy
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from dispatching import channels
from dispatching.models import ContactPoint, ContactRule, Recipient
from dispatching.models.contact import LONGEST
from dispatching.rules.contact import chain
from schedules.surfaces.admin import StackedInline
from schedules.surfaces.forms import SpanField
from schedules.surfaces.left_open.admin import WarningAdmin
from schedules.templatetags.times import span

PROVE = (
    "has changed, so it is not verified and nothing is sent there. "
    "When somebody has seen a message arrive there, switch “Verified” on and save again."
)


class ContactPointForm(ModelForm):
    """A contact point with its place in the person's chain."""

    use_after = SpanField(
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "5 min"}),
        help_text=(
            "How long after the start of a page this one is used, such as 5 min. If none has a time, Tocsin uses all at once. "
            "If one has a time, Tocsin uses only those with a time (0 min for at once), in that order."
        ),
    )

    class Meta:
        model = ContactPoint
        fields = ("channel", "address", "verified", "disabled_reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rules = self.instance.rules.all() if self.instance.pk else []
        self.fields["use_after"].initial = next((rule.delay for rule in rules), None)
        if "channel" in self.fields:
            help_text = self.fields["channel"].help_text
            self.fields["channel"] = forms.ChoiceField(
                choices=_channels(self.instance.channel), widget=UnfoldAdminSelectWidget(), help_text=help_text
            )

    def clean(self) -> dict[str, Any] | None:
        if {"channel", "address"} & set(self.changed_data):
            self.instance.from_outside = False  # from now on it is an address that an operator entered
        return super().clean()

    def _post_clean(self) -> None:
        before = copy(self.instance)
        super()._post_clean()  # type: ignore[misc]
        self.moved = before.moved(channel=self.instance.channel, address=self.instance.address) if before.pk else {}
        kept = {"disabled_reason"} & set(self.changed_data)
        for name in self.moved.keys() - kept:
            setattr(self.instance, name, self.moved[name])

    def clean_use_after(self) -> Any:
        delay = self.cleaned_data["use_after"]
        if delay is not None and delay.total_seconds() < 0:
            raise forms.ValidationError("The time cannot be negative.")
        if delay is not None and delay > LONGEST:
            raise forms.ValidationError(f"Enter {span(LONGEST)} or less.")
        return delay

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        delay = self.cleaned_data.get("use_after")
        if delay is None:
            self.instance.rules.all().delete()
        else:
            ContactRule.objects.update_or_create(contact_point=self.instance, defaults={"delay": delay})


def _channels(current: str) -> list[tuple[str, str]]:
    """The channels on offer, plus the current one even if people do not type its addresses or it is no longer set up."""
    offered = channels.kinds(typed=True)
    if not current or current in dict(offered):
        return offered
    return [*offered, (current, dict(channels.kinds()).get(current, f"{current} (not set up here)"))]


class ContactPointFormSet(PaginationInlineFormSet):
    """Checks that no address is there twice. A single form cannot check it, because the recipient is not one of its fields."""

    def clean(self) -> None:
        super().clean()
        seen = set()
        for form in self.forms:
            if not form.cleaned_data or form in self.deleted_forms:
                continue
            address = (form.instance.channel, form.instance.address.lower())
            if address in seen:
                form.add_error("address", "This recipient already has this address.")
            seen.add(address)


class ContactPointInline(StackedInline):
    model = ContactPoint
    form = ContactPointForm
    formset = ContactPointFormSet
    fields = (("channel", "address"), ("verified", "disabled_reason"), "use_after")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactPoint]:
        return super().get_queryset(request).prefetch_related("rules")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        return self.fields if self.has_change_permission(request, obj) else self.fields[:2]


@admin.register(Recipient)
class RecipientAdmin(WarningAdmin):
    list_display = ("name", "reach", "ways", "last_resort", "user")
    list_select_related = ("user",)
    list_filter = ("last_resort",)
    search_fields = ("user__username", "user__first_name", "user__last_name", "display_name", "contact_points__address")
    search_help_text = "A name or an address"
    autocomplete_fields = ("user",)
    fields = ("user", "display_name", "last_resort")
    inlines = (ContactPointInline,)
    preview_template = "admin/dispatching/reach.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        return super().get_queryset(request).prefetch_related("contact_points__rules")

    def concerned(self, obj: Recipient) -> Iterable[int]:
        return [obj.user_id] if obj.user_id else []

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> tuple:
        """What was proved of one person's addresses, or told of one person, is not true of another (C8)."""
        return ("user",) if obj and obj.user_id else ()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for point in (row.instance for formset in formsets for row in formset.forms if getattr(row, "moved", None)):
            if point.pk:
                self.message_user(request, f"The address {point.shown} {PROVE}", messages.WARNING)

    def guarded(self, obj: Recipient) -> Iterable[Any]:
        yield from super().guarded(obj)
        yield ContactRule.objects.filter(contact_point__recipient=obj).order_by("pk").values_list()

    @display(description="", label={"reachable": "success", "cannot be reached": "danger"})
    def reach(self, recipient: Recipient) -> str:
        usable = any(point.usable for point in recipient.contact_points.all())
        return "reachable" if usable else "cannot be reached"

    @admin.display(description="by")
    def ways(self, recipient: Recipient) -> str:
        return ", ".join(channels.spoken(point.channel) for point in recipient.contact_points.all() if point.usable)

    def preview(self, request: HttpRequest, obj: Recipient, now: datetime) -> dict[str, Any]:
        points = {point.pk: point for point in obj.contact_points.all()}
        delays = [(pk, rule.delay) for pk, point in points.items() for rule in point.rules.all()]
        links = chain((pk for pk, point in points.items() if point.usable), delays)
        used = [(points[pk], delay) for pk, delay in links]
        unused = [point for point in points.values() if point.pk not in dict(links)]
        return {"used": used, "unused": unused, "inactive": obj.user is not None and not obj.user.is_active}
