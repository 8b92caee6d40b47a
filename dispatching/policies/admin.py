"""The admin of escalation policies: their steps and targets, and a forecast for an alert that starts now."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from dispatching.models import EscalationPolicy, Step, Target
from dispatching.policies.forecast import forecast
from schedules import clock
from schedules.models import Schedule, Team, User
from schedules.surfaces.admin import OrderedFormSet, StackedInline, TeamOwnedAdmin, picker

# The form's field → the target's field.
PICKED = {"schedules": "schedule", "people": "user", "teams": "team", "groups": "group"}


def _several(kind: str, queryset: QuerySet, help_text: str) -> forms.ModelMultipleChoiceField:
    widget = picker(Target._meta.get_field(kind))
    return forms.ModelMultipleChoiceField(queryset, required=False, widget=widget, help_text=help_text)


class StepForm(forms.ModelForm):
    """One step with all its targets in the same row of the form."""

    schedules = _several(
        "schedule", Schedule.objects.all(), "Pages the people who are on duty there when the step runs."
    )
    people = _several("user", User.objects.all(), "Pages these people, on duty or not.")
    teams = _several("team", Team.objects.all(), "Pages everyone on these teams, on duty or not.")
    groups = _several(
        "group", Group.objects.filter(team=None), "Pages everyone in these groups of people across teams."
    )

    class Meta:
        model = Step
        fields = ("order", "escalate_after")
        help_texts: ClassVar = {
            "escalate_after": "How long these people have to acknowledge before the next step runs, such as 5 min or 1 h 30 min."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        targets = self.instance.targets.all() if self.instance.pk else []
        for field, kind in PICKED.items():
            self.fields[field].initial = [pk for target in targets if (pk := getattr(target, f"{kind}_id"))]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not any(cleaned.get(field) for field in PICKED):
            raise forms.ValidationError("Choose whom this step pages: a schedule, a person, a team or a group.")
        return cleaned

    def _save_m2m(self) -> None:
        super()._save_m2m()  # type: ignore[misc]
        for field, kind in PICKED.items():
            chosen = self.cleaned_data[field]
            mine = self.instance.targets.filter(**{f"{kind}__isnull": False})
            mine.exclude(**{f"{kind}__in": chosen}).delete()
            there = set(mine.values_list(f"{kind}_id", flat=True))
            for choice in chosen:
                if choice.pk not in there:
                    Target.objects.create(step=self.instance, **{kind: choice})


class StepInline(StackedInline):
    model = Step
    form = StepForm
    formset = OrderedFormSet
    ordering_field = "order"
    fields = (("order", "escalate_after"), ("schedules", "people"), ("teams", "groups"))
    verbose_name_plural = "steps: who is paged, and how long they have"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Step]:
        return super().get_queryset(request).prefetch_related("targets")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        return () if self.has_change_permission(request, obj) else ("whom",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        # Only the model's own fields can be shown as text.
        return self.fields if self.has_change_permission(request, obj) else ("escalate_after", "whom")

    @admin.display(description="pages")
    def whom(self, step: Step) -> str:
        return ", ".join(str(target) for target in step.targets.all())


@admin.register(EscalationPolicy)
class EscalationPolicyAdmin(TeamOwnedAdmin):
    list_display = ("name", "team", "steps", "repeat", "services")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    fields = (("name", "team"), "repeat", "description")
    inlines = (StepInline,)
    preview_template = "admin/dispatching/forecast.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        counts = {"n_steps": Count("steps", distinct=True), "n_services": Count("services", distinct=True)}
        return super().get_queryset(request).annotate(**counts)

    @admin.display(ordering="n_steps")
    def steps(self, policy: Any) -> int:
        return policy.n_steps

    @admin.display(ordering="n_services")
    def services(self, policy: Any) -> int:
        return policy.n_services

    def guarded(self, obj: EscalationPolicy) -> Iterable[Any]:
        yield from super().guarded(obj)
        yield Target.objects.filter(step__policy=obj).order_by("pk").values_list()

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        for warning in forecast(form.instance.snapshot(), clock.now()).warnings:
            self.message_user(request, warning, messages.WARNING)

    def preview(self, request: HttpRequest, obj: EscalationPolicy, now: datetime) -> dict[str, Any]:
        return {"forecast": forecast(obj.snapshot(), now), "services": obj.services.all()}
