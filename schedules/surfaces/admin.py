"""Base classes of all our admin pages, which derive from these and not from a package's classes."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import get_fields_from_path, quote, unquote
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.db.models import Model
from django.forms.models import _get_foreign_key
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.views.decorators.http import require_POST
from guardian.models import GroupObjectPermission, UserObjectPermission
from unfold import admin as unfold
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminTextareaWidget

from schedules import clock
from schedules.models.zones import TimeZoneField
from schedules.refused import Refused
from schedules.surfaces import access, locks, once
from schedules.surfaces.forms import OneErrorForm, SpanField, blame, limits
from schedules.surfaces.zone_select import ZoneSelect
from schedules.templatetags.times import when
from schedules.validators import in_reach, one_line, printable

# Of forms, and of the rows in them.
FIELDS: dict[type[models.Field], dict[str, Any]] = {
    models.DurationField: {"form_class": SpanField},
    models.TimeField: {"error_messages": {"invalid": "Write a time of day, for example 09:00."}},
}

SEEN = "_seen"
CHANGED = (
    "Somebody else has changed this since you opened it, so nothing was saved. "
    "Open the page again to see what they did, then make your change."
)
FILTERED_BY = ("exact", "isnull", "isempty", "gte", "lt")
DATES = ("year", "month", "day")


def local(at: datetime | None) -> SafeString | str:
    """The instant in the reader's own zone (the admin site sets it) and in UTC."""
    return when(at, timezone.get_current_timezone())


def picker(field: Any) -> AutocompleteSelectMultiple:
    """A search box for several objects of the kind that the foreign key `field` points to."""
    return AutocompleteSelectMultiple(field, admin.site)


def _is_id(value: Any) -> bool:
    return str(value).isascii() and str(value).isdigit() and len(str(value)) <= 18


class SavedByVerb(OneErrorForm):
    """A form that keeps what was typed in and shows why the verb that saves it was refused."""

    refused: Refused | None

    def full_clean(self) -> None:
        super().full_clean()
        if self.refused and self.is_bound:
            blame(self, self.refused)


class EditGuard(forms.ModelForm):
    """Refuses a form if somebody else has saved a change since it was opened (faults F13)."""

    fingerprint: Callable[[Any], str]

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        seen = self.data.get(SEEN)
        # The row is locked, so a second save at the same time waits until it can see the first one.
        if seen and self.instance.pk and seen != self.fingerprint(self.instance):
            raise forms.ValidationError(CHANGED)
        return cleaned


def _asked_by(model: type[Model], entry: Any) -> set[str]:
    """The parameters that a filter of a list puts into its address."""
    if not isinstance(entry, str | tuple):
        return {entry.parameter_name}
    name = entry if isinstance(entry, str) else entry[0]
    other = get_fields_from_path(model, name)[-1].related_model
    key = {f"{name}__{other._meta.pk.name}__exact"} if other else set()
    return {name, *key, *(f"{name}__{how}" for how in FILTERED_BY)}


class PrintableFields:
    """Refuses control characters in what is typed in, and says limits plainly. `raw`: fields that take any text."""

    raw: tuple[str, ...] = ()

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc]
        if field is not None:
            field.error_messages |= limits(db_field)
        if isinstance(field, forms.DateTimeField | forms.SplitDateTimeField):
            field.validators.append(in_reach)
        if isinstance(field, forms.CharField) and db_field.name not in self.raw:
            field.validators += [printable, one_line] if isinstance(db_field, models.CharField) else [printable]
        return field


class ModelAdmin(PrintableFields, unfold.ModelAdmin):
    """A form with a read-only preview below it, guarded against concurrent edits.

    `readable`: everybody who may log in to the admin may view it. `preview_template` draws what `preview` computes.
    `unguarded`: fields whose changes do not count as edits.
    """

    change_form_template = "admin/verb_change_form.html"
    formfield_overrides = FIELDS | {
        models.TextField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})},
        models.URLField: {"assume_scheme": "https"},
    }
    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    readable = False
    preview_template = ""
    unguarded: tuple[str, ...] = ()

    def formfield_for_choice_field(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field:
        if isinstance(db_field, TimeZoneField):  # hundreds of zones: people type part of the name
            kwargs.setdefault("widget", ZoneSelect())
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allows what the filters of the list offer, and nothing else (S6).

        Django allows every lookup on a column of its own: one letter after the other, `token__startswith` tells what
        the page hides, and `summary__regex` keeps the database busy.
        """
        offered = {f"{self.date_hierarchy}__{part}" for part in DATES if self.date_hierarchy}
        return lookup in offered.union(*(_asked_by(self.model, entry) for entry in self.get_list_filter(request)))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address of an empty form fills in, without what cannot be the id of a row (S17)."""
        initial = super().get_changeform_initial_data(request)
        ids = {field.name for field in self.model._meta.fields if field.is_relation}
        return {name: value for name, value in initial.items() if name not in ids or _is_id(value)}

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.readable or super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.readable or super().has_view_permission(request, obj)

    def preview(self, request: HttpRequest, obj: Any, now: datetime) -> dict[str, Any]:
        """The context of `preview_template`, for the object as saved. Writes nothing."""
        return {}

    def guarded(self, obj: Any) -> Iterable[Any]:
        """The rows that this form edits, as values; the form is refused if they have changed since it was opened."""
        model = type(obj)
        columns = [f.attname for f in model._meta.concrete_fields if f.name not in self.unguarded]
        yield model._base_manager.filter(pk=obj.pk).values_list(*columns)
        for inline in self.inlines:
            key = _get_foreign_key(self.model, inline.model, fk_name=inline.fk_name).name
            yield inline.model._base_manager.filter(**{key: obj.pk}).order_by("pk").values_list()

    def fingerprint(self, obj: Any) -> str:
        return hashlib.sha256(repr([list(values) for values in self.guarded(obj)]).encode()).hexdigest()

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        form = super().get_form(request, obj, change=change, **kwargs)
        guards = (SavedByVerb, EditGuard) if obj else (SavedByVerb,)
        more = {"fingerprint": staticmethod(self.fingerprint), "refused": request.__dict__.get("refused")}
        return type(form.__name__, (*guards, form), more)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        given = object_id, form_url, extra_context
        try:
            return once.answer(request, lambda: self._edit(request, *given), now=clock.now())
        except Refused as refused:
            # Nothing was saved. Render again, so that the form shows the refusal.
            request.__dict__["refused"] = refused
            return super().changeform_view(request, *given)

    def _edit(self, request: HttpRequest, object_id: str | None, *given: Any) -> HttpResponse:
        with transaction.atomic():
            if object_id and request.method == "POST" and (obj := self.get_object(request, unquote(object_id))):
                locks.hold(type(obj), obj.pk)
            return super().changeform_view(request, object_id, *given)

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None and self.has_change_permission(request, obj):
            context["seen"] = request.POST.get(SEEN) or self.fingerprint(obj)
        if obj is not None and self.preview_template:
            context.update(preview_template=self.preview_template, **self._preview(request, obj))
        return super().render_change_form(request, context, *args, **kwargs)

    def _preview(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        now = clock.now()
        # Load it as saved, because after a refused form `obj` carries what was typed in.
        saved = self.get_queryset(request).get(pk=obj.pk)
        return {"now": now, "zone": timezone.get_current_timezone(), **self.preview(request, saved, now)}


class ReadOnlyAdmin(ModelAdmin):
    """Admin pages for records that the engine or people write elsewhere, and that can only be read here."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def verb(label: str, *, strong: bool = False, asks: str = "") -> Callable:
    """Marks a method `(request, obj, now) -> sentence for the person` as a button with this label.

    With `asks`, the button opens a second one with this label, which does it.
    """

    def mark(method: Callable) -> Callable:
        method.label, method.strong, method.asks = label, strong, asks  # type: ignore[attr-defined]
        return method

    return mark


class VerbAdmin(ModelAdmin):
    """A page with buttons that call verbs, by POST and with a CSRF token; a GET changes nothing (faults K11).

    `verbs` names methods marked with `verb`. If one is refused, the sentence is shown as a message.
    """

    verbs: tuple[str, ...] = ()
    # Show verbs that are not offered as well, so that none ever lies where another lay a moment before.
    in_place = False

    def may_call(self, request: HttpRequest, name: str, obj: Any) -> bool:
        return self.has_change_permission(request, obj)

    def offered(self, request: HttpRequest, obj: Any) -> Iterable[str]:
        """The verbs that make sense for `obj` in its present state."""
        return self.verbs

    def get_urls(self) -> list:
        meta = self.model._meta
        name = f"{meta.app_label}_{meta.model_name}_verb"
        view = self.admin_site.admin_view(self.call)
        return [path("<path:object_id>/verb/<str:name>/", view, name=name), *super().get_urls()]

    @method_decorator(require_POST)
    def call(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        obj = self.get_object(request, unquote(object_id))
        if obj is None or name not in self.verbs:
            raise Http404
        if not self.may_call(request, name, obj):
            raise PermissionDenied
        now, meta = clock.now(), self.model._meta
        page = redirect(f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change", quote(obj.pk))
        method = getattr(self, name)

        def act() -> HttpResponse:
            self.message_user(request, method(request, obj, now), messages.SUCCESS)
            self.log_change(request, obj, f"{method.label}.")
            return page

        try:
            return once.answer(request, act, now=now)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        return page

    def render_change_form(self, request: HttpRequest, context: dict, *args: Any, **kwargs: Any) -> HttpResponse:
        obj = kwargs.get("obj")
        if obj is not None:
            names = [name for name in self.offered(request, obj) if self.may_call(request, name, obj)]
            shown = self.verbs if self.in_place and names else names
            # Not the methods themselves, which a template would call.
            methods = ((name, getattr(self, name)) for name in shown)
            context["verbs"] = [(name, m.label, m.strong, m.asks, name in names) for name, m in methods]
        return super().render_change_form(request, context, *args, **kwargs)


class OwnedAdmin(ModelAdmin):
    """Everybody may view all objects; people who have been granted an object may change it."""

    readable = True

    def may_change(self, request: HttpRequest, obj: Any) -> bool:
        return access.may(request.user, "change", obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple:
        """Leaves out the grants, which go with their object and tell nobody anything."""
        shown, counts, *rest = super().get_deleted_objects(objs, request)
        grants = [model._meta for model in (GroupObjectPermission, UserObjectPermission)]
        lines = tuple(str(capfirst(meta.verbose_name)) for meta in grants)
        shown = [line for line in shown if not str(line).startswith(lines)]
        return shown, {n: c for n, c in counts.items() if n not in {m.verbose_name_plural for m in grants}}, *rest

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if obj is None:
            return super().has_change_permission(request)
        # Cached for the request: a page asks a dozen times, and each answer costs queries.
        answers = request.__dict__.setdefault("may_change", {})
        if obj not in answers:
            answers[obj] = self.may_change(request, obj)
        return answers[obj]


class TeamOwnedAdmin(OwnedAdmin):
    """The team that owns an object may change it; giving it to another team needs the right to change all objects."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if obj is None or super().has_change_permission(request) else (*fields, "team")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = type(obj)._base_manager.get(pk=obj.pk).team if change else None
        super().save_model(request, obj, form, change)
        access.grant_to_team(obj, before=before)


class PartOfParent(PrintableFields):
    """Inline rows as part of their parent: people who may change the parent may change its rows."""

    parent_model: type[Model]
    admin_site: admin.AdminSite
    extra = 0
    formfield_overrides = FIELDS

    def _may(self, request: HttpRequest, obj: Model | None = None) -> bool:
        parent = self.admin_site.get_model_admin(self.parent_model)
        return parent.has_change_permission(request, obj) if obj else parent.has_add_permission(request)

    has_add_permission = has_change_permission = has_delete_permission = _may

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.admin_site.get_model_admin(self.parent_model).has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_for_update(of=("self",), no_key=True) if locks.edits(request) else rows


class TabularInline(PartOfParent, unfold.TabularInline):
    pass


class StackedInline(PartOfParent, unfold.StackedInline):
    template_before = "admin/rows_refused.html"


class OrderedFormSet(PaginationInlineFormSet):
    """Rows in the order of their numbers, which begin at 1 in the form and at 0 in the table; rows without a number come last."""

    LAST = 10_000

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        order = form.fields.get("order")  # absent for people who may only view
        if order:
            order.required = False
            order.help_text = "1 comes first. Drag the row, or leave this empty to put it last."
            form.initial["order"] = None if form.instance.pk is None else form.instance.order + 1
            order.initial = None

    def clean(self) -> None:
        super().clean()
        for number, form in enumerate(self.forms):
            if form.instance.order is None or form.cleaned_data.get("order") is None:
                form.instance.order = self.LAST + number

    def save(self, commit: bool = True) -> list:
        saved = super().save(commit)
        if commit:
            typed = {form.instance.pk: form.cleaned_data.get("order") for form in self.forms if form.cleaned_data}
            siblings = self.model._base_manager.filter(**{self.fk.name: self.instance}).order_by("order", "pk")
            ranks = [(self.LAST if typed.get(row.pk) is None else typed[row.pk], row.order, row.pk) for row in siblings]
            for number, (_, _, pk) in enumerate(sorted(ranks)):
                self.model._base_manager.filter(pk=pk).exclude(order=number).update(order=number)
        return saved
