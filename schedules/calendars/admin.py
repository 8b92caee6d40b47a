"""Admin pages for outside calendars, and for the links under which calendar programs read our shifts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from schedules import clock
from schedules.calendars import export, feeds
from schedules.calendars.occurrences import BadCalendar
from schedules.models import CalendarFeed, CalendarLink
from schedules.surfaces.access import person
from schedules.surfaces.admin import ModelAdmin, TeamOwnedAdmin, local
from schedules.surfaces.left_open.admin import WarningAdmin

SHOWN = 12  # shifts in the preview
URL, CONTENT = (
    "The calendar is read from its URL: leave this text unchanged.",
    "Enter a URL or the text of the calendar.",
)


class AddressField(forms.URLField):
    """A URL, which may also begin with webcal://."""

    def to_python(self, value: Any) -> str | None:
        return super().to_python(feeds.web_address(value) if isinstance(value, str) else value)


class CalendarFeedForm(forms.ModelForm):
    """Reads the text of a calendar without a URL as it is saved, so that errors in it are shown at the field."""

    taken: tuple[str, feeds.Reading, datetime] | None = None

    class Meta:
        field_classes = {"url": AddressField}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("url"):
            if "content" in self.changed_data:
                self.add_error("content", URL)
        elif not self.errors:
            self._read(cleaned.get("content", self.instance.content), cleaned["time_zone"])
        return cleaned

    def _read(self, text: str, zone: Any) -> None:
        now = clock.now()
        try:
            self.taken = text, feeds.reading_at_once(text, zone, now), now
        except BadCalendar as error:
            # The form has no text field if the calendar had a URL until now.
            self.add_error("content" if "content" in self.fields else "url", str(error) if text else CONTENT)


@admin.register(CalendarFeed)
class CalendarFeedAdmin(WarningAdmin, TeamOwnedAdmin):
    """Outside calendars. If a URL fails, the last good copy is kept, and the page says since when it fails and why."""

    form = CalendarFeedForm
    raw = ("content",)
    list_display = ("name", "team", "state", "read")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    preview_template = "admin/schedules/feed.html"
    # Written each time the calendar is read.
    unguarded = ("content", "unknown", "error", "fetched_at", "failing_since", "due_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CalendarFeed]:
        queryset = super().get_queryset(request)
        return (
            queryset
            if request.resolver_match and "object_id" in request.resolver_match.kwargs
            else queryset.defer("content")
        )

    def get_fields(self, request: HttpRequest, obj: CalendarFeed | None = None) -> tuple:
        # The address is often the secret that opens the calendar.
        source = ("url",) if self._may_edit(request, obj) else ()
        text = () if obj and obj.url else ("content",)
        return ("name", "team", *source, "time_zone", *text)

    def schedules(self, obj: CalendarFeed) -> Iterable[int]:
        return obj.layers.values_list("schedule", flat=True) if obj.pk else ()

    def _may_edit(self, request: HttpRequest, obj: CalendarFeed | None) -> bool:
        return self.has_change_permission(request, obj) if obj else self.has_add_permission(request)

    def guarded(self, obj: CalendarFeed) -> Iterable[Any]:
        yield from super().guarded(obj)
        if not obj.url:
            yield CalendarFeed.objects.filter(pk=obj.pk).values_list("content")

    def save_model(self, request: HttpRequest, obj: CalendarFeed, form: Any, change: bool) -> None:
        if obj.url:
            obj.due_at = clock.now()
        super().save_model(request, obj, form, change)
        if form.taken:
            feeds.keep(obj, *form.taken)

    @display(description="", label={"good": "success", "stale": "danger", "not read yet": "warning"})
    def state(self, feed: CalendarFeed) -> str:
        return "stale" if feed.failing_since else "good" if feed.fetched_at else "not read yet"

    @admin.display(description="read last", ordering="fetched_at")
    def read(self, feed: CalendarFeed) -> str:
        return local(feed.fetched_at) or "never"

    def preview(self, request: HttpRequest, obj: CalendarFeed, now: datetime) -> dict[str, Any]:
        entries = obj.entries.filter(end__gt=now).select_related("user")[:SHOWN]
        return {"feed": obj, "entries": entries, "unknown": obj.unknown.splitlines()}


@admin.register(CalendarLink)
class CalendarLinkAdmin(ModelAdmin):
    """Calendar links, with their owners and whose shifts they show.

    The link itself is shown only to its owner and to superusers; deleting it revokes it.
    """

    readable = True
    list_display = ("what", "owner", "since")
    list_display_links = ("what",)
    list_select_related = ("owner", "user", "schedule", "team")
    search_fields = ("owner__username", "user__username", "schedule__name", "team__name")
    autocomplete_fields = ("user", "schedule", "team")

    def get_fields(self, request: HttpRequest, obj: CalendarLink | None = None) -> tuple:
        if obj is None:
            return ("user", "schedule", "team")
        return ("user", "schedule", "team", *(("link",) if _sees(request, obj) else ()), "owner", "since")

    def get_readonly_fields(self, request: HttpRequest, obj: CalendarLink | None = None) -> tuple:
        return ("link", "owner", "since") if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: CalendarLink | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CalendarLink | None = None) -> bool:
        return super().has_delete_permission(request, obj) or (obj is not None and _sees(request, obj))

    def save_model(self, request: HttpRequest, obj: CalendarLink, form: Any, change: bool) -> None:
        obj.owner = person(request)
        super().save_model(request, obj, form, change)

    @admin.display(description="shifts of")
    def what(self, link: CalendarLink) -> str:
        return str(link.user or link.schedule or link.team)

    @admin.display(description="since", ordering="created_at")
    def since(self, link: CalendarLink) -> str:
        return local(link.created_at)

    @admin.display(description="link")
    def link(self, link: CalendarLink) -> SafeString:
        return format_html(
            '<code class="said">{}</code><br>Subscribe to it in a calendar program. Anyone who has it can read the shifts: '
            "delete it to revoke it.",
            export.address(link),
        )


def _sees(request: HttpRequest, link: CalendarLink) -> bool:
    return request.user.is_superuser or link.owner == request.user
