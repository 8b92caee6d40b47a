"""Admin pages that say after an edit or a deletion what it leaves open."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from schedules import clock
from schedules.surfaces.admin import ModelAdmin
from schedules.surfaces.left_open import Before


class WarningAdmin(ModelAdmin):
    """An admin page whose edits concern people, or schedules. Every hook says what for an object, as saved or as it will be."""

    def concerned(self, obj: Any) -> Iterable[int]:
        """The ids of the users that the object concerns."""
        return ()

    def schedules(self, obj: Any) -> Iterable[int]:
        return ()

    def moments(self, obj: Any) -> Iterable[datetime]:
        """When it takes effect, if that is later than now."""
        return ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = [self.model._base_manager.get(pk=obj.pk)] if change else []
        self._look(request, [*saved, obj])
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        self._warn(request)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        self._warn(request)
        return super().response_change(request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self._look(request, [obj])
        super().delete_model(request, obj)
        self._warn(request)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        self._look(request, list(queryset))
        super().delete_queryset(request, queryset)
        self._warn(request)

    def _look(self, request: HttpRequest, objects: list[Any]) -> None:
        people = {pk for obj in objects for pk in self.concerned(obj)}
        schedules = {pk for obj in objects for pk in self.schedules(obj)}
        moments = {at for obj in objects for at in self.moments(obj)}
        request.__dict__["before"] = Before(people, schedules, now=clock.now(), also=moments)

    def _warn(self, request: HttpRequest) -> None:
        for sentence in request.__dict__["before"].warnings():
            self.message_user(request, sentence, messages.WARNING)
