"""The ledger: what was sent to whom, and why not."""

from django_filters import rest_framework as filters
from rest_framework import serializers

from dispatching.models import Delivery
from schedules.api.base import ReadOnlyResource
from schedules.api.filters import InstantFilter, NumberFilter, TextFilter


class DeliverySerializer(serializers.ModelSerializer):
    """One message to one contact point. Its body is not answered: it holds a link that lets whoever has it act."""

    alert = serializers.IntegerField(source="page.alert_id", default=None, allow_null=True, help_text="Which alert.")
    recipient = serializers.CharField(source="recipient_name")
    username = serializers.CharField(source="page.recipient.user.username", default=None, allow_null=True)
    address = serializers.SerializerMethodField(
        help_text="Where it was sent; null without the permission to view contact points, unless it is one's own."
    )
    attempts = serializers.IntegerField(source="attempt", help_text="How often it was handed to the provider.")

    class Meta:
        model = Delivery
        fields = (
            *("id", "alert", "recipient", "username", "contact_point", "channel", "address", "state", "reason"),
            *("attempts", "created_at", "due_at", "sent_at", "subject"),
        )
        read_only_fields = fields

    def get_address(self, delivery: Delivery) -> str | None:
        user = self.context["request"].user
        page = getattr(delivery, "page", None)
        own = page is not None and page.recipient.user_id == user.pk
        return delivery.address if own or user.has_perm("dispatching.view_contactpoint") else None


class DeliveryFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Delivery.State.choices)
    channel = TextFilter()
    alert = NumberFilter(field_name="page__alert", help_text="An alert's id.")
    username = TextFilter(field_name="page__recipient__user__username")
    since = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="Planned at this moment or later.")
    until = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Planned before this moment.")


class DeliveryViewSet(ReadOnlyResource):
    """Deliveries, newest first."""

    queryset = Delivery.objects.select_related("page__recipient__user").defer("body", "data")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
