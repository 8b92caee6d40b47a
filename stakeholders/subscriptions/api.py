"""The REST API of subscriptions: people's own, or everybody's with the permission. DELETE ends one; its record stays."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError as ModelError
from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.fields import get_attribute
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dispatching import channels
from dispatching.models import ContactPoint
from schedules import clock
from schedules.refused import Refused
from schedules.surfaces.access import person
from schedules.surfaces.api import RecordSerializer, Resource, StrictSerializer
from schedules.surfaces.filters import NumberFilter, TextFilter
from stakeholders.groups import joining
from stakeholders.groups.joining import Wish
from stakeholders.models import Deployment, Product, SignUp, StakeholderGroup, Subscription
from stakeholders.subscriptions import addresses, sign_ups, subscribing

PARTS = {"deployments": Deployment, "products": Product}


class IdsField(serializers.ManyRelatedField):
    """A list of ids of deployments or products."""

    def __init__(self, model: Any, **kwargs: Any) -> None:
        child = serializers.PrimaryKeyRelatedField(queryset=model.objects.all())
        super().__init__(
            child_relation=child,
            required=False,
            help_text="Ids. An empty list means everything that the group covers.",
            **kwargs,
        )

    def to_internal_value(self, data: Any) -> list[int]:
        return sorted({part.pk for part in super().to_internal_value(data)})

    def get_attribute(self, instance: Any) -> list[int]:
        return get_attribute(instance, self.source_attrs)

    def to_representation(self, iterable: Iterable[int]) -> list[int]:
        return list(iterable)


class SubscriptionSerializer(RecordSerializer):
    blame = "group"

    address = serializers.CharField(source="contact_point.address", read_only=True)
    channel = serializers.CharField(source="contact_point.channel", read_only=True)
    deployments = IdsField(Deployment)
    products = IdsField(Product)

    class Meta:
        model = Subscription
        fields = (
            *("id", "contact_point", "channel", "address", "group", "state", "deployments", "products", "kinds"),
            *("least_priority", "asked_at", "asked_from", "confirmed_at", "ended_at", "end_reason"),
        )
        read_only_fields = ("id", "state", "asked_at", "asked_from", "confirmed_at", "ended_at", "end_reason")

    def get_validators(self) -> list:
        return []  # a second request for the same group narrows the existing one

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        user, old = self.context["request"].user, self.instance
        if old is not None and {"contact_point", "group"} & attrs.keys():
            raise serializers.ValidationError({"group": "A subscription cannot move: end it and make another."})
        point = attrs["contact_point"] if old is None else old.contact_point
        group = attrs["group"] if old is None else old.group
        if old is None and not _may(user, point, "add"):
            raise serializers.ValidationError({"contact_point": "This is not one of your contact points."})
        if old is None and not joining.open_to(point.recipient.user).filter(pk=group.pk).exists():
            raise serializers.ValidationError({"group": "This group is not open to this person."})
        wish = _wish(attrs, old)
        if joining.within(group, wish) is None:
            raise serializers.ValidationError({"deployments": "The group covers nothing of what you chose."})
        return attrs

    def save(self, **kwargs: Any) -> Subscription:
        data = self.validated_data
        row = self.instance
        point = row.contact_point if row else data["contact_point"]
        group = row.group if row else data["group"]
        wish = joining.within(group, _wish(data, row))
        subscribing.choose(point, {group: wish}, asked_from="API", now=clock.now())
        current = Subscription.objects.exclude(state=Subscription.State.ENDED)
        self.instance = current.select_related("contact_point").get(contact_point=point, group=group)
        return self.instance


class InvitationSerializer(StrictSerializer):
    channel = serializers.CharField(default="email")
    address = serializers.CharField(max_length=500)
    groups = serializers.PrimaryKeyRelatedField(many=True, queryset=StakeholderGroup.objects.all(), allow_empty=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        open_ = set(joining.invitable(self.context["request"].user).values_list("pk", flat=True))
        if not {group.pk for group in attrs["groups"]} <= open_:
            raise serializers.ValidationError({"groups": "People outside cannot be invited to one of these groups."})
        if attrs["channel"] not in dict(channels.kinds(for_strangers=True)):
            raise serializers.ValidationError({"channel": f"People cannot subscribe by “{attrs['channel']}” here."})
        try:
            attrs["address"] = addresses.clean(attrs["channel"], attrs["address"])
        except ModelError as error:
            raise serializers.ValidationError({"address": error.messages}) from None
        return attrs


class SubscriptionFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Subscription.State.choices)
    group = NumberFilter(help_text="A group's id.")
    contact_point = NumberFilter(help_text="A contact point's id.")
    address = TextFilter(field_name="contact_point__address", lookup_expr="iexact")


class SubscriptionViewSet(Resource):
    """Subscriptions of contact points to groups. DELETE ends one; it stays on record as ended.

    People read and change their own. To read or change everybody's, they need the permission to view or change subscriptions.
    """

    queryset = Subscription.objects.select_related("contact_point__recipient__user", "group")
    serializer_class = SubscriptionSerializer
    filterset_class = SubscriptionFilters
    permission_classes = (IsAuthenticated,)
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Subscription]:
        verb = "view" if self.request.method in ("GET", "HEAD", "OPTIONS") else "change"
        mine = Q(contact_point__recipient__user=self.request.user.pk)
        everybodys = self.request.user.has_perm(f"stakeholders.{verb}_subscription")
        return super().get_queryset() if everybodys else super().get_queryset().filter(mine)

    def hold(self, pk: str) -> None:
        subscribing.hold(pk)

    def perform_update(self, serializer: Any) -> None:
        if serializer.instance.state == Subscription.State.ENDED:
            raise Refused("It has ended: subscribe again by POST.")
        serializer.save()

    def perform_destroy(self, instance: Subscription) -> None:
        subscribing.end(instance, reason="ended by API", now=clock.now())

    @extend_schema(request=InvitationSerializer, responses={202: None})
    @action(detail=False, methods=["post"], filterset_class=None)
    def invite(self, request: Request) -> Response:
        """Suggests groups to a person outside. They are asked by one message, and get nothing else until they confirm."""
        given = InvitationSerializer(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        data = given.validated_data
        groups = sorted(group.pk for group in data["groups"])
        sign_up = SignUp(channel=data["channel"], address=data["address"], groups=groups, invited_by=person(request))
        sign_ups.take(sign_up, ip=sign_ups.sender(request.META), now=clock.now())
        return Response(status=status.HTTP_202_ACCEPTED)


def _may(user: Any, point: ContactPoint, verb: str) -> bool:
    return point.recipient.user_id == user.pk or user.has_perm(f"stakeholders.{verb}_subscription")


def _wish(asked: dict[str, Any], row: Subscription | None) -> Wish:
    """Returns the requested wish; values that were left out stay as they are."""
    old = row or Subscription()
    values = {
        name: asked.get(name, getattr(old, name)) for name in ("deployments", "products", "kinds", "least_priority")
    }
    return Wish(**values | {name: tuple(values[name]) for name in PARTS})
