"""The ledger of deliveries in the API: messages, their recipients and states, and the reasons for failures."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from dispatching.models import Delivery, Notice, Page, Recipient
from schedules.surfaces.api import ReadOnlyResource
from schedules.surfaces.filters import InstantFilter, NumberFilter, TextFilter


class DeliverySerializer(serializers.ModelSerializer):
    """One message to one contact point. Its body is left out, because anyone who has the link in it can act."""

    alert = serializers.IntegerField(
        source="page.alert_id", default=None, allow_null=True, help_text="The alert, if it is a page."
    )
    notice = serializers.ChoiceField(
        Notice.Kind.choices,
        source="notice.kind",
        default=None,
        allow_null=True,
        help_text="The kind, if it is a notice.",
    )
    recipient = serializers.CharField(source="recipient_name")
    username = serializers.SerializerMethodField(help_text="The person's username, if there is a login.")
    address = serializers.SerializerMethodField(
        help_text="The address. Null unless it is yours or you may view contact points."
    )
    attempts = serializers.IntegerField(source="attempt", help_text="How often it has been handed to the provider.")

    class Meta:
        model = Delivery
        fields = (
            *("id", "alert", "notice", "recipient", "username", "contact_point", "channel", "address"),
            *("state", "reason", "attempts", "created_at", "due_at", "sent_at", "subject"),
        )
        read_only_fields = fields

    def get_username(self, delivery: Delivery) -> str | None:
        recipient = _recipient(delivery)
        return recipient.user.username if recipient and recipient.user else None

    def get_address(self, delivery: Delivery) -> str | None:
        user = self.context["request"].user
        recipient = _recipient(delivery)
        own = recipient is not None and recipient.user_id == user.pk
        return delivery.address if own or user.has_perm("dispatching.view_contactpoint") else None


def _recipient(delivery: Delivery) -> Recipient | None:
    reason = getattr(delivery, "page", None) or getattr(delivery, "notice", None)
    return reason.recipient if reason else None


class DeliveryFilters(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Delivery.State.choices)
    channel = TextFilter()
    alert = NumberFilter(field_name="page__alert", help_text="An alert's id.")
    username = TextFilter(method="of_person", help_text="A username.")
    since = InstantFilter(field_name="created_at", lookup_expr="gte", help_text="Planned at this moment or later.")
    until = InstantFilter(field_name="created_at", lookup_expr="lt", help_text="Planned before this moment.")

    def of_person(self, deliveries: QuerySet[Delivery], name: str, value: str) -> QuerySet[Delivery]:
        person = {"recipient__user__username": value}
        pages = Page.objects.filter(**person).values("delivery")
        notices = Notice.objects.filter(**person).values("delivery")
        return deliveries.filter(pk__in=pages.union(notices, all=True))


class DeliveryViewSet(ReadOnlyResource):
    """Deliveries, newest first. You see all pages, and what was sent to you; the rest with the permission to view deliveries."""

    queryset = Delivery.objects.select_related("page__recipient__user", "notice__recipient__user").defer("body", "data")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters

    def get_queryset(self) -> QuerySet[Delivery]:
        deliveries, user = super().get_queryset(), self.request.user
        if user.has_perm("dispatching.view_delivery"):
            return deliveries
        # The list of all others would be the list of subscribers, which only some people may read (P12, S4).
        return deliveries.filter(Q(page__isnull=False) | Q(contact_point__recipient__user=user.pk))
