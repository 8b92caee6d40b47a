"""Rotations, schedules, overrides: who is on duty."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from schedules.api.base import RecordSerializer, Resource, TeamOwnedResource
from schedules.api.fields import InstantField, UserField, ZoneField
from schedules.api.filters import InstantFilter, NumberFilter, TextFilter
from schedules.models import Layer, Override, Participant, Rotation, Schedule, User
from schedules.oncall import on_call, shifts_of

LONGEST = timedelta(days=366)


class InTurn(serializers.ListField):
    """The people of a rotation, in the order of their turns."""

    child = UserField()

    def get_attribute(self, rotation: Rotation) -> list[User]:
        return [participant.user for participant in rotation.participants.all()]


class RotationSerializer(RecordSerializer):
    parts = ("participants",)

    time_zone = ZoneField(required=False, help_text="The zone whose clock counts.")
    participants = InTurn(
        required=False, max_length=200, help_text="Ids or usernames, in the order of their turns; replaced as a whole."
    )
    usernames = serializers.SerializerMethodField(help_text="The participants' usernames, in the same order.")

    class Meta:
        model = Rotation
        fields = (
            *("id", "name", "team", "every", "unit", "first_day", "handover", "time_zone"),
            *("participants", "usernames"),
        )

    @extend_schema_field(list[str])
    def get_usernames(self, rotation: Rotation) -> list[str]:
        return [participant.user.username for participant in rotation.participants.all()]

    def put_participants(self, rotation: Rotation, people: list[User]) -> None:
        rotation.participants.all().delete()
        Participant.objects.bulk_create(Participant(rotation=rotation, user=u, order=n) for n, u in enumerate(people))


class ByTeam(filters.FilterSet):
    name = TextFilter()
    team = NumberFilter(help_text="A team's id.")


class RotationViewSet(TeamOwnedResource):
    """Rotations: people who take turns. Main and backup read the same rotation, each at its own position."""

    queryset = Rotation.objects.prefetch_related("participants__user")
    serializer_class = RotationSerializer
    filterset_class = ByTeam


class LayerSerializer(RecordSerializer):
    class Meta:
        model = Layer
        fields = ("rotation", "position")


class ScheduleSerializer(RecordSerializer):
    parts = ("layers",)

    time_zone = ZoneField(required=False, help_text="The zone in which the schedule is drawn.")
    layers = LayerSerializer(
        many=True, required=False, max_length=20, help_text="A later layer wins over an earlier one; as a whole."
    )

    class Meta:
        model = Schedule
        fields = ("id", "name", "team", "time_zone", "description", "layers")

    def put_layers(self, schedule: Schedule, layers: list[dict[str, Any]]) -> None:
        schedule.layers.all().delete()
        Layer.objects.bulk_create(Layer(schedule=schedule, order=n, **layer) for n, layer in enumerate(layers))


class AtQuery(serializers.Serializer):
    at = InstantField(required=False, help_text="The moment, with an offset. Left out: now.")


class OnDutySerializer(serializers.Serializer):
    """Somebody on duty; `until` is null where nothing changes within 70 days."""

    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.name")
    until = InstantField(allow_null=True)
    why = serializers.CharField()


class OnCallSerializer(serializers.Serializer):
    at = InstantField()
    people = OnDutySerializer(many=True)


class SpanQuery(serializers.Serializer):
    """`?from=&to=`: at most 366 days; left out, the fortnight that starts now."""

    to = InstantField(required=False, help_text="The end, excluded. Left out: 14 days after the start.")

    def get_fields(self) -> dict[str, serializers.Field]:
        start = InstantField(required=False, help_text="The start, with an offset. Left out: now.")
        return {"from": start, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start = attrs.get("from", self.context["now"])
        end = attrs.get("to", start + timedelta(days=14))
        if end <= start:
            raise serializers.ValidationError({"to": "The end must come after the start."})
        if end - start > LONGEST:
            raise serializers.ValidationError({"to": f"At most {LONGEST.days} days at a time."})
        return {"from": start, "to": end}


class DutySerializer(serializers.Serializer):
    """A shift, cut to the span that was asked for. In a gap, username and name are null."""

    username = serializers.CharField(source="user.username", default=None, allow_null=True)
    name = serializers.CharField(source="user.name", default=None, allow_null=True)
    start = InstantField()
    end = InstantField()
    why = serializers.CharField()


class ScheduleViewSet(TeamOwnedResource):
    """Schedules: each answers who is on duty at any instant."""

    queryset = Schedule.objects.prefetch_related("layers")
    serializer_class = ScheduleSerializer
    filterset_class = ByTeam

    @extend_schema(parameters=[AtQuery], responses=OnCallSerializer)
    @action(detail=True, url_path="on-call", filterset_class=None)
    def on_call(self, request: Request, pk: str) -> Response:
        """Who is on call at a moment, until when, and which layer or override says so. Nobody in a gap."""
        query = AtQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        at = query.validated_data.get("at", timezone.now())
        return Response(OnCallSerializer({"at": at, "people": on_call(self.get_object(), at)}).data)

    @extend_schema(parameters=[SpanQuery], responses=DutySerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def shifts(self, request: Request, pk: str) -> Response:
        """Every shift in a span, gaps included."""
        query = SpanQuery(data=request.query_params, context={"now": timezone.now()})
        query.is_valid(raise_exception=True)
        span = query.validated_data
        return Response(DutySerializer(shifts_of(self.get_object(), span["from"], span["to"]), many=True).data)


class OverrideSerializer(RecordSerializer):
    blame = "end"

    user = UserField(help_text="Who is on duty instead: id or username.")
    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Override
        fields = ("id", "schedule", "user", "username", "start", "end", "reason")


class OverrideFilters(filters.FilterSet):
    schedule = NumberFilter(help_text="A schedule's id.")
    user = NumberFilter(help_text="A person's id.")
    username = TextFilter(field_name="user__username")
    since = InstantFilter(field_name="end", lookup_expr="gt", help_text="Those that end after this moment.")
    until = InstantFilter(field_name="start", lookup_expr="lt", help_text="Those that start before this moment.")


class OverrideViewSet(Resource):
    """Overrides: for a span, this person is on duty, whatever the layers say."""

    queryset = Override.objects.select_related("user")
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilters
