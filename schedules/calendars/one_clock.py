"""Brings all times of an event into the form of its start: whole days, times without a zone, or times in a zone.

RFC 5545 demands that form, and the library compares times of different forms as if all were UTC. What could only be guessed is
refused by a ValueError that names the property.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar.prop import vDDDLists, vDDDTypes

DAY_END = time(23, 59, 59)
NAME = 200  # characters that are kept of a name
Event = Any  # a VEVENT; the package's types do not say what its properties contain
TIMES = ("DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID")
NEEDED = (*TIMES, "DURATION", "RRULE", "SEQUENCE")
ONCE = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "SEQUENCE", "UID")
_too_often = ("SECONDLY", "MINUTELY")
_by = {"BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"}
_rule = {"FREQ", "UNTIL", "COUNT", "INTERVAL", "WKST", *_by}


def check(event: Event) -> None:
    """Raises a ValueError for what cannot be read as it is meant."""
    if damaged := [name for name, _ in event.errors if name in NEEDED]:
        raise ValueError(f"its {damaged[0]} is not understood")
    if several := [name for name in ONCE if len(values(event.get(name))) > 1]:
        raise ValueError(f"it has several {several[0]}")
    if "EXRULE" in event:
        raise ValueError("its EXRULE is not understood; RRULE and EXDATE can say the same")
    for name, value, zone in _times(event):
        if zone and isinstance(value, datetime) and value.tzinfo is None:
            raise ValueError(f"its time zone “{zone[:NAME]}” is unknown ({name})")
    for rule in values(event.get("RRULE")):
        _check_rule(rule)


def arrange(event: Event, series: Event, zone: ZoneInfo) -> None:
    """Brings the event's times into one form. `series` is the event of which it changes a repetition, or itself."""
    start = event["DTSTART"].dt
    for rule in values(event.get("RRULE")):
        if "UNTIL" in rule:
            rule["UNTIL"] = [_until(values(rule["UNTIL"])[0], start, zone)]
    if "DTEND" in event:
        event["DTEND"] = vDDDTypes(_end(event["DTEND"].dt, start, zone))
    if "DTEND" in event and event["DTEND"].dt < start or "DURATION" in event and event["DURATION"].dt < timedelta(0):
        raise ValueError("it ends before it starts")
    for name, like in (("EXDATE", _left_out), ("RDATE", _added)):
        if name in event:
            event[name] = vDDDLists([like(each.dt, start, zone) for part in values(event[name]) for each in part.dts])
    if "RECURRENCE-ID" in event:
        event["RECURRENCE-ID"].dt = _changed(event["RECURRENCE-ID"].dt, series, zone)


def values(value: Any) -> list[Any]:
    """A property's values as a list; icalendar gives a list only if the property occurs several times."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _times(event: Event) -> Iterator[tuple[str, Any, str]]:
    """(property, time, its zone's name) for each time, and for both ends of a period."""
    for name in TIMES:
        for part in values(event.get(name)):
            for each in getattr(part, "dts", [part]):
                for value in each.dt if isinstance(each.dt, tuple) else (each.dt,):
                    yield name, value, str(part.params.get("TZID", ""))


def _check_rule(rule: Any) -> None:
    if "FREQ" not in rule:
        raise ValueError("its RRULE does not say how often")
    if _frequency(rule) in _too_often or "BYSECOND" in rule or len(values(rule.get("BYMINUTE"))) > 1:
        raise ValueError("it repeats more often than every hour")
    if unknown := [name for name in rule if name.upper() not in _rule]:
        raise ValueError(f"its RRULE has a part that is not understood: {unknown[0][:NAME]}")


def _frequency(rule: Any) -> str:
    return str(values(rule["FREQ"])[0]).upper()


def _end(end: date, start: date, zone: ZoneInfo) -> date:
    if isinstance(end, datetime) and isinstance(start, datetime):
        return _on_its_clock(end, start, zone)
    if isinstance(end, datetime) or isinstance(start, datetime):
        raise ValueError("one of its ends is a whole day and the other is not (DTEND)")
    return end


def _left_out(value: date, start: date, zone: ZoneInfo) -> date:
    """A repetition that is left out; a day leaves out all of the day."""
    if not isinstance(start, datetime):
        return _day(value, zone)
    return _on_its_clock(value, start, zone) if isinstance(value, datetime) else value


def _added(value: Any, start: date, zone: ZoneInfo) -> Any:
    """A repetition that is added: a day or a time as the start is one, or a period of two times or of a time and its length."""
    if isinstance(start, datetime) != isinstance(value, datetime | tuple):
        raise ValueError("one of its dates is a whole day and the other is not (RDATE)")
    if not isinstance(start, datetime):
        return value
    if isinstance(value, tuple):
        return tuple(_on_its_clock(each, start, zone) if isinstance(each, datetime) else each for each in value)
    return _on_its_clock(value, start, zone)


def _changed(value: date, series: Event, zone: ZoneInfo) -> date:
    """The repetition that an event changes. Some programs name only its day."""
    start, rules = series["DTSTART"].dt, values(series.get("RRULE"))
    if not isinstance(start, datetime):
        return _day(value, zone)
    if isinstance(value, datetime):
        return _on_its_clock(value, start, zone)
    if any(_frequency(rule) == "HOURLY" or len(values(rule.get("BYHOUR"))) > 1 for rule in rules):
        raise ValueError("it repeats several times a day, but a RECURRENCE-ID names only the day")
    return datetime.combine(value, start.time(), start.tzinfo)


def _until(until: date, start: date, zone: ZoneInfo) -> date:
    """The UNTIL of a rule in the same form as the event's start, as the RFC demands (RFC 5545, 3.3.10).

    A date includes its whole day.
    """
    if not isinstance(start, datetime):
        return _day(until, zone)
    until = until if isinstance(until, datetime) else datetime.combine(until, DAY_END)
    until = _on_its_clock(until, start, zone)
    return until.astimezone(UTC) if until.tzinfo else until


def _day(value: date, zone: ZoneInfo) -> date:
    """For whole-day events a time means its day in `zone`; 0:00 UTC means its day in UTC."""
    if not isinstance(value, datetime):
        return value
    midnight = value.tzinfo and value.astimezone(UTC).time() == time(0)
    return value.date() if midnight or value.tzinfo is None else value.astimezone(zone).date()


def _on_its_clock(value: datetime, start: datetime, zone: ZoneInfo) -> datetime:
    """The time on the clock of the event's start: a time without a zone is on that clock already; no zone means `zone`."""
    if value.tzinfo is None:
        return value.replace(tzinfo=start.tzinfo)
    return value.astimezone(start.tzinfo) if start.tzinfo else value.astimezone(zone).replace(tzinfo=None)
