"""The API of services, integrations and priorities."""

from django.db import transaction
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching.models import EscalationPolicy, Integration, Priority, Service
from schedules.surfaces.api import MayChange, RecordSerializer, Resource
from schedules.surfaces.filters import NumberFilter, TextFilter, YesNoFilter


class PrioritySerializer(RecordSerializer):
    blame = "level"

    class Meta:
        model = Priority
        fields = (
            *("id", "level", "name", "description", "hotfix", "postmortem"),
            *("tells_management", "tells_stakeholders", "update_interval"),
        )


class PriorityFilters(filters.FilterSet):
    level = NumberFilter()


class PriorityViewSet(Resource):
    """Priorities: the same few for the whole organisation."""

    queryset = Priority.objects.all()
    serializer_class = PrioritySerializer
    filterset_class = PriorityFilters


class ServiceSerializer(RecordSerializer):
    blame = "name"

    escalation_policy = serializers.PrimaryKeyRelatedField(
        source="policy",
        queryset=EscalationPolicy.objects.all(),
        help_text="The id of the policy that pages people for its alerts.",
    )

    class Meta:
        model = Service
        fields = ("id", "name", "team", "escalation_policy", "description", "runbook_url", "dashboard_url")


class ServiceFilters(filters.FilterSet):
    name = TextFilter(lookup_expr="iexact")
    team = NumberFilter(help_text="A team's id.")
    escalation_policy = NumberFilter(field_name="policy", help_text="An escalation policy's id.")


class ServiceViewSet(Resource):
    """Services: things that can break, each with the team that owns it and the policy that its alerts follow."""

    queryset = Service.objects.all()
    serializer_class = ServiceSerializer
    filterset_class = ServiceFilters


class IntegrationSerializer(RecordSerializer):
    passing = ("refusal", "unread")

    refusal: serializers.StringRelatedField = serializers.StringRelatedField(
        read_only=True,
        allow_null=True,
        help_text="Why events of it are refused, and how many were. Null while all are accepted.",
    )
    unread: serializers.StringRelatedField = serializers.StringRelatedField(
        read_only=True,
        allow_null=True,
        help_text="What was not understood in events that were accepted, and how many they were. Null if nothing.",
    )

    class Meta:
        model = Integration
        fields: tuple[str, ...] = ("id", "name", "service", "other_teams", "enabled", "key_hint", "refusal", "unread")
        read_only_fields = ("key_hint",)

    def create(self, validated_data) -> Integration:
        integration = Integration(**validated_data)
        integration.key = integration.new_key()
        integration.save()
        return integration


class KeyedIntegrationSerializer(IntegrationSerializer):
    """An integration with its key, which is shown only in this answer."""

    key = serializers.CharField(read_only=True, help_text="Shown only now.")

    class Meta(IntegrationSerializer.Meta):
        fields = (*IntegrationSerializer.Meta.fields, "key")


class IntegrationFilters(filters.FilterSet):
    name = TextFilter()
    service = NumberFilter(help_text="A service's id.")
    enabled = YesNoFilter()


@extend_schema_view(create=extend_schema(responses={201: KeyedIntegrationSerializer}))
class IntegrationViewSet(Resource):
    """Integrations: the sources of alerts. The key is shown once, in the answer to the request that makes it."""

    queryset = Integration.objects.select_related("refusal", "unread")
    serializer_class = IntegrationSerializer
    filterset_class = IntegrationFilters

    def get_serializer_class(self) -> type[serializers.BaseSerializer]:
        return KeyedIntegrationSerializer if self.action in ("create", "rotate_key") else IntegrationSerializer

    @extend_schema(request=None, responses=KeyedIntegrationSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-key", permission_classes=[MayChange], filterset_class=None)
    def rotate_key(self, request: Request, pk: str) -> Response:
        """Replaces the key by a new one. The old key is refused from now on."""
        with transaction.atomic():
            integration = self.get_object()
            integration.key = integration.new_key()
            integration.save(update_fields=["key_hash", "key_hint"])
        return Response(self.get_serializer(integration).data)
