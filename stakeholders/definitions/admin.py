"""The admin of notification definitions and their wordings and comments."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from dispatching.models import Service
from dispatching.notices import notices
from schedules import clock
from schedules.surfaces.access import person
from schedules.surfaces.admin import OwnedAdmin, StackedInline, TabularInline, VerbAdmin, local, verb
from stakeholders.definitions import defining, rehearsal
from stakeholders.groups import audience
from stakeholders.models import DefinitionComment, DefinitionWording, NotificationDefinition
from stakeholders.news import wordings
from stakeholders.rules.languages import DEFAULT

LABELS = {"● live": "success", "▲ under discussion": "warning", "■ offline": "danger", "✓ replaced": "info"}


class OncePerLanguage(PaginationInlineFormSet):
    """Refuses two wordings in one language before the database does."""

    def clean(self) -> None:
        super().clean()
        seen = set()
        for form in self.forms:
            data = getattr(form, "cleaned_data", {})
            if not data or data.get("DELETE"):
                continue
            language = data.get("language")
            if language == DEFAULT:
                form.add_error("language", "The English words are those above: choose another language.")
            if language in seen:
                form.add_error("language", "There is already a wording in this language.")
            seen.add(language)


class WordingInline(StackedInline):
    """The definition in other languages and for one ring; like the definition itself, they cannot be edited once it is live."""

    model = DefinitionWording
    formset = OncePerLanguage
    fields = ("ring", "language", "title", "text")
    verbose_name = "wording"
    verbose_name_plural = "other wordings"

    def _may(self, request: HttpRequest, obj: Any = None) -> bool:
        return super()._may(request, obj) and (obj is None or defining.may_edit(obj))

    has_add_permission = has_change_permission = has_delete_permission = _may


class CommentInline(TabularInline):
    """The comments on a definition. They never change; new ones are added below."""

    model = DefinitionComment
    fields = ("question", "text", "who", "when")
    readonly_fields = ("who", "when")
    verbose_name_plural = "comments from the people who would be told"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="by")
    def who(self, comment: DefinitionComment) -> str:
        return comment.by.name if comment.by else ""

    @admin.display(description="when")
    def when(self, comment: DefinitionComment) -> str:
        return local(comment.at)


@admin.register(NotificationDefinition)
class NotificationDefinitionAdmin(VerbAdmin, OwnedAdmin):
    """The admin of definitions. A live one cannot be edited: a change makes a new version. A service's team may write its own."""

    verbs = ("put_live", "take_out", "new_version")
    list_display = ("__str__", "state_now", "service", "slo", "mode")
    list_filter = ("mode", "service")
    autocomplete_fields = ("communicators",)
    list_select_related = ("service", "replaced_by")
    search_fields = ("name", "title", "slo", "service__name")
    inlines = (WordingInline, CommentInline)
    preview_template = "admin/stakeholders/definition.html"
    unguarded = ("live_since", "first_live_at")
    fieldsets = (
        (None, {"fields": ("name", "change_reason", "mode", "communicators")}),
        ("Breach", {"fields": ("service", "slo", "most_important", ("repeats", "within"), "uncovered")}),
        (
            "How important, and to whom",
            {"fields": (("priority", "priority_reason"), ("deployments", "products"), "groups", "chain")},
        ),
        ("Message", {"fields": ("title", "text")}),
        ("Why", {"fields": ("why_major", "why_needed", "what_they_do")}),
        ("For the people on call", {"fields": ("runbook_url", "recording_url")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) or self._own_services(request).exists()

    def may_change(self, request: HttpRequest, obj: NotificationDefinition) -> bool:
        return defining.may_change(person(request), obj)

    def _own_services(self, request: HttpRequest) -> QuerySet[Service]:
        return Service.objects.filter(team__user=request.user.pk)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "service" and not super().has_change_permission(request):
            kwargs["queryset"] = self._own_services(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_readonly_fields(self, request: HttpRequest, obj: NotificationDefinition | None = None) -> tuple[str, ...]:
        if obj is None or defining.may_edit(obj):
            return ()
        return tuple(name for _, part in self.fieldsets for name in _flat(part["fields"]))

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": UnfoldAdminCheckboxSelectMultipleWidget()}
        )

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.model is DefinitionComment:
            for comment in formset.save(commit=False):
                comment.by, comment.at = person(request), clock.now()
        super().save_formset(request, form, formset, change)

    def offered(self, request: HttpRequest, obj: NotificationDefinition) -> list[str]:
        if obj.live_since:
            return ["take_out", "new_version"]
        if hasattr(obj, "replaced_by"):
            return []
        live = ["put_live"] if defining.may_put_live(person(request), obj) else []
        return live if defining.may_edit(obj) else [*live, "new_version"]

    @verb("Put it live", strong=True)
    def put_live(self, request: HttpRequest, obj: NotificationDefinition, now: datetime) -> str:
        told = notices.names(defining.put_live(obj, by=person(request), now=now))
        on_call = f"These people on call are told: {told}." if told else "Nobody is on call for it, so nobody is told."
        return f"{obj} is live: alerts that begin from now on are compared with it. {on_call}"

    @verb("Take it offline")
    def take_out(self, request: HttpRequest, obj: NotificationDefinition, now: datetime) -> str:
        defining.take_out(obj)
        return f"Alerts are no longer compared with {obj}."

    @verb("Make a new version")
    def new_version(self, request: HttpRequest, obj: NotificationDefinition, now: datetime) -> str:
        return f"{defining.new_version(obj)} has been added. Edit it, discuss it, then put it live."

    def preview(self, request: HttpRequest, obj: NotificationDefinition, now: datetime) -> dict[str, Any]:
        where, what, chosen = obj.deployments.all(), obj.products.all(), obj.groups.values_list("pk", flat=True)
        level = obj.most_important.level if obj.most_important else 0  # the priority does not matter yet
        complete = where.exists() and what.exists()
        days = request.GET.get("trial", "")
        return {
            "definition": obj,
            "unattended": "" if obj.live_since or defining.may_put_live(person(request), obj) else defining.UNATTENDED,
            "audience": audience.would_be_told(where, what, chosen, level=level) if complete else None,
            "remarks": wordings.remarks(obj),
            "spans": rehearsal.SPANS,
            "trial": rehearsal.run(obj, int(days), now=now) if days in map(str, rehearsal.SPANS) else None,
            "matches": obj.matches.select_related("alert", "outage").order_by("-pk")[:20],
        }

    @display(description="state", label=LABELS)
    def state_now(self, obj: NotificationDefinition) -> str:
        if obj.live_since:
            return "● live"
        if hasattr(obj, "replaced_by"):
            return "✓ replaced"
        return "▲ under discussion" if obj.first_live_at is None else "■ offline"


def _flat(fields: Any) -> list[str]:
    return [name for line in fields for name in (line if isinstance(line, tuple) else (line,))]
