"""The API of escalation policies, each with its steps and targets as one whole."""

from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dispatching.models import EscalationPolicy, Step, Target
from dispatching.policies.forecast import forecast
from schedules import clock
from schedules.models import Schedule, Team
from schedules.surfaces.api import RecordSerializer, StrictSerializer, TeamOwnedResource
from schedules.surfaces.fields import UserField
from schedules.surfaces.filters import NumberFilter, TextFilter


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class TargetIdField(serializers.Field):
    """The id of a target: a number or, for a person, a username."""

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str):
            raise serializers.ValidationError("An id is a number. For a person, a username works, too.")
        return data

    def to_representation(self, value: int) -> int:
        return value


class TargetSerializer(StrictSerializer):
    """A target of a step. A schedule stands for the people who are on duty there when the step runs."""

    KINDS: ClassVar[dict[str, QuerySet[Any]]] = {
        "schedule": Schedule.objects.all(),
        "team": Team.objects.all(),
        "group": Group.objects.filter(team__isnull=True),
    }

    type = serializers.ChoiceField(choices=Target.KINDS)
    id = TargetIdField(help_text="The id of the schedule, person, team or group. For a person, a username works, too.")
    name = serializers.CharField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Returns {kind: the row itself}, the keyword argument of a Target."""
        kind, pk = attrs["type"], attrs["id"]
        if kind == "user":
            try:
                return {kind: UserField().to_internal_value(pk)}
            except serializers.ValidationError as error:
                raise serializers.ValidationError({"id": error.detail}) from None
        target = self.KINDS[kind].filter(pk=pk).first() if isinstance(pk, int) else None
        if target is None:
            raise serializers.ValidationError({"id": f"There is no {kind} with the id {pk!r}."})
        return {kind: target}

    def to_representation(self, target: Target) -> dict[str, Any]:
        return target.snapshot()


class StepSerializer(RecordSerializer):
    blame = "escalate_after"

    targets = TargetSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True, allow_empty=False, max_length=50
    )

    class Meta:
        model = Step
        fields = ("escalate_after", "targets")


class EscalationPolicySerializer(RecordSerializer):
    parts = ("steps",)

    steps = StepSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True,
        allow_empty=False,
        max_length=50,
        help_text="In the order in which they run. The whole list is replaced.",
    )

    warnings = serializers.SerializerMethodField(
        help_text="Sentences about people who could not be reached if it fired now. Null in lists."
    )

    class Meta:
        model = EscalationPolicy
        fields = ("id", "name", "team", "repeat", "description", "steps", "warnings")

    def get_warnings(self, policy: EscalationPolicy) -> list[str] | None:
        return None if self.parent else forecast(policy.snapshot(), clock.now()).warnings

    def put_steps(self, policy: EscalationPolicy, steps: list[dict[str, Any]]) -> None:
        policy.steps.all().delete()
        for order, step in enumerate(steps):
            targets = step.pop("targets")
            row = Step.objects.create(policy=policy, order=order, **step)
            Target.objects.bulk_create(Target(step=row, **target) for target in targets)


class EscalationPolicyFilters(filters.FilterSet):
    name = TextFilter()
    team = NumberFilter(help_text="A team's id.")


class EscalationPolicyViewSet(TeamOwnedResource):
    """Escalation policies: the people to page, and the order. A running escalation follows the policy as it was when it began."""

    queryset = EscalationPolicy.objects.prefetch_related(*(f"steps__targets__{kind}" for kind in Target.KINDS))
    serializer_class = EscalationPolicySerializer
    filterset_class = EscalationPolicyFilters
