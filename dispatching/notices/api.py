"""The API of notices: messages other than pages, such as shift reminders, handovers and calendars that cannot be read."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters
from rest_framework import serializers

from dispatching.models import Notice
from schedules.surfaces.api import ReadOnlyResource
from schedules.surfaces.filters import InstantFilter, TextFilter, YesNoFilter


class NoticeSerializer(serializers.ModelSerializer):
    """One message to one person. If there is no delivery, nothing was sent, and `reason` says why."""

    recipient = serializers.CharField(source="recipient.name")
    username = serializers.CharField(source="recipient.user.username", default=None, allow_null=True)
    state = serializers.CharField(
        source="delivery.state",
        default=None,
        allow_null=True,
        help_text="The state of the delivery. Null if there is none.",
    )
    reason = serializers.SerializerMethodField(help_text="Why it was not sent, or not at once. Usually empty.")

    class Meta:
        model = Notice
        fields = ("id", "kind", "recipient", "username", "text", "at", "delivery", "state", "reason")
        read_only_fields = fields

    def get_reason(self, notice: Notice) -> str:
        return notice.delivery.reason if notice.delivery else notice.reason


class NoticeFilters(filters.FilterSet):
    kind = filters.MultipleChoiceFilter(choices=Notice.Kind.choices)
    username = TextFilter(field_name="recipient__user__username")
    sent = YesNoFilter(
        field_name="delivery", lookup_expr="isnull", exclude=True, help_text="Whether the person could be reached."
    )
    since = InstantFilter(field_name="at", lookup_expr="gte", help_text="Made at this moment or later.")
    until = InstantFilter(field_name="at", lookup_expr="lt", help_text="Made before this moment.")


class NoticeViewSet(ReadOnlyResource):
    """Notices, newest first. You see your own; all of them with the permission to view notices."""

    queryset = Notice.objects.select_related("recipient__user", "delivery").defer("delivery__body", "delivery__data")
    serializer_class = NoticeSerializer
    filterset_class = NoticeFilters

    def get_queryset(self) -> QuerySet[Notice]:
        notices, user = super().get_queryset(), self.request.user
        return notices if user.has_perm("dispatching.view_notice") else notices.filter(recipient__user=user.pk)
