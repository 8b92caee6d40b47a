"""Serializer fields that all resources share: instants, zones, people."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from schedules.models import User
from schedules.validators import YEARS

EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC) for year in YEARS)
# In a URL that was not escaped, the plus sign of an offset arrives as a space.
LOST_PLUS = re.compile(r"(:[0-9.,]+) (?=[0-9]{2}:?[0-9]{2}$)")
zones = cache(available_timezones)  # which looks through a folder of files each time


def instant_of(text: str) -> datetime:
    """The UTC instant that an ISO 8601 text means. Raises ValueError with a sentence for people (E18, E19)."""
    try:
        value = parse_datetime(LOST_PLUS.sub(r"\1+", text)) if text.isascii() else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError("This is not a time in ISO 8601. Example: 2026-01-05T09:00:00Z.")
    if value.utcoffset() is None:
        raise ValueError("The offset is missing: end with Z or, for example, +01:00.")
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"The year must lie between {YEARS[0]} and {YEARS[1] - 1}.")
    return value.astimezone(UTC)


class InstantField(serializers.DateTimeField):
    """A moment with an offset; a local time without one is refused, because it could mean 24 different moments."""

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return instant_of(data if isinstance(data, str) else "")
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class ZoneField(serializers.CharField):
    """A time zone by its IANA name."""

    def to_internal_value(self, data: Any) -> ZoneInfo:  # type: ignore[override]  # a text only on the wire
        name = super().to_internal_value(data)
        if name not in zones():
            raise serializers.ValidationError(f"There is no time zone “{name}”. Example: Europe/Berlin.")
        return ZoneInfo(name)

    def to_representation(self, value: ZoneInfo) -> str:  # type: ignore[override]
        return str(value)


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}], "description": "id or username"})
class UserField(serializers.RelatedField):
    """A person, read by id (a number) or username (a text), and answered as the id."""

    queryset = User.objects.all()

    def use_pk_only_optimization(self) -> bool:
        return True

    def to_internal_value(self, data: Any) -> User:
        if isinstance(data, bool) or not isinstance(data, int | str):
            raise serializers.ValidationError("Name a person by id (a number) or username (a text).")
        user = User.objects.filter(**{"pk" if isinstance(data, int) else "username": data}).first()
        if user is None:
            raise serializers.ValidationError(f"There is no person “{data}”.")
        return user

    def to_representation(self, value: Any) -> int:
        return value.pk
