"""API resources for teams, people, and groups of people across teams."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from schedules import clock
from schedules.models import Team, User
from schedules.people import leaving
from schedules.surfaces import access
from schedules.surfaces.fields import UserField, ZoneField
from schedules.surfaces.filters import NumberFilter, TextFilter, YesNoFilter
from schedules.surfaces.left_open.api import WarningResource, WarningSerializer


class UserSerializer(WarningSerializer):
    """A person. Passwords and administrator rights are set in the admin, never here (faults K14)."""

    blame = "username"
    instead: ClassVar = {"name": ("first_name", "last_name")}

    name = serializers.CharField(read_only=True, help_text="The person's name in timelines.")
    time_zone = ZoneField(required=False, help_text="The zone in which this person reads times.")

    class Meta:
        model = User
        fields = ("id", "username", "name", "first_name", "last_name", "email", "time_zone", "is_active", "warnings")
        extra_kwargs: ClassVar = {"email": {"help_text": "Empty unless it is yours or you may view people."}}

    def to_representation(self, instance: User) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not access.may_read_private(self.context["request"].user, User, instance.pk):
            shown["email"] = ""
        return shown

    def validate_is_active(self, active: bool) -> bool:
        if not active and self.instance == self.context["request"].user:
            raise serializers.ValidationError("Somebody else has to switch off your login.")
        return active

    def create(self, validated_data: dict[str, Any]) -> User:
        user = User(**validated_data)
        user.set_unusable_password()
        user.save()
        return user

    def update(self, instance: User, validated_data: dict[str, Any]) -> User:
        instance.is_active = validated_data.get("is_active", instance.is_active)
        leaving.note(instance, now=clock.now())
        return super().update(instance, validated_data)


class UserFilters(filters.FilterSet):
    username = TextFilter()
    email = TextFilter(method="by_email", help_text="Finds only you unless you may view people.")
    is_active = YesNoFilter()
    group = NumberFilter(field_name="groups", help_text="The id of a team or group whose members to list.")

    def by_email(self, people: QuerySet[User], name: str, value: str) -> QuerySet[User]:
        matching, asking = people.filter(email__iexact=value), self.request.user
        return matching if access.may_read_private(asking, User) else matching.filter(pk=asking.pk)


class UserViewSet(WarningResource):
    """People. Deactivate somebody who has left (`is_active`): their turns become gaps that everybody sees.

    Their sessions, tokens and links end for good.
    """

    queryset = User.objects.all()
    serializer_class = UserSerializer
    filterset_class = UserFilters

    def concerned(self, instance: User | None, values: dict[str, Any]) -> Iterable[int]:
        return [instance.pk] if instance else []

    def check_object_permissions(self, request: Request, obj: User) -> None:
        super().check_object_permissions(request, obj)
        if obj.is_superuser and request.method not in SAFE_METHODS and not request.user.is_superuser:
            raise PermissionDenied("Only administrators may change an administrator.")


class PeopleSerializer(WarningSerializer):
    """Base for teams and groups: an auth group with its members."""

    instead: ClassVar = {"usernames": ("members",)}

    members = UserField(
        many=True, source="user_set", required=False, help_text="Ids or usernames; the whole list is replaced."
    )
    usernames = serializers.SerializerMethodField(help_text="The members' usernames.")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_usernames(self, group: Group) -> list[str]:
        return [user.username for user in group.user_set.all()]

    def validate_members(self, members: list[User]) -> list[User]:
        """Refuses unless the user has all of the group's permissions, because its members get them (faults O5)."""
        held = self.context["request"].user
        given = self.instance.permissions.select_related("content_type") if self.instance else ()
        if not held.has_perms([f"{p.content_type.app_label}.{p.codename}" for p in given]):
            raise PermissionDenied(
                "This group holds permissions that you lack. Only administrators may choose its members."
            )
        return members


class TeamSerializer(PeopleSerializer):
    manager = UserField(required=False, allow_null=True, help_text="The engineering manager.")
    manager_username = serializers.CharField(source="manager.username", default=None, read_only=True)
    time_zone = ZoneField(required=False, help_text="The zone in which the team's schedules are drawn.")

    class Meta:
        model = Team
        fields = (
            *("id", "name", "description", "manager", "manager_username", "time_zone", "members", "usernames"),
            "warnings",
        )


class GroupSerializer(PeopleSerializer):
    class Meta:
        model = Group
        fields = ("id", "name", "members", "usernames", "warnings")


class MemberFilters(filters.FilterSet):
    name = TextFilter()
    member = NumberFilter(field_name="user", help_text="A person's id.")


class PeopleResource(WarningResource):
    def concerned(self, instance: Any, values: dict[str, Any]) -> Iterable[int]:
        return instance.user_set.values_list("pk", flat=True) if instance else ()


class TeamViewSet(PeopleResource):
    """Teams: people who own services together."""

    queryset = Team.objects.select_related("manager").prefetch_related("user_set")
    serializer_class = TeamSerializer
    filterset_class = MemberFilters


class GroupViewSet(PeopleResource):
    """Groups of people across teams, for example the database experts of all teams. A team is not listed here."""

    queryset = Group.objects.filter(team__isnull=True).order_by("name").prefetch_related("user_set")
    serializer_class = GroupSerializer
    filterset_class = MemberFilters
