"""Admin forms that show whose shifts an edit changes, on request before it is saved and again when it is saved."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.messages.storage import default_storage
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from schedules import clock
from schedules.oncall import duties_between
from schedules.surfaces.admin import TeamOwnedAdmin
from schedules.surfaces.changes import changes
from schedules.templatetags.times import day_and_time

WEEKS = 8
SHOWN = 20
LOOK, SEEN = "_look", "_hints"


def _seen(hints: list[str]) -> str:
    return sha256("\n".join(hints).encode()).hexdigest() if hints else ""


class OnlyLook(forms.ModelForm):
    """A form that is checked and shown again as it was sent, but never saved."""

    def is_valid(self) -> bool:
        super().is_valid()
        return False


class ForesightAdmin(TeamOwnedAdmin):
    """An admin page with “Show what this would change”, which makes the edit, compares, and rolls it back."""

    change_form_after_template = "admin/schedules/look.html"

    def affected(self, pk: str | int) -> Iterable[int]:
        """The ids of the schedules that the object with this id affects."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, extra_context)
        hints_before = self.hints(object_id) if object_id and object_id.isdecimal() else {}
        now = clock.now()
        request.span = now, now + timedelta(weeks=WEEKS)  # type: ignore[attr-defined]
        with transaction.atomic():
            request.before = duties_between(self._known(object_id), *request.span)  # type: ignore[attr-defined]
            response = super().changeform_view(request, object_id, form_url, extra_context)
            if not hasattr(request, "changes"):
                return response
            hints = [text for cause, text in self.hints(request.saved).items() if cause not in hints_before]  # type: ignore[attr-defined]
            if LOOK not in request.POST and request.POST.get(SEEN, "") == _seen(hints):
                return response
            transaction.set_rollback(True)
        request._messages = default_storage(request)  # type: ignore[attr-defined]  # what was said of the edit is not true
        differences = request.changes
        shown = {"looked": True, "changes": differences[:SHOWN], "more": len(differences) - SHOWN, "ahead": WEEKS}
        shown |= {"hints": hints, "hints_seen": _seen(hints)}
        request.only_look = True  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **shown})

    def hints(self, pk: str | int) -> Mapping[Any, str]:
        """Sentences for people who save the object with this id, by their cause. If a cause is new, they have to save twice."""
        raise NotImplementedError

    def lacks(self, obj: Any) -> Iterable[str]:
        """Sentences about what is missing in the object, said each time it is saved."""
        raise NotImplementedError

    def _known(self, object_id: str | None) -> list[int]:
        return list(self.affected(object_id)) if object_id and object_id.isdecimal() else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (OnlyLook, form), {}) if hasattr(request, "only_look") else form

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        return self._answer(request, obj) or super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        return self._answer(request, obj) or super().response_change(request, obj)

    def _answer(self, request: HttpRequest, obj: Any) -> HttpResponse | None:
        before = request.before  # type: ignore[attr-defined]
        request.saved = obj.pk  # type: ignore[attr-defined]
        affected = set(before) | set(self.affected(obj.pk))
        request.changes = differences = changes(before, duties_between(affected, *request.span))  # type: ignore[attr-defined]
        if LOOK in request.POST:
            return HttpResponse()
        moved = [change for change in differences if change.schedule.pk in before]
        if moved:
            first, zone = moved[0], moved[0].schedule.time_zone
            text = (
                f"This changes who is on duty {len(moved)} time{'s' if len(moved) > 1 else ''} in the next {WEEKS} weeks, "
                f"first on {first.schedule}, from {day_and_time(first.start.astimezone(zone))} ({zone}): {first}."
            )
            self.message_user(request, text, messages.WARNING)
        for text in self.lacks(obj):
            self.message_user(request, text, messages.WARNING)
        return None
