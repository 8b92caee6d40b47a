"""Time zones stored by name, readable even when a name is no longer known."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import structlog
import timezone_field
from django.db import models

log = structlog.get_logger(__name__)


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name. UTC, with an error in the log, if this machine's time-zone data lacks it (faults E13)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        log.error("zone_unknown", zone=name)
        return ZoneInfo("UTC")


@cache
def current_names() -> frozenset[str]:
    """UTC and the zones of places by their present names, to be offered; old names, such as Europe/Kiev, are only read (P37)."""
    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text("utf-8").splitlines()
    return frozenset({"UTC", *(line.split("\t")[2] for line in lines if not line.startswith("#"))})


if TYPE_CHECKING:  # the original has no type hints
    Base = models.Field[ZoneInfo | str, ZoneInfo]
else:
    Base = timezone_field.TimeZoneField


class TimeZoneField(Base):
    """A time-zone field that reads an unknown name as UTC instead of raising; migrations see the original field."""

    def from_db_value(self, value: str | None, *_: Any) -> ZoneInfo | None:
        return zone_of(value) if value else None

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        return name, "timezone_field.fields.TimeZoneField", args, kwargs
