"""Time zones are stored by their names, and names go out of use."""

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog
import timezone_field
from django.db import models

log = structlog.get_logger(__name__)


def zone_of(name: str) -> ZoneInfo:
    """The zone; UTC, said loudly, for one that this machine's time-zone data no longer has (faults E13)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.error("zone_unknown", zone=name)
        return ZoneInfo("UTC")


if TYPE_CHECKING:  # the original says nothing of types
    Base = models.Field[ZoneInfo | str, ZoneInfo]
else:
    Base = timezone_field.TimeZoneField


class TimeZoneField(Base):
    """Reads a name that is no longer known as UTC, where the original raises; to migrations it is the original."""

    def from_db_value(self, value: str | None, *_: Any) -> ZoneInfo | None:
        return zone_of(value) if value else None

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "timezone_field.fields.TimeZoneField", args, kwargs
