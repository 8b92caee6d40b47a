"""The REST API of deployments, products, groups and rings."""

from datetime import timedelta
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching.models import Priority, Severity
from schedules import clock
from schedules.surfaces.api import RecordSerializer, Resource, StrictSerializer, TeamMayChange
from schedules.surfaces.fields import InstantField, UserField
from schedules.surfaces.filters import NumberFilter, TextFilter, YesNoFilter
from stakeholders.groups import audience, groups, simulation
from stakeholders.models import Deployment, Product, StakeholderGroup, StakeholderRing
from stakeholders.rules.audience import faults


class SideSerializer(RecordSerializer):
    blame = "name"


class DeploymentSerializer(SideSerializer):
    class Meta:
        model = Deployment
        fields = ("id", "name", "description", "order")


class ProductSerializer(SideSerializer):
    class Meta:
        model = Product
        fields = ("id", "name", "description", "order")


class ByName(filters.FilterSet):
    name = TextFilter(lookup_expr="iexact")


class DeploymentViewSet(Resource):
    """Deployments: the geographies, the rows of the matrix."""

    queryset = Deployment.objects.all()
    serializer_class = DeploymentSerializer
    filterset_class = ByName


class ProductViewSet(Resource):
    """Products: the columns of the matrix."""

    queryset = Product.objects.all()
    serializer_class = ProductSerializer
    filterset_class = ByName


SECOND = timedelta(seconds=1)


class RuleSerializer(StrictSerializer, serializers.ModelSerializer):
    elapsed = serializers.DurationField(
        required=False, allow_null=True, min_value=SECOND, help_text="The time since the announcement."
    )
    projected = serializers.DurationField(
        required=False, allow_null=True, min_value=SECOND, help_text="The time from the announcement to the recovery."
    )
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, allow_null=True, allow_blank=True)

    class Meta:
        model = StakeholderRing
        fields = ("match", "elapsed", "projected", "priority", "severity")

    def validate_severity(self, severity: str | None) -> str:
        return severity or ""

    def to_representation(self, ring: StakeholderRing) -> dict[str, Any]:
        return {name: value or None for name, value in super().to_representation(ring).items()}


class StakeholderRingSerializer(RecordSerializer):
    blame = "number"
    parts = ("groups",)

    groups = serializers.PrimaryKeyRelatedField(
        many=True,
        required=False,
        queryset=StakeholderGroup.objects.all(),
        help_text="The groups in the ring; the whole list is replaced. A group lies in one ring.",
    )
    rule = RuleSerializer(
        source="*",
        required=False,
        help_text="When the ring is told. The innermost ring that is affected is told at once, whatever its rule.",
    )
    sentence = serializers.CharField(source="rule.sentence", read_only=True, help_text="The rule in plain words.")

    class Meta:
        model = StakeholderRing
        fields = ("id", "number", "name", "boundary", "groups", "rule", "sentence")

    def validate_groups(self, groups: list[StakeholderGroup]) -> list[StakeholderGroup]:
        for group in groups:
            if group.ring and group.ring != self.instance:
                raise serializers.ValidationError(f"{group} lies in {group.ring}: a group lies in one ring.")
        return groups

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        ring = StakeholderRing(number=0, boundary=attrs.get("boundary", getattr(self.instance, "boundary", "")))
        for group in attrs.get("groups", ()):
            if why := ring.boundary and ring.too_open(group.openness):
                raise serializers.ValidationError({"groups": [f"{group}: {why}"]})
        return attrs

    def put_groups(self, ring: StakeholderRing, groups: list[StakeholderGroup]) -> None:
        ring.groups.set(groups)


class SimulationSerializer(StrictSerializer):
    deployments = serializers.PrimaryKeyRelatedField(many=True, queryset=Deployment.objects.all(), allow_empty=False)
    products = serializers.PrimaryKeyRelatedField(many=True, queryset=Product.objects.all(), allow_empty=False)
    priority = serializers.SlugRelatedField(slug_field="level", queryset=Priority.objects.all(), help_text="1 to 5.")
    severity = serializers.ChoiceField(choices=Severity.choices, required=False, default="", allow_blank=True)
    recovery_in = serializers.DurationField(
        required=False, allow_null=True, default=None, min_value=SECOND, help_text="The time until it will be over."
    )


class StepSerializer(serializers.Serializer):
    ring = serializers.IntegerField(source="ring.number")
    told_at = InstantField(allow_null=True, help_text="Null if the ring would not be told.")
    people = serializers.IntegerField(help_text="People, each counted in the innermost ring that tells them.")
    why = serializers.CharField()


class RingFilters(filters.FilterSet):
    number = NumberFilter()
    boundary = filters.ChoiceFilter(choices=StakeholderRing.Boundary)


class StakeholderRingViewSet(Resource):
    """Rings of groups. Rings with a lower number are told earlier."""

    queryset = StakeholderRing.objects.prefetch_related("groups")
    serializer_class = StakeholderRingSerializer
    filterset_class = RingFilters

    @extend_schema(request=SimulationSerializer, responses={200: StepSerializer(many=True)})
    @action(
        detail=False,
        methods=["post"],
        permission_classes=[IsAuthenticated],
        filterset_class=None,
        pagination_class=None,
    )
    def simulate(self, request: Request) -> Response:
        """Returns which rings would be told when about an outage that is announced now. Writes nothing."""
        given = SimulationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        outage = given.validated_data
        level = outage.pop("priority").level
        reach = audience.would_be_told(outage.pop("deployments"), outage.pop("products"), level=level)
        steps = simulation.simulate(reach, level=level, now=clock.now(), **outage)
        return Response(StepSerializer(steps, many=True).data)


class StakeholderGroupSerializer(RecordSerializer):
    blame: ClassVar[str] = "name"
    instead: ClassVar = {"covers": ("deployments", "products")}
    passing = ("covers_since",)

    owner = UserField(required=False, allow_null=True, help_text="The person who may change it: id or username.")
    representatives = UserField(many=True, required=False, help_text="Ids or usernames; the whole list is replaced.")
    covers = serializers.SerializerMethodField(help_text="What it covers, in words.")
    covers_since = InstantField(
        read_only=True, help_text="When this coverage took effect. Null means from the beginning."
    )

    class Meta:
        model = StakeholderGroup
        fields = (
            *("id", "name", "purpose", "ring", "parent", "deployments", "all_deployments", "products", "all_products"),
            *("covers", "covers_since", "openness", "advice", "owner", "representatives", "review_by"),
        )

    @extend_schema_field(str)
    def get_covers(self, group: StakeholderGroup) -> str:
        return groups.covers(group)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        wrong = faults(**{name: self._some(attrs, name) for name in ("deployments", "products")}, **self._all(attrs))
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs

    def _some(self, attrs: dict[str, Any], name: str) -> bool:
        if name in attrs:
            return bool(attrs[name])
        return self.instance is not None and getattr(self.instance, name).exists()

    def _all(self, attrs: dict[str, Any]) -> dict[str, bool]:
        names = ("all_deployments", "all_products")
        return {name: attrs.get(name, getattr(self.instance, name, False)) for name in names}


class GroupFilters(filters.FilterSet):
    name = TextFilter(lookup_expr="iexact")
    parent = NumberFilter(help_text="The id of a group whose subgroups to list.")
    owner = NumberFilter(help_text="A person's id.")
    openness = filters.ChoiceFilter(choices=StakeholderGroup.Openness)
    deployment = NumberFilter(method="in_deployment", help_text="The id of a deployment that the groups cover.")
    product = NumberFilter(method="of_product", help_text="The id of a product that the groups cover.")
    past_review = YesNoFilter(method="by_review", help_text="Whether the review date has passed.")

    def in_deployment(self, queryset: QuerySet, name: str, pk: int) -> QuerySet:
        chosen = Deployment.objects.filter(pk=pk)
        return queryset.filter(Q(deployments__in=chosen) | Q(all_deployments=True)).distinct()

    def of_product(self, queryset: QuerySet, name: str, pk: int) -> QuerySet:
        chosen = Product.objects.filter(pk=pk)
        return queryset.filter(Q(products__in=chosen) | Q(all_products=True)).distinct()

    def by_review(self, queryset: Any, name: str, past: bool) -> QuerySet:
        passed = StakeholderGroup.objects.past_review(clock.now().date())
        return queryset.filter(pk__in=passed) if past else queryset.exclude(pk__in=passed)


class StakeholderGroupViewSet(Resource):
    """Groups of stakeholders: which cells of the matrix each group covers, and for what purpose. The owner may change a group."""

    permission_classes = (TeamMayChange,)
    queryset = StakeholderGroup.objects.select_related("owner").prefetch_related(
        "deployments", "products", "representatives"
    )
    serializer_class = StakeholderGroupSerializer
    filterset_class = GroupFilters

    def perform_create(self, serializer: Any) -> None:
        groups.grant_to_owner(serializer.save())

    def perform_update(self, serializer: Any) -> None:
        group = serializer.instance
        owner, covered = group.owner, groups.covers(group)
        moved = serializer.validated_data.get("owner", owner) != owner
        if moved and not self.request.user.has_perm("stakeholders.change_stakeholdergroup"):
            raise PermissionDenied("To give this to somebody else, you need the permission to change all groups.")
        serializer.save()
        # Reads the group again, because the prefetched rows are from before the change.
        group = serializer.instance = self.get_queryset().get(pk=group.pk)
        groups.grant_to_owner(group, before=owner)
        groups.note_coverage(group, covered, now=clock.now())
