"""The REST API of notification definitions. A live definition cannot be edited: a change makes a new version."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching.models import Priority, Service
from schedules import clock
from schedules.refused import Refused
from schedules.surfaces.access import person
from schedules.surfaces.api import RecordSerializer, Resource, StrictSerializer
from schedules.surfaces.fields import InstantField
from schedules.surfaces.filters import TextFilter, YesNoFilter
from stakeholders.definitions import defining, rehearsal
from stakeholders.models import DefinitionComment, DefinitionWording, NotificationDefinition
from stakeholders.news import wordings
from stakeholders.news.wordings_api import MOST, DefinitionWordingSerializer

LINKS = ("deployments", "products", "groups")
to_change = partial(action, detail=True, methods=["post"], filterset_class=None)


class CommentSerializer(serializers.ModelSerializer):
    by = serializers.CharField(source="by.username", default=None, allow_null=True)
    at = InstantField()

    class Meta:
        model = DefinitionComment
        fields = ("question", "text", "by", "at")
        read_only_fields = fields


class DefinitionSerializer(RecordSerializer):
    parts = ("wordings",)

    most_important = serializers.SlugRelatedField(
        slug_field="level",
        queryset=Priority.objects.all(),
        allow_null=True,
        required=False,
        help_text="1 to 5, or null.",
    )
    priority = serializers.SlugRelatedField(
        slug_field="level",
        queryset=Priority.objects.all(),
        allow_null=True,
        required=False,
        help_text="The priority of the outage, 1 to 5. Null means that of the alert.",
    )
    wordings = DefinitionWordingSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True,
        required=False,
        max_length=MOST,
        help_text="Other wordings, by language. The whole list is replaced.",
    )
    remarks = serializers.SerializerMethodField(
        help_text="Words that may not be understood and texts that are too long."
    )
    comments = CommentSerializer(many=True, read_only=True)

    class Meta:
        model = NotificationDefinition
        fields = (
            *("id", "name", "version", "replaces", "change_reason", "live_since", "service", "slo", "most_important"),
            *(
                "priority",
                "priority_reason",
                "repeats",
                "within",
                "mode",
                "communicators",
                *LINKS,
                "chain",
                "title",
                "text",
                "why_major",
                "why_needed",
                "what_they_do",
            ),
            *("wordings", "remarks", "uncovered", "runbook_url", "recording_url", "comments"),
        )
        read_only_fields = ("id", "version", "replaces", "live_since", "comments")

    def validate_service(self, service: Service) -> Service:
        user = self.context["request"].user
        verb = "add" if self.instance is None else "change"
        theirs = service.team_id and user.groups.filter(pk=service.team_id).exists()
        if not theirs and not user.has_perm(f"stakeholders.{verb}_notificationdefinition"):
            raise PermissionDenied("This is not a service of your team.")
        return service

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None and not defining.may_edit(self.instance):
            raise Refused("It is or was live, or has been replaced: make a new version.")
        return super().validate(attrs)

    def validate_wordings(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        languages = [row["language"] for row in rows]
        if len(languages) > len(set(languages)):
            raise serializers.ValidationError("Two wordings are in the same language.")
        return rows

    def put_wordings(self, definition: NotificationDefinition, rows: list[dict[str, Any]]) -> None:
        definition.wordings.all().delete()
        DefinitionWording.objects.bulk_create(DefinitionWording(definition=definition, **row) for row in rows)

    def get_remarks(self, definition: NotificationDefinition) -> list[str]:
        return wordings.remarks(definition)


class TrialQuery(StrictSerializer):
    days = serializers.ChoiceField(
        choices=rehearsal.SPANS, default=rehearsal.SPANS[0], help_text="The number of days to look back."
    )


class MatchedSerializer(serializers.Serializer):
    id = serializers.IntegerField(source="alert.pk")
    summary = serializers.CharField(source="alert.summary")
    at = InstantField(help_text="When it would have matched.")


class WouldSerializer(serializers.Serializer):
    began = InstantField()
    until = InstantField(
        allow_null=True, help_text="When the last of its alerts was resolved. Null if it is still open."
    )
    alerts = MatchedSerializer(many=True)
    untold = serializers.CharField(help_text="Why nobody would have been told. Empty if people would have been told.")
    people = serializers.IntegerField()
    messages = serializers.IntegerField(help_text="The announcement, updates as often as promised, and the end.")


class TrialSerializer(serializers.Serializer):
    since = InstantField()
    alerts = serializers.IntegerField(help_text="The number of alerts that it would have matched.")
    messages = serializers.IntegerField()
    people = serializers.IntegerField(help_text="Today's subscribers, each counted once.")
    outages = WouldSerializer(many=True)


class ServiceTeamMayChange(IsAuthenticated):
    """Everybody who is logged in may read; the team of the service may write, as in the admin (B137)."""

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        return request.method in SAFE_METHODS or defining.may_change(person(request), obj)


class DefinitionFilters(filters.FilterSet):
    name = TextFilter()
    service = TextFilter(field_name="service__name", lookup_expr="iexact", help_text="A service's name.")
    live = YesNoFilter(
        field_name="live_since",
        lookup_expr="isnull",
        exclude=True,
        help_text="Whether alerts are compared with it now.",
    )


def verb(function: Callable) -> Callable:
    answers = {200: DefinitionSerializer, 409: OpenApiResponse(description="Not possible; `detail` says why.")}
    return to_change()(extend_schema(request=None, responses=answers)(function))


class NotificationDefinitionViewSet(Resource):
    """Definitions in all versions, by name, newest first."""

    queryset = NotificationDefinition.objects.select_related("most_important", "priority").prefetch_related(
        *LINKS, "wordings__ring", "comments__by"
    )
    serializer_class = DefinitionSerializer
    filterset_class = DefinitionFilters
    permission_classes = (ServiceTeamMayChange,)
    http_method_names = ("get", "post", "put", "patch", "head", "options")

    @verb
    def live(self, request: Request, pk: str) -> Response:
        """Puts the definition live: alerts that begin from now on are compared with it."""
        definition = self.get_object()
        if not defining.may_put_live(person(request), definition):
            raise PermissionDenied(defining.UNATTENDED)
        defining.put_live(definition, by=person(request), now=clock.now())
        return Response(self.get_serializer(self.get_object()).data)

    @verb
    def retire(self, request: Request, pk: str) -> Response:
        """Takes the definition offline: alerts are no longer compared with it."""
        defining.take_out(self.get_object())
        return Response(self.get_serializer(self.get_object()).data)

    @verb
    def renew(self, request: Request, pk: str) -> Response:
        """Makes a copy with the next version number, to be edited and put live."""
        return Response(self.get_serializer(defining.new_version(self.get_object())).data)

    @extend_schema(request=TrialQuery, responses=TrialSerializer)
    @to_change()
    def trial(self, request: Request, pk: str) -> Response:
        """Returns what the definition would have told stakeholders in the last 30 or 90 days. Writes nothing."""
        given = TrialQuery(data=request.data)
        given.is_valid(raise_exception=True)
        days = given.validated_data["days"]
        return Response(TrialSerializer(rehearsal.run(self.get_object(), days, now=clock.now())).data)
