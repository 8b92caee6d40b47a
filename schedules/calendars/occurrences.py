"""The events of an iCalendar text (RFC 5545), with repeating events expanded into single occurrences.

Runs as a process of its own (see `schedules.calendars.feeds`), which is killed when it takes too long. So a text with
too many repetitions cannot hold up anybody else, and the time zones that a text defines stay within that process.
"""

import json
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import recurring_ical_events
from icalendar import Calendar, Component
from icalendar.timezone import tzp
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from schedules.calendars import one_clock
from schedules.calendars.one_clock import Event, values
from schedules.calendars.pieces import EVENT, ZONE, Piece, mended, pieces, whole
from schedules.rules.rotation import DAY, instant

MOST = 5000  # occurrences
LONGEST = 2 * 1024 * 1024  # bytes of text
MEMORY = 1024**3  # bytes that the process may use
TITLE, DESCRIPTION = 200, 2000  # characters that are kept
_zone = re.compile(
    r"^((?:DTSTART|DTEND|RDATE|EXDATE|RECURRENCE-ID)(?:;[^:;]*)*?;TZID=)(\"[^\"]*\"|[^\";:]*)", re.IGNORECASE
)
USERNAME = "X-TOCSIN-USERNAME"  # in our own exports, which have no attendees


class BadCalendar(Exception):
    """The text is not a usable calendar; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One occurrence of an event in [start, end), UTC, with every property that may name a person."""

    title: str
    description: str
    username: str
    attendees: list[str]  # e-mail addresses, without attendees who declined
    organizer: str
    start: datetime
    end: datetime


def occurrences(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> tuple[list[Occurrence], list[str]]:
    """The occurrences that touch [start, end), in order of start, and a sentence for each event that cannot be read.

    Whole days and times without a zone are in `zone`. Raises BadCalendar, also if not one event can be read.
    """
    events, wrong = _events(text)
    events = list(_understood(events, wrong))
    instances: list[Occurrence] = []
    series = _series(events)
    good = 0
    for group in series:
        try:
            instances += _expand(group, zone, start, end)
            good += 1
        except Exception as error:  # on malformed input the libraries may raise any exception
            wrong.append(f"“{_title(group[0])}” cannot be read: {_reason(error)}.")
        if len(instances) > MOST:
            raise BadCalendar(f"There are more than {MOST} events from {start:%d %b %Y} to {end:%d %b %Y}.")
    if not good:
        raise BadCalendar(wrong[0] if wrong else "It holds no event.")
    return sorted(instances, key=lambda instance: (instance.start, instance.end)), wrong


def check(text: str) -> bytes:
    """The text as bytes. Raises BadCalendar if the text is empty, too long or obviously not a calendar."""
    if not text.strip():
        raise BadCalendar("It is empty.")
    content = text.removeprefix("\ufeff").encode(errors="replace")
    if len(content) > LONGEST:
        raise BadCalendar("It is longer than 2 MiB.")
    if "BEGIN:VCALENDAR" not in text.upper():
        page = "<html" in text[:2000].lower() or "<!doctype" in text[:2000].lower()
        raise BadCalendar("It is a web page, not a calendar." if page else "It is not a calendar in iCalendar form.")
    return content


def _events(text: str) -> tuple[list[Event], list[str]]:
    """The events, and a sentence for each event and each time zone that cannot be read."""
    content = check(text).decode()
    if not whole(content):
        raise BadCalendar("It breaks off before its end.")
    parts = list(pieces(content))
    wrong = [sentence for part in parts if part.kind == ZONE and (sentence := _learn(part))]
    events = []
    for part in parts:
        if part.kind == EVENT:
            try:
                # As bytes, because the library takes a text of one line for the path of a file.
                events.append(_read(part))
            except Exception as error:
                wrong.append(f"“{_clean(part.value('SUMMARY'))}” cannot be read: {_reason(error)}.")
    return events, wrong


def _read(part: Piece) -> Event:
    if not part.whole:
        raise ValueError("its end is missing")
    lines = [_zone.sub(_written_out, line) for line in part.lines]
    return Component.from_ical(Piece(part.kind, lines, part.whole).text())


def _written_out(match: re.Match[str]) -> str:
    """The zone of a time as it is known; names of zones are known in any case unless the text defines them."""
    name = match[2].strip('"')
    known = None if tzp.timezone(name) else _any_case().get(name.lower())
    return match[1] + known if known else match[0]


@cache
def _any_case() -> dict[str, str]:
    return {name.lower(): name for name in (*available_timezones(), *WINDOWS_TO_OLSON)}


def _learn(part: Piece) -> str:
    """Makes a time zone known to the library for the rest of this process. Returns a sentence if it cannot be read."""
    try:
        Calendar.from_ical(b"BEGIN:VCALENDAR\r\n" + mended(part).text() + b"END:VCALENDAR\r\n")
    except Exception as error:  # as above; an event in a zone that is known by its name is read all the same
        return f"The time zone “{_clean(part.value('TZID'))}” cannot be read: {_reason(error)}."
    return ""


def _understood(events: list[Event], wrong: list[str]) -> Iterator[Event]:
    """Leaves out the events that cannot be read as they are meant, and adds a sentence for each to `wrong`."""
    for event in events:
        try:
            one_clock.check(event)
        except Exception as error:  # as above
            wrong.append(f"“{_title(event)}” cannot be read: {_reason(error)}.")
        else:
            yield event


def _series(events: list[Event]) -> list[list[Event]]:
    """Groups each event with the events that change single repetitions of it.

    Other events with the same UID stay apart, because some programs give all their events one UID.
    """
    changed = {str(event["UID"]) for event in events if "UID" in event and "RECURRENCE-ID" in event}
    series: dict[Any, list[Event]] = {}
    for number, event in enumerate(_last_revisions(events)):
        uid = str(event.get("UID", ""))
        series.setdefault(uid if uid in changed else number, []).append(event)
    return list(series.values())


def _last_revisions(events: list[Event]) -> list[Event]:
    """Leaves out what a later revision of the same event, or of the same repetition, replaces (RFC 5545, 3.8.7.4)."""
    last: dict[tuple[str, str], int] = {}
    for event in events:
        last[_identity(event)] = max(_revision(event), last.get(_identity(event), _revision(event)))
    return [event for event in events if "UID" not in event or _revision(event) == last[_identity(event)]]


def _identity(event: Event) -> tuple[str, str]:
    changes = event["RECURRENCE-ID"].to_ical().decode() if "RECURRENCE-ID" in event else ""
    return str(event.get("UID", "")), changes


def _revision(event: Event) -> int:
    return int(event.get("SEQUENCE", 0))


def _expand(events: list[Event], zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[Occurrence]:
    calendar = Calendar()
    main, *more = [event for event in events if "RECURRENCE-ID" not in event] or events
    if any(other.to_ical() != main.to_ical() for other in more if "RECURRENCE-ID" not in other):
        raise ValueError("several events have the same UID, so it is unclear which of them is changed")
    for event in [main, *(event for event in events if event is not main and "RECURRENCE-ID" in event)]:
        one_clock.arrange(event, main, zone)
        calendar.add_component(event)
    # Times without a zone are compared as if they were UTC, so ask for a day more on both sides, then cut exactly.
    for event in recurring_ical_events.of(calendar).between(start - DAY, end + DAY):
        occurrence = _occurrence(event, zone)
        if occurrence.start < end and occurrence.end > start and str(event.get("STATUS", "")).upper() != "CANCELLED":
            yield occurrence


def _occurrence(event: Event, zone: ZoneInfo) -> Occurrence:
    return Occurrence(
        title=_title(event),
        description=str(event.get("DESCRIPTION", ""))[:DESCRIPTION],
        username=str(event.get(USERNAME, "")),
        attendees=[_mail(attendee) for attendee in values(event.get("ATTENDEE")) if not _declined(attendee)],
        organizer=_mail(next(iter(values(event.get("ORGANIZER"))), "")),
        start=_instant(event["DTSTART"].dt, zone),
        end=_instant(event["DTEND"].dt, zone),
    )


def _instant(value: date, zone: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return instant(value, time(0), zone)
    return value.astimezone(UTC) if value.tzinfo else instant(value.date(), value.time(), zone)


def _title(event: Event) -> str:
    return _clean(str(event.get("SUMMARY", "")))


def _clean(words: str) -> str:
    title = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(title.split())[:TITLE] or "(no title)"


def _mail(address: Any) -> str:
    return str(getattr(address, "params", {}).get("EMAIL") or address).lower().removeprefix("mailto:")


def _declined(attendee: Any) -> bool:
    return str(getattr(attendee, "params", {}).get("PARTSTAT", "")).upper() == "DECLINED"


def _reason(error: Exception) -> str:
    first = str(error).partition("\n")[0].rstrip(".")[:TITLE]
    return first if isinstance(error, ValueError) and first else f"it is damaged ({type(error).__name__})"


def _json(values: Iterable[Occurrence]) -> list[dict[str, Any]]:
    return [
        {**asdict(occurrence), "start": occurrence.start.isoformat(), "end": occurrence.end.isoformat()}
        for occurrence in values
    ]


def main() -> None:
    """Reads {"text", "zone", "start", "end", "seconds"} as JSON from standard input; "seconds" is processor time.

    Writes {"found", "wrong"} or {"bad": sentence} as JSON to standard output.
    """
    asked = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
    try:
        events, wrong = occurrences(asked["text"], ZoneInfo(asked["zone"]), start, end)
        answer: dict[str, Any] = {"found": _json(events), "wrong": wrong}
    except BadCalendar as error:
        answer = {"bad": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
