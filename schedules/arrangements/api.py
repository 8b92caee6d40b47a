"""API resources for what people arrange among themselves: absences, swap requests, handover notes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar

from django_filters import rest_framework as filters
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from schedules import clock
from schedules.arrangements import handover, swapping
from schedules.models import Absence, HandoverNote, SwapRequest
from schedules.surfaces import access
from schedules.surfaces.api import ReadOnlyResource, RecordSerializer
from schedules.surfaces.fields import UserField
from schedules.surfaces.filters import InstantFilter, NumberFilter, TextFilter
from schedules.surfaces.left_open.api import WarningResource, WarningSerializer


class AbsenceSerializer(WarningSerializer):
    blame = "end"

    user = UserField(required=False, help_text="The person who is away: id or username. Defaults to you.")
    username = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Absence
        fields = ("id", "user", "username", "start", "end", "reason", "warnings")
        extra_kwargs: ClassVar = {"reason": {"help_text": "Empty unless it is yours or you may view absences."}}

    def to_representation(self, instance: Absence) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not access.may_read_private(self.context["request"].user, Absence, instance.user_id):
            shown["reason"] = ""
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        asking = self.context["request"].user
        if self.instance is None:
            attrs = {"user": asking, **attrs}
        # An edit must not turn one person's absence into somebody else's, either.
        verb = "add" if self.instance is None else "change"
        if attrs.get("user", asking) != asking and not asking.has_perm(f"schedules.{verb}_absence"):
            raise PermissionDenied(
                "You may enter your own absences; for other people's you need the permission to change them."
            )
        return super().validate(attrs)


class AbsenceFilters(filters.FilterSet):
    user = NumberFilter(help_text="A person's id.")
    username = TextFilter(field_name="user__username")
    since = InstantFilter(field_name="end", lookup_expr="gt", help_text="Ends after this moment.")
    until = InstantFilter(field_name="start", lookup_expr="lt", help_text="Starts before this moment.")


class OwnAbsence(IsAuthenticated):
    """Everybody may read all absences and write their own; other people's need the model's permission."""

    VERBS = {"PUT": "change", "PATCH": "change", "DELETE": "delete"}

    def has_object_permission(self, request: Request, view: Any, obj: Absence) -> bool:
        verb = self.VERBS.get(request.method or "")
        return verb is None or obj.user_id == request.user.pk or access.may(request.user, verb, obj)


class AbsenceViewSet(WarningResource):
    """Absences: spans in which a person is on duty nowhere.

    You may write your own absences, and other people's with the model's permission.
    """

    queryset = Absence.objects.select_related("user")
    serializer_class = AbsenceSerializer
    filterset_class = AbsenceFilters
    permission_classes = (OwnAbsence,)

    def concerned(self, instance: Absence | None, values: dict[str, Any]) -> Iterable[int]:
        return {user.pk for user in (instance and instance.user, values.get("user")) if user}

    def moments(self, instance: Absence | None, values: dict[str, Any]) -> Iterable[datetime]:
        return [values["start"]] if "start" in values else []


class SwapRequestSerializer(RecordSerializer):
    blame = "end"

    asked_by = serializers.CharField(
        source="asked_by.username", read_only=True, help_text="The username of the person who gives the shift away."
    )
    asked = UserField(
        required=False,
        allow_null=True,
        help_text="The person who is asked: id or username. Null asks anyone on the schedule.",
    )
    asked_username = serializers.CharField(source="asked.username", default=None, read_only=True)
    answered_by = serializers.CharField(source="answered_by.username", default=None, read_only=True)

    class Meta:
        model = SwapRequest
        fields = (
            *("id", "schedule", "asked_by", "asked", "asked_username", "start", "end", "return_start", "return_end"),
            *("note", "state", "created_at", "answered_at", "answered_by", "overrides"),
        )
        read_only_fields = ("state", "created_at", "answered_at", "overrides")
        extra_kwargs: ClassVar = {
            "note": {"help_text": "Empty if it is for one person and you are neither of the two."}
        }

    def to_representation(self, instance: SwapRequest) -> dict[str, Any]:
        shown, user = super().to_representation(instance), self.context["request"].user
        between = {instance.asked_by_id, instance.asked_id}
        if None not in between and user.pk not in between and not access.may_read_private(user, SwapRequest):
            shown["note"] = ""
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        start, end = attrs.get("return_start"), attrs.get("return_end")
        if (start is None) != (end is None):
            raise serializers.ValidationError({"return_end": "A shift in return needs a start and an end."})
        if start and end and end <= start:
            raise serializers.ValidationError({"return_end": "A shift in return must end after it starts."})
        if start and not attrs.get("asked"):
            raise serializers.ValidationError({"asked": "Name the person whose shift is taken in return."})
        return super().validate(attrs)

    def create(self, validated_data: dict[str, Any]) -> SwapRequest:
        schedule, asking = validated_data.pop("schedule"), self.context["request"].user
        start, end = validated_data.pop("start"), validated_data.pop("end")
        return swapping.ask(schedule, asking, start, end, now=clock.now(), **validated_data)


class SwapRequestFilters(filters.FilterSet):
    schedule = NumberFilter(help_text="A schedule's id.")
    asked_by = TextFilter(field_name="asked_by__username", help_text="A username.")
    asked = NumberFilter(help_text="A person's id.")
    state = filters.MultipleChoiceFilter(choices=SwapRequest.State.choices)
    since = InstantFilter(field_name="end", lookup_expr="gt", help_text="Ends after this moment.")
    until = InstantFilter(field_name="start", lookup_expr="lt", help_text="Starts before this moment.")


def verb(function: Callable) -> Callable:
    """Exposes a swap request's verb as a POST; the verb itself decides whether this person may call it."""
    answers = {200: SwapRequestSerializer, 409: OpenApiResponse(description="Refused; `detail` says why.")}
    return action(detail=True, methods=["post"], filterset_class=None)(
        extend_schema(request=None, responses=answers)(function)
    )


class SwapRequestViewSet(mixins.CreateModelMixin, ReadOnlyResource):
    """Swap requests: somebody asks one person, or anyone on the schedule, to take their own shift.

    If anyone is asked, the first person to accept takes it. With `return_start` and `return_end`, the person who asks
    takes that shift of the person asked in return.
    """

    queryset = SwapRequest.objects.select_related("asked_by", "asked", "answered_by").prefetch_related("overrides")
    serializer_class = SwapRequestSerializer
    filterset_class = SwapRequestFilters
    permission_classes = (IsAuthenticated,)

    @verb
    def accept(self, request: Request, pk: str) -> Response:
        """You take the shift; the resulting overrides are in `overrides`."""
        return self._do(swapping.accept)

    @verb
    def decline(self, request: Request, pk: str) -> Response:
        """You have been asked, and decline."""
        return self._do(swapping.decline)

    @verb
    def withdraw(self, request: Request, pk: str) -> Response:
        """You withdraw your own request."""
        return self._do(swapping.withdraw)

    def _do(self, do: Callable[..., SwapRequest]) -> Response:
        do(self.get_object(), self.request.user, clock.now())
        return Response(self.get_serializer(self.get_object()).data)


class HandoverNoteSerializer(RecordSerializer):
    by = serializers.CharField(source="by.username", default=None, read_only=True)

    class Meta:
        model = HandoverNote
        fields = ("id", "schedule", "by", "at", "text")
        read_only_fields = ("at",)

    def create(self, validated_data: dict[str, Any]) -> HandoverNote:
        return handover.write(by=self.context["request"].user, now=clock.now(), **validated_data)


class HandoverNoteFilters(filters.FilterSet):
    schedule = NumberFilter(help_text="A schedule's id.")
    by = TextFilter(field_name="by__username", help_text="A username.")
    since = InstantFilter(field_name="at", lookup_expr="gte", help_text="Written at this moment or later.")
    until = InstantFilter(field_name="at", lookup_expr="lt", help_text="Written before this moment.")


class HandoverNoteViewSet(mixins.CreateModelMixin, ReadOnlyResource):
    """Handover notes, newest first. People on duty now or within the last day can write one; notes cannot be changed."""

    queryset = HandoverNote.objects.select_related("by")
    serializer_class = HandoverNoteSerializer
    filterset_class = HandoverNoteFilters
    permission_classes = (IsAuthenticated,)
