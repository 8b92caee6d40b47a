"""Admin pages for what people arrange among themselves: absences to edit; swaps and handover notes to read."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Field, Model
from django.forms import Field as FormField
from django.http import HttpRequest
from django.utils import timezone

from schedules.models import Absence, HandoverNote, SwapRequest
from schedules.surfaces import access
from schedules.surfaces.admin import ReadOnlyAdmin, local
from schedules.surfaces.left_open.admin import WarningAdmin

PRIVATE = ("reason", "note")


@admin.register(Absence)
class AbsenceAdmin(WarningAdmin):
    """Absences, entered here for other people; everybody enters their own on the page of their shifts."""

    readable = True
    list_display = ("user", "begins", "ends", "reason")
    list_select_related = ("user",)
    search_fields = ("user__username", "user__first_name", "user__last_name", "reason")
    autocomplete_fields = ("user",)
    fields = ("user", "start", "end", "reason")
    ordering = ("-end",)

    def concerned(self, obj: Absence) -> Iterable[int]:
        return [obj.user_id]

    def moments(self, obj: Absence) -> Iterable[datetime]:
        return [obj.start]

    def get_list_display(self, request: HttpRequest) -> tuple:
        return _seen(request, Absence, self.list_display)

    def get_search_fields(self, request: HttpRequest) -> tuple:
        return _seen(request, Absence, self.search_fields)

    def get_fields(self, request: HttpRequest, obj: Absence | None = None) -> tuple:
        return _seen(request, Absence, self.fields, obj.user_id if obj else None)

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> FormField | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in ("start", "end"):
            field.help_text = f"{db_field.help_text} Times are in {timezone.get_current_timezone_name()}."
        return field

    @admin.display(description="from", ordering="start")
    def begins(self, absence: Absence) -> str:
        return local(absence.start)

    @admin.display(description="until", ordering="end")
    def ends(self, absence: Absence) -> str:
        return local(absence.end)


@admin.register(SwapRequest)
class SwapRequestAdmin(ReadOnlyAdmin):
    """Swap requests, read-only: people make and answer them on the page of their own shifts, or by API."""

    readable = True
    list_display = ("asked_by", "of_whom", "schedule", "begins", "ends", "state")
    list_select_related = ("asked_by", "asked", "schedule")
    list_filter = ("state", "schedule")
    search_fields = ("asked_by__username", "asked__username", "schedule__name", "note")
    fields = (
        *("asked_by", "of_whom", "schedule", ("begins", "ends"), ("back_from", "back_until"), "note"),
        *("state", ("answered_by", "answered"), "asked_at"),
    )
    ordering = ("-start",)

    def get_search_fields(self, request: HttpRequest) -> tuple:
        return _seen(request, SwapRequest, self.search_fields)

    def get_fields(self, request: HttpRequest, obj: SwapRequest | None = None) -> tuple:
        to_anyone = obj is not None and obj.asked_id is None
        mine = obj is not None and request.user.pk in (obj.asked_by_id, obj.asked_id)
        return self.fields if to_anyone or mine else _seen(request, SwapRequest, self.fields)

    @admin.display(description="asked", ordering="asked")
    def of_whom(self, swap: SwapRequest) -> str:
        return str(swap.asked or "anyone")

    @admin.display(description="from", ordering="start")
    def begins(self, swap: SwapRequest) -> str:
        return local(swap.start)

    @admin.display(description="until", ordering="end")
    def ends(self, swap: SwapRequest) -> str:
        return local(swap.end)

    @admin.display(description="in return from")
    def back_from(self, swap: SwapRequest) -> str:
        return local(swap.return_start) or "nothing"

    @admin.display(description="in return until")
    def back_until(self, swap: SwapRequest) -> str:
        return local(swap.return_end) or "nothing"

    @admin.display(description="answered")
    def answered(self, swap: SwapRequest) -> str:
        return local(swap.answered_at) or "not yet"

    @admin.display(description="asked on")
    def asked_at(self, swap: SwapRequest) -> str:
        return local(swap.created_at)


@admin.register(HandoverNote)
class HandoverNoteAdmin(ReadOnlyAdmin):
    """Handover notes, read-only: people write them on the page of their own shifts, or by API. They never change."""

    readable = True
    list_display = ("written", "schedule", "by", "__str__")
    list_select_related = ("schedule", "by")
    list_filter = ("schedule",)
    search_fields = ("text", "by__username", "schedule__name")
    fields = ("schedule", "by", "written", "text")

    @admin.display(description="written", ordering="at")
    def written(self, note: HandoverNote) -> str:
        return local(note.at)


def _seen(request: HttpRequest, model: type[Model], names: tuple, owner: int | None = None) -> tuple:
    """The names of columns without the words that are private, for people who may not read those."""
    if access.may_read_private(request.user, model, owner):
        return names
    return tuple(name for name in names if name not in PRIVATE)
