"""API resources for rotations, schedules and overrides, which say who is on duty."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from schedules import clock
from schedules.models import Layer, Override, Participant, Rotation, Schedule, User
from schedules.oncall import gaps, load_of, on_call, shifts_of
from schedules.rota import lacks, replanning
from schedules.rules.load import Load
from schedules.surfaces.api import RecordSerializer, TeamOwnedResource
from schedules.surfaces.fields import InstantField, UserField, ZoneField
from schedules.surfaces.filters import InstantFilter, NumberFilter, TextFilter
from schedules.surfaces.left_open.api import WarningResource, WarningSerializer

LONGEST = timedelta(days=366)
HOUR = timedelta(hours=1)


class Crew(serializers.Field):
    """The people who take one turn: one person, or a list of two people who take it together."""

    person = UserField()

    def to_internal_value(self, data: Any) -> tuple[User, User | None]:
        if not isinstance(data, list):
            return self.person.to_internal_value(data), None
        people = [self.person.to_internal_value(value) for value in data]
        if len(people) not in (1, 2) or len(set(people)) < len(people):
            raise serializers.ValidationError("A turn belongs to one person or to two different people.")
        return people[0], people[1] if len(people) == 2 else None

    def to_representation(self, participant: Participant) -> int | list[int]:
        return list(participant.crew) if participant.partner_id else participant.user_id


@extend_schema_field({"type": "array", "items": {"description": "an id or username, or a list of two"}})
class InTurn(serializers.ListField):
    """The people of a rotation, in the order of their turns."""

    child = Crew()

    def get_attribute(self, rotation: Rotation) -> list[Participant]:
        return list(rotation.participants.all())


class RotationSerializer(WarningSerializer):
    instead: ClassVar = {"usernames": ("participants",)}
    passing = ("warnings", "holds_from")
    parts, blame = ("participants",), "duty_days"

    time_zone = ZoneField(required=False, help_text="The time zone of the handover.")
    participants = InTurn(
        required=False,
        max_length=200,
        help_text="Ids or usernames in the order of turns; a list of two for people who share a turn. The whole list is replaced.",
    )
    usernames = serializers.SerializerMethodField(help_text="The participants' usernames, in the same order.")
    at_once = serializers.BooleanField(
        write_only=True,
        default=False,
        help_text="True: a change takes effect now. Default: at the end of the current turn, so that nobody is moved out of it.",
    )
    holds_from = InstantField(
        source="since",
        read_only=True,
        help_text="The moment from which the rotation is as shown here. Null means its first day.",
    )

    class Meta:
        model = Rotation
        fields = (
            *("id", "name", "team", "every", "unit", "first_day", "duty_days", "handover", "time_zone", "fills"),
            *("participants", "usernames", "at_once", "holds_from", "warnings"),
        )

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_usernames(self, rotation: Rotation) -> list[Any]:
        people = [(p.user.username, p.partner and p.partner.username) for p in rotation.participants.all()]
        return [[user, partner] if partner else user for user, partner in people]

    def create(self, validated_data: dict[str, Any]) -> Rotation:
        validated_data.pop("at_once")
        return super().create(validated_data)

    def update(self, instance: Rotation, validated_data: dict[str, Any]) -> Rotation:
        at_once = validated_data.pop("at_once", False)
        before = replanning.plans(instance)
        instance.refresh_from_db()  # keep what another edit has changed in the meantime
        rotation = super().update(instance, validated_data)
        replanning.replan(rotation, before, now=clock.now(), at_once=at_once)
        return rotation

    def put_participants(self, rotation: Rotation, crews: list[tuple[User, User | None]]) -> None:
        rotation.participants.all().delete()
        participants = (Participant(rotation=rotation, user=u, partner=p, order=n) for n, (u, p) in enumerate(crews))
        Participant.objects.bulk_create(participants)


class ByTeam(filters.FilterSet):
    name = TextFilter()
    team = NumberFilter(help_text="A team's id.")


class RotationViewSet(WarningResource, TeamOwnedResource):
    """Rotations: lists of people who take turns. Main and backup read the same rotation, each at its own position."""

    queryset = Rotation.objects.prefetch_related("participants__user", "participants__partner")
    serializer_class = RotationSerializer
    filterset_class = ByTeam

    def schedules(self, instance: Rotation) -> Iterable[int]:
        return Layer.objects.filter(rotation=instance).values_list("schedule", flat=True)

    def lacks(self, instance: Any) -> Iterable[str]:
        return lacks.of_rotation(instance)


class LayerSerializer(RecordSerializer):
    blame = "rotation"

    class Meta:
        model = Layer
        fields = ("rotation", "feed", "position", "hours", "holidays", "adds")


class ScheduleSerializer(WarningSerializer):
    parts = ("layers",)

    time_zone = ZoneField(required=False, help_text="The zone in which the schedule is drawn.")
    layers = LayerSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True,
        required=False,
        max_length=20,
        help_text="A later layer wins over an earlier one. The whole list is replaced.",
    )

    class Meta:
        model = Schedule
        fields = (
            *("id", "name", "team", "time_zone", "description", "remind", "hands_over", "longest_shift"),
            *("layers", "warnings"),
        )

    def put_layers(self, schedule: Schedule, layers: list[dict[str, Any]]) -> None:
        schedule.layers.all().delete()
        Layer.objects.bulk_create(Layer(schedule=schedule, order=n, **layer) for n, layer in enumerate(layers))


class AtQuery(serializers.Serializer):
    at = InstantField(required=False, help_text="The moment, with an offset. Defaults to now.")


class OnDutySerializer(serializers.Serializer):
    """A person on duty; `until` is null if nothing changes within 70 days."""

    username = serializers.CharField(source="user.username")
    name = serializers.CharField(source="user.name")
    until = InstantField(allow_null=True)
    why = serializers.CharField()


class OnCallSerializer(serializers.Serializer):
    at = InstantField()
    people = OnDutySerializer(many=True)


class SpanQuery(serializers.Serializer):
    """The query `?from=&to=`: at most 366 days. Defaults to the 14 days that start now."""

    to = InstantField(required=False, help_text="The end, exclusive. Defaults to 14 days after the start.")

    def get_fields(self) -> dict[str, serializers.Field]:
        start = InstantField(required=False, help_text="The start, with an offset. Defaults to now.")
        return {"from": start, **super().get_fields()}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start = attrs.get("from", self.context["now"])
        end = attrs.get("to", start + timedelta(days=14))
        if end <= start:
            raise serializers.ValidationError({"to": "The end must come after the start."})
        if end - start > LONGEST:
            raise serializers.ValidationError({"to": f"Ask for at most {LONGEST.days} days at a time."})
        return {"from": start, "to": end}


class DutySerializer(serializers.Serializer):
    """A shift, cut to the requested span. In a gap, username and name are null."""

    username = serializers.CharField(source="user.username", default=None, allow_null=True)
    name = serializers.CharField(source="user.name", default=None, allow_null=True)
    start = InstantField()
    end = InstantField()
    why = serializers.CharField()


class GapSerializer(serializers.Serializer):
    """A time in which nobody is on duty, cut to the requested span."""

    start = InstantField()
    end = InstantField()
    why = serializers.CharField()


class LoadSerializer(serializers.Serializer):
    """One person's duty in the span, in elapsed hours; nights are 22:00 to 6:00, weekends Saturday and Sunday."""

    username = serializers.CharField()
    name = serializers.CharField()
    hours = serializers.FloatField()
    night_hours = serializers.FloatField(help_text="The part between 22:00 and 6:00 in the schedule's zone.")
    weekend_hours = serializers.FloatField(help_text="The part from Saturday 0:00 to Monday 0:00 in that zone.")
    shifts = serializers.IntegerField(help_text="The number of shifts; time without a break counts as one.")
    longest_hours = serializers.FloatField(help_text="The longest time without a break.")
    over_limit = serializers.BooleanField(help_text="Whether longest_hours exceeds the schedule's longest_shift.")


class ScheduleViewSet(WarningResource, TeamOwnedResource):
    """Schedules: each says who is on duty at any instant."""

    queryset = Schedule.objects.prefetch_related("layers")
    serializer_class = ScheduleSerializer
    filterset_class = ByTeam

    def schedules(self, instance: Schedule) -> Iterable[int]:
        return [instance.pk]

    def lacks(self, instance: Any) -> Iterable[str]:
        return lacks.of_schedule(instance, clock.now())

    @extend_schema(parameters=[AtQuery], responses=OnCallSerializer)
    @action(detail=True, url_path="on-call", filterset_class=None)
    def on_call(self, request: Request, pk: str) -> Response:
        """Who is on call at a moment, until when, and which layer or override says so. In a gap the list is empty."""
        query = AtQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        at = query.validated_data.get("at", clock.now())
        return Response(OnCallSerializer({"at": at, "people": on_call(self.get_object(), at)}).data)

    @extend_schema(parameters=[SpanQuery], responses=DutySerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def shifts(self, request: Request, pk: str) -> Response:
        """Every shift in a span, gaps included."""
        return Response(DutySerializer(shifts_of(self.get_object(), *_span(request)), many=True).data)

    @extend_schema(parameters=[SpanQuery], responses=GapSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def gaps(self, request: Request, pk: str) -> Response:
        """The times in a span when nobody is on duty, and why."""
        return Response(GapSerializer(gaps(shifts_of(self.get_object(), *_span(request))), many=True).data)

    @extend_schema(parameters=[SpanQuery], responses=LoadSerializer(many=True))
    @action(detail=True, pagination_class=None, filterset_class=None)
    def load(self, request: Request, pk: str) -> Response:
        """How much duty each person has in a span, most first; shifts are cut to the span."""
        schedule = self.get_object()
        people = load_of(schedule, *_span(request), schedule.time_zone)
        return Response([_load(user, load, schedule.longest_shift) for user, load in people])


def _span(request: Request) -> tuple[datetime, datetime]:
    query = SpanQuery(data=request.query_params, context={"now": clock.now()})
    query.is_valid(raise_exception=True)
    return query.validated_data["from"], query.validated_data["to"]


def _load(user: User, load: Load, limit: timedelta | None) -> dict[str, Any]:
    row = {
        "username": user.username,
        "name": user.name,
        "hours": load.total / HOUR,
        "night_hours": load.nights / HOUR,
        "weekend_hours": load.weekends / HOUR,
        "shifts": load.shifts,
        "longest_hours": load.longest / HOUR,
        "over_limit": limit is not None and load.longest > limit,
    }
    return LoadSerializer(row).data


class OverrideSerializer(WarningSerializer):
    blame = "end"

    user = UserField(help_text="The person who takes over: id or username.")
    username = serializers.CharField(source="user.username", read_only=True)
    instead_of = UserField(
        required=False, allow_null=True, help_text="The person who is replaced. Null replaces everybody."
    )

    class Meta:
        model = Override
        fields = ("id", "schedule", "user", "username", "instead_of", "start", "end", "reason", "warnings")


class OverrideFilters(filters.FilterSet):
    schedule = NumberFilter(help_text="A schedule's id.")
    user = NumberFilter(help_text="A person's id.")
    username = TextFilter(field_name="user__username")
    since = InstantFilter(field_name="end", lookup_expr="gt", help_text="Ends after this moment.")
    until = InstantFilter(field_name="start", lookup_expr="lt", help_text="Starts before this moment.")


class OverrideViewSet(WarningResource):
    """Overrides: spans in which a person is on duty, whatever the layers say."""

    queryset = Override.objects.select_related("user")
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilters

    def schedules(self, instance: Override) -> Iterable[int]:
        return [instance.schedule_id]
