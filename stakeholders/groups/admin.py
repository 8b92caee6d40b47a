"""The admin of stakeholder groups, and the picture of the matrix (deployments × products) that they cover."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from schedules import clock
from schedules.surfaces.admin import OwnedAdmin, VerbAdmin, local, verb
from stakeholders.groups import audience, groups, matrix, seats, simulation
from stakeholders.groups.forms import WouldBeToldForm
from stakeholders.groups.matrix_admin import TO_MATRIX
from stakeholders.models import StakeholderGroup, Subscription
from stakeholders.rules.audience import faults

ACTIVE = Q(subscriptions__state=Subscription.State.ACTIVE)
PEOPLE = Count("subscriptions__contact_point__recipient", filter=ACTIVE, distinct=True)


class PastReview(admin.SimpleListFilter):
    title = "review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "past"), ("none", "no date set")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        if self.value() == "past":
            return queryset.past_review(clock.now().date())
        return queryset.filter(review_by=None) if self.value() == "none" else queryset


class GroupForm(forms.ModelForm):
    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        names = ("deployments", "all_deployments", "products", "all_products")
        if all(name in cleaned for name in names):
            for field, sentence in faults(**{name: bool(cleaned[name]) for name in names}).items():
                self.add_error(field, sentence)
        return cleaned


@admin.register(StakeholderGroup)
class StakeholderGroupAdmin(VerbAdmin, OwnedAdmin):
    """The admin of groups. The owner may change the group; changing the owner needs the permission to change all groups."""

    form = GroupForm
    list_display = ("name", "ring", "purpose", "covered", "subscribers", "openness", "owner", "review")
    list_filter = (PastReview, "ring", "openness", "deployments", "products")
    list_select_related = ("owner", "parent", "ring")
    list_before_template = TO_MATRIX
    search_fields = ("name", "purpose")
    autocomplete_fields = ("parent", "owner", "representatives")
    fieldsets = (
        (None, {"fields": ("name", "purpose", "ring", "parent")}),
        ("What it covers", {"fields": ("deployments", "all_deployments", "products", "all_products")}),
        ("Who may join, and what they read", {"fields": ("openness", "advice")}),
        ("Who looks after it", {"fields": ("owner", "representatives", "review_by")}),
    )
    preview_template = "admin/stakeholders/group.html"
    unguarded = ("covers_since",)
    verbs = ("reviewed",)

    # --- permissions --------------------------------------------------------------------------------------------------

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple:
        return () if obj is None or super().has_change_permission(request) else ("owner",)

    # --- the form -----------------------------------------------------------------------------------------------------

    def formfield_for_manytomany(self, db_field: Field, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in ("deployments", "products"):
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def guarded(self, obj: Any) -> Iterable[Any]:
        yield from super().guarded(obj)
        for name in ("deployments", "products", "representatives"):
            yield getattr(obj, name).order_by("pk").values_list("pk")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = StakeholderGroup.objects.get(pk=obj.pk) if change else None
        form.covered = groups.covers(saved) if saved else ""
        super().save_model(request, obj, form, change)
        groups.grant_to_owner(obj, before=saved.owner if saved else None)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        groups.note_coverage(form.instance, form.covered, now=clock.now())

    @verb("Confirm that it still fits")
    def reviewed(self, request: HttpRequest, group: StakeholderGroup, now: datetime) -> str:
        groups.reviewed(group, now=now)
        return f"The next review of {group} is due by {group.review_by}."

    # --- the list and the preview -------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).prefetch_related("deployments", "products").annotate(people=PEOPLE)

    @admin.display(description="covers")
    def covered(self, group: StakeholderGroup) -> str:
        return groups.covers(group)

    @admin.display(description="subscribers", ordering="people")
    def subscribers(self, group: Any) -> int:
        return group.people

    @admin.display(description="review by", ordering="review_by")
    def review(self, group: StakeholderGroup) -> str:
        return groups.review_words(group, clock.now().date())

    def preview(self, request: HttpRequest, obj: StakeholderGroup, now: datetime) -> dict[str, Any]:
        products, rows = matrix.covered(obj)
        return {
            "products": products,
            "rows": rows,
            "covers": groups.covers(obj),
            "since": local(obj.covers_since),
            "by_medium": groups.by_medium(obj),
            "review": groups.review_words(obj, now.date()),
            "subgroups": obj.subgroups.all(),
            "requests": obj.change_requests.waiting(),
        }

    # --- the matrix ---------------------------------------------------------------------------------------------------

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.matrix)
        return [path("matrix/", view, name="stakeholders_matrix"), *super().get_urls()]

    @method_decorator(require_safe)
    def matrix(self, request: HttpRequest) -> HttpResponse:
        """Shows the picture of the matrix and answers “who would be told?”. Reads only."""
        form = WouldBeToldForm(request.GET if request.GET else None)
        reach, steps, now = None, [], clock.now()
        if form.is_bound and form.is_valid():
            data = form.cleaned_data
            chosen, level = [group.pk for group in data["groups"]], data["priority"].level if data["priority"] else 0
            reach = audience.would_be_told(data["deployments"], data["products"], chosen, level=level)
            more = {"severity": data["severity"], "recovery_in": data["recovery_in"]}
            steps = simulation.simulate(reach, level=level or None, now=now, **more)
        context = {
            **self.admin_site.each_context(request),
            "title": "Who is told where: groups by geography and product",
            "picture": matrix.picture(),
            "past_review": StakeholderGroup.objects.past_review(clock.now().date()),
            "missing": groups.missing(),
            "seats": seats.estimate(now),
            "spans": seats.SPANS,
            "may_add": self.has_add_permission(request),
            "form": form,
            "audience": reach,
            "steps": [(step, step.told_at - now if step.told_at else None) for step in steps],
            "priority": form.cleaned_data.get("priority") if reach else None,
        }
        return render(request, "admin/stakeholders/matrix.html", context, status=400 if form.errors else 200)
