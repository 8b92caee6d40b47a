"""The API of contact points and contact rules."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from dispatching.contact import access
from dispatching.models import ContactPoint, ContactRule, Recipient
from schedules.surfaces.api import RecordSerializer, Resource
from schedules.surfaces.fields import UserField
from schedules.surfaces.filters import NumberFilter, TextFilter, YesNoFilter
from schedules.surfaces.left_open.api import WarningResource, WarningSerializer


class ContactPointSerializer(WarningSerializer):
    blame = "address"

    user = UserField(
        source="recipient.user", help_text="The owner: id or username. Null means somebody without a login."
    )
    username = serializers.CharField(source="recipient.user.username", default=None, read_only=True)
    recipient = serializers.CharField(source="recipient.name", read_only=True, help_text="The name in timelines.")

    class Meta:
        model = ContactPoint
        fields = (
            *("id", "user", "username", "recipient", "channel", "address", "verified", "disabled_reason"),
            "warnings",
        )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "recipient" in attrs:
            user = attrs["recipient"]["user"]
            attrs = {**attrs, "recipient": Recipient.objects.get_or_create(user=user)[0]}
        if {"channel", "address"} & attrs.keys():
            attrs = {**attrs, "from_outside": False}  # from now on it is an address that an operator entered
        attrs = super().validate(attrs)
        there = {name: attrs[name] for name in ("recipient", "channel", "address") if name in attrs}
        return {**attrs, **self.instance.moved(**there)} if self.instance else attrs


class ContactPointFilters(filters.FilterSet):
    user = NumberFilter(field_name="recipient__user", help_text="A person's id.")
    username = TextFilter(field_name="recipient__user__username")
    channel = TextFilter()
    address = TextFilter(lookup_expr="iexact")
    verified = YesNoFilter()


class ContactPointViewSet(WarningResource):
    """Contact points: one address of one person on one channel. Only verified ones are used.

    A change of the user, the channel or the address makes `verified` false, whatever is sent with it, and makes all links void
    that were sent to the old address. Set `verified` afterwards, when somebody has seen a message arrive.

    Everybody may read their own; reading all of them takes the permission to view contact points.
    """

    queryset = ContactPoint.objects.select_related("recipient__user")
    serializer_class = ContactPointSerializer
    filterset_class = ContactPointFilters

    def concerned(self, instance: ContactPoint | None, values: dict[str, Any]) -> Iterable[int]:
        owner = instance.recipient.user_id if instance else None
        return [owner] if owner else []

    def get_queryset(self) -> QuerySet[ContactPoint]:
        return access.readable(super().get_queryset(), self.request.user)


class ContactRuleSerializer(RecordSerializer):
    blame = "delay"

    class Meta:
        model = ContactRule
        fields = ("id", "contact_point", "delay")


class ContactRuleFilters(filters.FilterSet):
    contact_point = NumberFilter(help_text="A contact point's id.")
    user = NumberFilter(field_name="contact_point__recipient__user", help_text="A person's id.")


class ContactRuleViewSet(Resource):
    """Contact rules: each delays the use of a contact point after a page begins. Without rules, all are used at once."""

    queryset = ContactRule.objects.all()
    serializer_class = ContactRuleSerializer
    filterset_class = ContactRuleFilters
