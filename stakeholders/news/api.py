"""The REST API of outages: declare, announce, update, end, correct. It calls the same functions as the admin."""

from typing import Any

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching.models import Priority
from schedules import clock
from schedules.surfaces.access import person
from schedules.surfaces.api import MayChange, RecordSerializer, Resource, StrictSerializer, repeatable
from schedules.surfaces.fields import InstantField, UserField
from schedules.surfaces.filters import InstantFilter, NumberFilter, YesNoFilter
from stakeholders.groups import audience
from stakeholders.models import Bracket, Outage, Update
from stakeholders.news import outages, wordings
from stakeholders.news.wordings_api import MOST, UpdateWordingSerializer, rows

LINKS = ("deployments", "products", "services", "alerts", "groups")


class OutageSerializer(RecordSerializer):
    priority = serializers.SlugRelatedField(
        slug_field="level",
        queryset=Priority.objects.all(),
        allow_null=True,
        required=False,
        help_text="1 to 5, or null.",
    )
    communicator = UserField(allow_null=True, required=False)
    started_at = InstantField(
        default=serializers.CreateOnlyDefault(clock.now),  # type: ignore[arg-type]  # the stubs lack it
        help_text="When customers could first notice it. Defaults to now.",
    )

    class Meta:
        model = Outage
        fields = (
            *("id", "title", "state", "high_profile", "priority", "priority_reason", "severity", *LINKS),
            *(
                "said_geography",
                "said_products",
                "communicator",
                "chain",
                "caused_by",
                "mode",
                "started_at",
                "declared_at",
                "announced_at",
            ),
            *("ended_at", "over_since", "recovery_at", "next_update_by"),
        )
        read_only_fields = (
            *(
                "id",
                "state",
                "mode",
                "declared_at",
                "announced_at",
                "ended_at",
                "over_since",
                "recovery_at",
                "next_update_by",
            ),
        )

    def create(self, validated_data: dict[str, Any]) -> Outage:
        links = {name: validated_data.pop(name) for name in LINKS if name in validated_data}
        by = self.context["request"].user
        return outages.declare(Outage(**validated_data), links=links, now=clock.now(), by=by)

    def update(self, instance: Outage, validated_data: dict[str, Any]) -> Outage:
        fixed = {"title", "started_at", "high_profile"} & validated_data.keys() if instance.announced_at else ()
        if fixed:
            raise serializers.ValidationError(
                {name: ["The outage has been announced: this can no longer change."] for name in fixed}
            )
        now = clock.now()
        if "started_at" in validated_data:
            outages.refuse_future(Outage(started_at=validated_data["started_at"]), now=now)
        changed = validated_data.pop("priority", instance.priority)
        if changed != instance.priority:
            reason, by = validated_data.pop("priority_reason", ""), self.context["request"].user
            instance = outages.change_priority(instance, changed, reason=reason, now=now, by=by)
        instance = super().update(instance, validated_data)
        outages.consider(instance, now=now)
        return instance


class UpdateSerializer(StrictSerializer, serializers.ModelSerializer):
    kind = serializers.ChoiceField(
        choices=[kind for kind in Update.Kind.choices if kind[0] != Update.Kind.END],
        required=False,
        help_text="Defaults to the announcement if there was none yet, otherwise to progress.",
    )
    next_update_by = InstantField(
        required=False,
        allow_null=True,
        help_text="The latest time of the next message. Required for all but corrections.",
    )
    wordings = UpdateWordingSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True, required=False, max_length=MOST, help_text="Other wordings, by language."
    )
    remarks = serializers.SerializerMethodField(
        help_text="Words that may not be understood, texts that are too long and, in the answer, languages that nobody has chosen."
    )

    class Meta:
        model = Update
        fields = (
            *(
                "id",
                "kind",
                "text",
                "next_update_by",
                "late_reason",
                "done",
                "remains",
                "wordings",
                "remarks",
                "mode",
                "at",
            ),
        )
        read_only_fields = ("id", "done", "remains", "mode", "at")

    def get_remarks(self, update: Update) -> list[str]:
        return [*([] if self.parent else wordings.unread(update)), *wordings.remarks(update)]


class EndSerializer(StrictSerializer):
    text = serializers.CharField(help_text="What is over.")
    over_since = InstantField(required=False, help_text="The time at which it worked again. Defaults to now.")
    done = serializers.CharField(required=False, default="", allow_blank=True, help_text="What was done.")
    remains = serializers.CharField(required=False, default="", allow_blank=True, help_text="What is still to come.")
    wordings = UpdateWordingSerializer(  # type: ignore[call-arg]  # the stubs lack max_length
        many=True, required=False, max_length=MOST, help_text="Other wordings, by language."
    )


class DismissalSerializer(StrictSerializer):
    reason = serializers.CharField(help_text="Why nobody needs to be told. The timeline keeps it.")


class ToldSerializer(serializers.Serializer):
    group = serializers.IntegerField(source="group.pk")
    ring = serializers.IntegerField(source="group.ring.number")
    name = serializers.CharField(source="group.name")
    reason = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Contact points by medium.")


class AudienceSerializer(serializers.Serializer):
    people = serializers.IntegerField(help_text="People, each counted once, however many contact points they have.")
    told = ToldSerializer(many=True)
    uncovered = serializers.ListField(child=serializers.CharField(), help_text="Cells that no group covers.")


class BracketSerializer(serializers.ModelSerializer):
    ring = serializers.IntegerField(source="ring.number", help_text="The number of the ring.")
    rule = serializers.CharField(source="rule.sentence", help_text="When the ring is told, as it was agreed then.")

    class Meta:
        model = Bracket
        fields = ("ring", "state", "rule", "due_at", "opened_at", "closed_at", "reason")


class ProjectionSerializer(StrictSerializer):
    recovery_at = InstantField(allow_null=True, help_text="When it will have recovered; null if nobody can say.")
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=300)


class OutageFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Outage.State.choices)
    high_profile = YesNoFilter()
    priority = NumberFilter(field_name="priority__level", help_text="A level, 1 to 5.")
    since = InstantFilter(field_name="started_at", lookup_expr="gte", help_text="Began at this moment or later.")
    until = InstantFilter(field_name="started_at", lookup_expr="lt", help_text="Began before this moment.")


ANSWERS = {409: OpenApiResponse(description="The state forbids it; `detail` says why.")}


class OutageViewSet(Resource):
    """Outages, newest first. POST declares one; nobody is told until its first update."""

    queryset = Outage.objects.select_related("priority", "communicator").prefetch_related(*LINKS)
    serializer_class = OutageSerializer
    filterset_class = OutageFilters
    http_method_names = ("get", "post", "put", "patch", "head", "options")
    inputs = (
        "text",
        "next_update_by",
        "started_at",
        "wordings",
        "priority_reason",
        "reason",
        "over_since",
        "recovery_at",
    )

    create = repeatable(Resource.create)

    @extend_schema(methods=["GET"], responses=UpdateSerializer(many=True))
    @extend_schema(methods=["POST"], request=UpdateSerializer, responses={201: UpdateSerializer, **ANSWERS})
    @action(detail=True, methods=["get", "post"], permission_classes=[MayChange], filterset_class=None)
    @repeatable
    def updates(self, request: Request, pk: str) -> Response:
        """Lists the updates, oldest first; POST sends a new one to everybody who is told."""
        outage = self.get_object()
        if request.method == "GET":
            page = self.paginate_queryset(outage.updates.prefetch_related("wordings__ring"))
            return self.get_paginated_response(UpdateSerializer(page, many=True).data)
        given = UpdateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        words = rows(given.validated_data)
        usual = Update.Kind.PROGRESS if outage.announced_at else Update.Kind.ANNOUNCEMENT
        kind = words.pop("kind", usual)
        if kind == Update.Kind.CORRECTION:
            text, others = words["text"], words["others"]
            update = outages.correct(outage, text, others=others, now=clock.now(), by=person(request))
        else:
            words.setdefault("next_update_by", None)
            verb = outages.announce if kind == Update.Kind.ANNOUNCEMENT else outages.update
            update = verb(outage, now=clock.now(), by=person(request), **words)
        return Response(UpdateSerializer(update).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=EndSerializer, responses={200: OutageSerializer, **ANSWERS})
    @action(detail=True, methods=["post"], permission_classes=[MayChange], filterset_class=None)
    @repeatable
    def end(self, request: Request, pk: str) -> Response:
        """Ends the outage with the last message. If it was never announced, it is dismissed, and nobody is told."""
        given = EndSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        outage = self.get_object()
        outages.end(outage, now=clock.now(), by=person(request), **rows(given.validated_data))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=DismissalSerializer, responses={200: OutageSerializer, **ANSWERS})
    @action(detail=True, methods=["post"], permission_classes=[MayChange], filterset_class=None)
    @repeatable
    def dismiss(self, request: Request, pk: str) -> Response:
        """Ends an outage that was never announced, for a reason; nobody is told. Its alerts do not open another one."""
        given = DismissalSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        outages.dismiss(self.get_object(), now=clock.now(), by=person(request), **given.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=ProjectionSerializer, responses={200: OutageSerializer, **ANSWERS})
    @action(detail=True, methods=["post"], permission_classes=[MayChange], filterset_class=None)
    @repeatable
    def projection(self, request: Request, pk: str) -> Response:
        """Sets the expected recovery. Rings that wait for it are looked at at once; a ring that was told stays told."""
        given = ProjectionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        outages.project(self.get_object(), now=clock.now(), by=person(request), **given.validated_data)
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(responses=BracketSerializer(many=True))
    @action(detail=True, filterset_class=None, pagination_class=None)
    def brackets(self, request: Request, pk: str) -> Response:
        """Returns the rings that were told or may still be told, the innermost first, and when."""
        brackets = self.get_object().brackets.select_related("ring")
        return Response(BracketSerializer(brackets, many=True).data)

    @extend_schema(responses=AudienceSerializer)
    @action(detail=True, filterset_class=None)
    def audience(self, request: Request, pk: str) -> Response:
        """Returns the groups that would be told now, with reasons and counts by medium. No addresses."""
        return Response(AudienceSerializer(audience.of(self.get_object())).data)
