"""API resources for outside calendars, and for the links under which calendar programs read our shifts."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema_field
from guardian.shortcuts import get_objects_for_user
from rest_framework import mixins, serializers
from rest_framework.exceptions import Throttled
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request

from schedules import clock
from schedules.calendars import export, feeds
from schedules.calendars.occurrences import BadCalendar
from schedules.models import CalendarFeed, CalendarLink
from schedules.rota.api import ByTeam
from schedules.surfaces.api import ReadOnlyResource, RecordSerializer, TeamOwnedResource
from schedules.surfaces.fields import InstantField, UserField, ZoneField
from schedules.surfaces.left_open.api import WarningResource, WarningSerializer


class AddressField(serializers.URLField):
    """A URL, which may also begin with webcal://."""

    def to_internal_value(self, data: Any) -> str:
        return feeds.web_address(super().to_internal_value(data))


class CalendarFeedSerializer(WarningSerializer):
    raw = ("content",)
    passing = ("warnings", "entries", "unknown", "error", "failing_since", "fetched_at")

    url = AddressField(
        required=False,
        allow_blank=True,
        max_length=1000,
        help_text="The address from which it is read every quarter of an hour. Instead of https:// it may begin with webcal://.",
    )
    time_zone = ZoneField(required=False, help_text="The zone of whole days and of times without a zone.")
    content = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="If there is no URL: the calendar itself, as iCalendar text. Shown to people who may change it, not in lists.",
    )
    entries = serializers.IntegerField(
        source="number", read_only=True, help_text="The number of entries from a month ago to a year ahead."
    )

    taken: tuple[str, feeds.Reading, datetime] | None = None

    class Meta:
        model = CalendarFeed
        fields: tuple[str, ...] = (
            *("id", "name", "team", "url", "time_zone", "content", "entries", "unknown"),
            *("error", "failing_since", "fetched_at", "warnings"),
        )
        read_only_fields = ("unknown", "error", "failing_since", "fetched_at")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        now, feed = clock.now(), self.instance or CalendarFeed()
        text, zone = attrs.pop("content", feed.content), attrs.get("time_zone", feed.time_zone)
        if attrs.get("url", feed.url):
            if text != feed.content:
                raise serializers.ValidationError({"content": "The calendar is read from its URL."})
            return {**attrs, "due_at": now}
        try:
            self.taken = text, feeds.reading_at_once(text, zone, now), now
        except feeds.Busy as error:
            raise Throttled(wait=5, detail=str(error)) from None
        except BadCalendar as error:
            raise serializers.ValidationError({"content": str(error)}) from None
        return attrs

    def save(self, **more: Any) -> CalendarFeed:
        feed = super().save(**more)
        if self.taken:
            feeds.keep(feed, *self.taken)
        feed.number = feed.entries.count()
        return feed

    def to_representation(self, feed: CalendarFeed) -> dict[str, Any]:
        """Hides all of the URL but its host, and the text, from people who may not change the feed.

        The URL is often the secret that opens the calendar.
        """
        shown = super().to_representation(feed)
        if feed.pk not in self.context["changeable"]:
            where = urlsplit(feed.url)
            shown |= {"url": f"{where.scheme}://{where.hostname}/…" if feed.url else ""}
            shown |= {"content": ""} if "content" in shown else {}
        return shown


class ListedFeedSerializer(CalendarFeedSerializer):
    """A calendar feed in a list: without its text, which may be long."""

    class Meta(CalendarFeedSerializer.Meta):
        fields = tuple(name for name in CalendarFeedSerializer.Meta.fields if name != "content")


class CalendarFeedViewSet(WarningResource, TeamOwnedResource):
    """Outside calendars that say who is on duty. They are read every quarter of an hour; the last good copy is kept."""

    queryset = CalendarFeed.objects.annotate(number=Count("entries"))
    serializer_class = CalendarFeedSerializer
    filterset_class = ByTeam

    def get_queryset(self) -> QuerySet[CalendarFeed]:
        queryset = super().get_queryset()
        return queryset.defer("content") if self.action == "list" else queryset

    def get_serializer_class(self) -> type[CalendarFeedSerializer]:
        return ListedFeedSerializer if self.action == "list" else CalendarFeedSerializer

    def schedules(self, instance: CalendarFeed) -> Iterable[int]:
        return instance.layers.values_list("schedule", flat=True)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "changeable": Changeable(self.request)}


class Changeable:
    """The ids of the feeds that the user may change; queried once, when the first id is looked up."""

    def __init__(self, request: Request):
        self.request = request
        self.ids: set[int] | None = None

    def __contains__(self, pk: int) -> bool:
        if self.ids is None:
            own = get_objects_for_user(self.request.user, "schedules.change_calendarfeed", CalendarFeed)
            self.ids = set(own.values_list("pk", flat=True))
        return pk in self.ids


class CalendarLinkSerializer(RecordSerializer):
    blame = "schedule"

    user = UserField(required=False, allow_null=True, help_text="The person whose shifts it shows: id or username.")
    url = serializers.SerializerMethodField(help_text="Secret: anyone who has it can read the shifts.")
    created_at = InstantField(read_only=True)

    class Meta:
        model = CalendarLink
        fields = ("id", "user", "schedule", "team", "url", "created_at")

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, link: CalendarLink) -> str:
        return export.address(link)

    def create(self, validated_data: dict[str, Any]) -> CalendarLink:
        return export.calendar_link(self.context["request"].user, **validated_data)


class CalendarLinkViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ReadOnlyResource):
    """Your own secret links under which calendar programs read shifts. Deleting a link revokes it."""

    queryset = CalendarLink.objects.all()
    serializer_class = CalendarLinkSerializer
    permission_classes = (IsAuthenticated,)

    def get_queryset(self) -> QuerySet[CalendarLink]:
        return super().get_queryset().filter(owner=self.request.user)
