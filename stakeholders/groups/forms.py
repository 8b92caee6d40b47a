"""Forms about groups: “who would be told?”, a request to change a group, a team's own outage."""

from datetime import datetime
from typing import Any

from django import forms

from dispatching.models import Priority, Service, Severity
from schedules.models import Team
from schedules.surfaces.forms import LocalField, PageForm, SpanField, field_of
from stakeholders.models import ChangeRequest, Deployment, Outage, Product, StakeholderGroup


class GroupsField(forms.ModelMultipleChoiceField):
    """A choice of groups that shows the purpose of each (B42)."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}: {obj.purpose}"


class WouldBeToldForm(forms.Form):
    """Describes an outage that has not happened, to ask who would be told about it."""

    deployments = forms.ModelMultipleChoiceField(
        Deployment.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        label="Where?",
        error_messages={"required": "Choose at least one deployment."},
    )
    products = forms.ModelMultipleChoiceField(
        Product.objects.all(),
        widget=forms.CheckboxSelectMultiple,
        label="What?",
        error_messages={"required": "Choose at least one product."},
    )
    priority = forms.ModelChoiceField(
        Priority.objects.all(),
        required=False,
        empty_label="any",
        help_text="Some subscribers want to hear only about important outages.",
    )
    severity = forms.ChoiceField(
        choices=[("", "any"), *Severity.choices], required=False, help_text="The rules of rings may ask for it."
    )
    recovery_in = SpanField(
        required=False,
        label="Recovery is expected in",
        help_text="For example 3 h. The rules of rings may ask for it.",
    )
    groups = GroupsField(
        StakeholderGroup.objects.all(),
        required=False,
        label="Only these groups",
        help_text="Leave all boxes empty to ask about every group that covers it, or choose some to ask about them and their matching "
        "subgroups.",
    )


class ChangeForm(PageForm, forms.ModelForm):
    """A request to change a group, for example from a colleague in sales or marketing (B29)."""

    due_at = LocalField(label="Needed by", help_text="When the change must be in place.")

    class Meta:
        model = ChangeRequest
        fields = ("group", "what", "why", "due_at")
        labels = {"what": "What should change?", "why": "Why?"}
        help_texts = {"what": "For example: it should cover product C, too."}
        widgets = {"what": forms.Textarea(attrs={"rows": 3}), "why": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="change_%s", **kwargs)
        self.now = now
        self.fields["group"] = forms.ModelChoiceField(
            StakeholderGroup.objects.all(), required=False, label="Which group?", empty_label="a new group"
        )

    def clean_due_at(self) -> datetime:
        due_at = self.cleaned_data["due_at"]
        if due_at <= self.now:
            raise forms.ValidationError("That time has passed.")
        return due_at


class OwnOutageForm(PageForm, forms.ModelForm):
    """A team's own outage, caused by another one; the form starts with the title, deployments and products of the cause."""

    class Meta:
        model = Outage
        fields = ("title", "deployments", "products", "services")
        labels = {"title": "What is affected?", "deployments": "Where?", "products": "Which products?"}
        help_texts = {"deployments": "", "products": ""}
        widgets = dict.fromkeys(("deployments", "products", "services"), forms.CheckboxSelectMultiple)

    def __init__(self, data: Any, *, cause: Outage, team: Team, **kwargs: Any) -> None:
        initial = {"title": cause.title, "deployments": cause.deployments.all(), "products": cause.products.all()}
        super().__init__(data, initial=initial, use_required_attribute=False, **kwargs)
        field_of(self, "services", forms.ModelMultipleChoiceField).queryset = Service.objects.filter(team=team)
