"""The API of alerts: reads them, and acts on them with the same verbs as every other surface."""

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching.alerts import access, lifecycle, timeline
from dispatching.models import Alert, AlertEvent, Escalation, Severity
from schedules import clock
from schedules.surfaces.access import person
from schedules.surfaces.api import ReadOnlyResource
from schedules.surfaces.fields import InstantField
from schedules.surfaces.filters import InstantFilter, NumberFilter, TextFilter
from schedules.surfaces.pagination import Pages

NEWEST_LINES = 5000


class EscalationSerializer(serializers.ModelSerializer):
    due_at = InstantField(help_text="The time of the next step. Null if none will run.")

    class Meta:
        model = Escalation
        fields = ("state", "position", "due_at", "started_at")


class AlertSerializer(serializers.ModelSerializer):
    service = serializers.CharField(source="service.name", help_text="The service's name.")
    priority = serializers.IntegerField(source="priority.level", default=None, allow_null=True, help_text="1 to 5.")
    acknowledged_by = serializers.CharField(source="acknowledged_by.username", default=None, allow_null=True)
    acknowledged_name = serializers.CharField(
        read_only=True,
        help_text="The name of the person, with or without a login. Empty if the source acknowledged it.",
    )
    escalation = serializers.SerializerMethodField(help_text="The latest run of the policy.")

    class Meta:
        model = Alert
        fields: tuple[str, ...] = (
            *("id", "state", "summary", "service", "service_id", "integration", "dedup_key", "occurrences", "priority"),
            *("severity", "source", "component", "slo", "deployment", "product", "runbook_url", "dashboard_url"),
            *(
                "first_at",
                "last_at",
                "acknowledged_at",
                "acknowledged_by",
                "acknowledged_name",
                "resolved_at",
                "escalation",
            ),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(EscalationSerializer(allow_null=True))
    def get_escalation(self, alert: Alert) -> dict[str, Any] | None:
        runs = alert.escalations.all()
        return EscalationSerializer(runs[len(runs) - 1]).data if runs else None


class AlertDetailSerializer(AlertSerializer):
    class Meta(AlertSerializer.Meta):
        fields = (*AlertSerializer.Meta.fields, "details")
        read_only_fields = fields


class LineSerializer(serializers.Serializer):
    at = InstantField()
    kind = serializers.ChoiceField(choices=AlertEvent.Kind.choices)
    text = serializers.CharField()
    by = serializers.CharField(
        source="by.username",
        default=None,
        allow_null=True,
        help_text="The person who did it by hand, if they have a login.",
    )
    who = serializers.SerializerMethodField(
        help_text="The name of the person who did it by hand, with or without a login. Null if Tocsin or the source did it."
    )
    data = serializers.DictField()  # type: ignore[assignment]  # a field of this name, no attribute

    def get_who(self, line: timeline.Entry) -> str | None:
        return line.by.name if line.by else line.data.get("who")


class AlertFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Alert.State.choices)
    severity = filters.MultipleChoiceFilter(choices=Severity.choices)
    priority = NumberFilter(field_name="priority__level", help_text="A level, 1 to 5.")
    service = TextFilter(field_name="service__name", lookup_expr="iexact", help_text="A service's name.")
    service_id = NumberFilter(field_name="service")
    integration = NumberFilter(help_text="An integration's id.")
    dedup_key = TextFilter()
    since = InstantFilter(field_name="first_at", lookup_expr="gte", help_text="Opened at this moment or later.")
    until = InstantFilter(field_name="first_at", lookup_expr="lt", help_text="Opened before this moment.")


class LinePages(Pages):
    """Pagination with a larger page, because most timelines fit on one."""

    default_limit = 500
    max_limit = NEWEST_LINES


def verb(function: Callable) -> Callable:
    """Makes an alert's verb a POST for the service's team and people who were paged, who need not be administrators."""
    answers = {200: AlertDetailSerializer, 409: OpenApiResponse(description="The state forbids it; `detail` says why.")}
    post = action(detail=True, methods=["post"], permission_classes=[IsAuthenticated], filterset_class=None)
    return post(extend_schema(request=None, responses=answers)(function))


class AlertViewSet(ReadOnlyResource):
    """Alerts, newest first."""

    queryset = Alert.objects.select_related("service", "priority", "acknowledged_by").prefetch_related(
        Prefetch("escalations", Escalation.objects.defer("snapshot"))
    )
    serializer_class = AlertDetailSerializer
    filterset_class = AlertFilters

    def get_serializer_class(self) -> type[AlertSerializer]:
        return AlertSerializer if self.action == "list" else AlertDetailSerializer

    def get_queryset(self) -> QuerySet[Alert]:
        alerts = super().get_queryset()
        return alerts.defer("details") if self.action == "list" else alerts

    @verb
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Acknowledges the alert: no further page is sent."""
        return self._do(lifecycle.acknowledge)

    @verb
    def resolve(self, request: Request, pk: str) -> Response:
        """Resolves the alert."""
        return self._do(lifecycle.resolve)

    @verb
    def reopen(self, request: Request, pk: str) -> Response:
        """Undoes a resolve: the person who had acknowledged it has it again; without one, its policy begins anew."""
        return self._do(lifecycle.reopen)

    @verb
    def escalate(self, request: Request, pk: str) -> Response:
        """Runs the next step now instead of at its time."""
        return self._do(lifecycle.escalate)

    def _do(self, do: Callable[..., Alert]) -> Response:
        alert = self.get_object()
        user = person(self.request)
        if not access.may_act(user, alert):
            raise PermissionDenied("Only the service's team and the people who were paged may act on this alert.")
        do(alert, now=clock.now(), by=user, via="the API")
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=LineSerializer(many=True))
    @action(detail=True, pagination_class=LinePages, filterset_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """Every event and decision, oldest first; only the newest 5,000 lines of a very long history."""
        lines = self.paginate_queryset(timeline.of(self.get_object(), last=NEWEST_LINES))
        return self.get_paginated_response(LineSerializer(lines, many=True).data)
