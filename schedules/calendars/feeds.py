"""Calendars from outside become entries: who is on duty from when to when. What was read last is kept when one breaks."""

import json
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from schedules.calendars.occurrences import MOST, BadCalendar, Occurrence, check
from schedules.models import CalendarFeed, FeedEntry, User

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=15)
BACK, AHEAD = timedelta(days=30), timedelta(days=400)
SECONDS, PATIENCE = 20, 60  # to read one: of the processor, and of the clock where the machine is busy
MOST_UNKNOWN, TITLE = 20, 80
# A word may be an e-mail address, a username or a double name.
WORD = re.compile(r"\w+(?:[-.@+'’]\w+)*")

Entry = tuple[int, datetime, datetime]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calendar says: (user id, start, end), UTC, in order; and, for people, the events that name nobody known."""

    entries: list[Entry]
    unknown: str


class People:
    """Finds people by e-mail address, username or full name; several people of one name are all found, if active."""

    def __init__(self) -> None:
        known: dict[tuple[str, ...], list[tuple[int, bool]]] = {}
        columns = ("pk", "is_active", "username", "email", "first_name", "last_name")
        for pk, active, username, email, first, last in User.objects.values_list(*columns):
            for name in {(_plain(email),), (_plain(username),), _words(username), _words(f"{first} {last}")}:
                known.setdefault(name, []).append((pk, active))
        self._known = {
            name: {pk for pk, active in all_ if active} or {pk for pk, _ in all_} for name, all_ in known.items()
        }
        self._known.pop((), None)
        self._known.pop(("",), None)
        self._longest = max(map(len, self._known), default=0)

    def called(self, name: str) -> set[int]:
        """Those with exactly this e-mail address or username."""
        return self._known.get((_plain(name),), set())

    def named_in(self, text: str) -> set[int]:
        """Those whom a text names by whole words, the longest name first: “Ana Ito” is not “Ana”."""
        words, found, at = _words(text), set[int](), 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                if people := self._known.get(words[at : at + length]):
                    found |= people
                    at += length - 1
                    break
            at += 1
        return found

    def of(self, event: Occurrence) -> set[int]:
        """Whom an event puts on duty. Of many who attend, those whom the title names; the organizer only as the last."""
        attendees = set[int]().union(*(self.called(each) for each in event.attendees))
        named = self.called(event.username) or self.named_in(event.title)
        if attendees:
            others = attendees - self.called(event.organizer)
            return attendees & named or others or attendees
        addresses = " ".join(word for word in _words(event.description) if "@" in word)
        return named or self.named_in(addresses) or self.called(event.organizer)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _words(text: str) -> tuple[str, ...]:
    return tuple(WORD.findall(_plain(text)))


# --- reading ----------------------------------------------------------------------------------------------------------


def read(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> Reading:
    """What the iCalendar `text` says about [start, end). Raises BadCalendar, and nothing else, whatever the text."""
    found, wrong = _occurrences(text, zone, start, end)
    people = People()
    entries: set[Entry] = set()
    unknown: list[Occurrence] = []
    for event in found:
        users = people.of(event)
        if event.end <= event.start:
            wrong.append(f"“{event.title[:TITLE]}” ({event.start:%d %b %Y}) ends when it starts.")
        elif users:
            entries.update((user, event.start, event.end) for user in users)
        else:
            unknown.append(event)
    if len(entries) > MOST:
        raise BadCalendar(f"It has more than {MOST} entries.")
    return Reading(sorted(entries, key=lambda entry: (entry[1:], entry[0])), _told([*_unknown(unknown), *wrong]))


def reading_of(text: str, zone: ZoneInfo, now: datetime) -> Reading:
    """`read` for as long as entries are kept."""
    return read(text, zone, now - BACK, now + AHEAD)


def _occurrences(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> tuple[list[Occurrence], list[str]]:
    check(text)
    span = {"start": start.isoformat(), "end": end.isoformat()}
    asked = {"text": _clean(text), "zone": str(zone), "seconds": SECONDS, **span}
    command = [sys.executable, "-m", "schedules.calendars.occurrences"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked).encode(), capture_output=True, timeout=PATIENCE, cwd=settings.BASE_DIR
        )
    except subprocess.TimeoutExpired:
        raise BadCalendar("It takes too long to read.") from None
    if done.returncode:
        log.warning("calendar_not_read", code=done.returncode, said=done.stderr[-500:].decode(errors="replace"))
        raise BadCalendar("It takes too long or too much memory to read.")
    answer = json.loads(done.stdout)
    if "bad" in answer:
        raise BadCalendar(answer["bad"])
    return [_occurrence(row) for row in answer["found"]], answer["wrong"]


def _occurrence(row: dict) -> Occurrence:
    return Occurrence(**{**row, **{name: datetime.fromisoformat(row[name]) for name in ("start", "end")}})


def _clean(text: str) -> str:
    """Without what no database takes: NUL, and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _unknown(events: list[Occurrence]) -> Iterable[str]:
    """One line for each title, with the first time and how often."""
    first: dict[str, Occurrence] = {}
    for event in events:
        first.setdefault(event.title, event)
    times = Counter(event.title for event in events)
    for title, event in first.items():
        often = f"first of {times[title]} times on " if times[title] > 1 else ""
        yield f"“{title[:TITLE]}” ({often}{event.start:%d %b %Y}) does not name anybody known here."


def _told(lines: list[str]) -> str:
    more = len(lines) - MOST_UNKNOWN
    return "\n".join(lines[:MOST_UNKNOWN] + ([f"And {more} more."] if more > 0 else []))


# --- keeping ----------------------------------------------------------------------------------------------------------


def take(feed: CalendarFeed, text: str, now: datetime) -> bool:
    """Reads `text` and keeps it as the last good copy; False if somebody changed the feed meanwhile. BadCalendar: `read`."""
    return keep(feed, text, reading_of(text, feed.time_zone, now), now)


def keep(feed: CalendarFeed, text: str, reading: Reading, now: datetime) -> bool:
    """`take` for a text that has just been read."""
    text = _clean(text)
    new = {"unknown": reading.unknown, "error": "", "failing_since": None, "fetched_at": now, "due_at": now + EVERY}
    if text != feed.content:
        new["content"] = text
    with transaction.atomic():
        if not _still(feed):
            return False
        CalendarFeed.objects.filter(pk=feed.pk).update(**new)
        _replace(feed, reading.entries)
    for name, value in new.items():
        setattr(feed, name, value)
    return True


def failed(feed: CalendarFeed, reason: str, now: datetime) -> None:
    """The calendar could not be had. The last good copy stays, and its entries go on with the time."""
    sentence, since = f"{reason[:490].rstrip('.')}.", Coalesce("failing_since", Value(now))
    CalendarFeed.objects.filter(pk=feed.pk, url=feed.url).update(error=sentence, failing_since=since)
    log.warning("calendar_failed", feed=feed.pk, reason=reason)
    try:
        reading = reading_of(feed.content, feed.time_zone, now)
    except BadCalendar:
        return  # never had, or older than the rules by which it is read: what is there stays
    with transaction.atomic():
        if _still(feed):
            CalendarFeed.objects.filter(pk=feed.pk).update(unknown=reading.unknown)
            _replace(feed, reading.entries)


def _still(feed: CalendarFeed) -> bool:
    """Nobody has changed it or taken another copy since it was read. Locks it."""
    same = {name: getattr(feed, name) for name in ("pk", "url", "time_zone", "fetched_at")}
    return CalendarFeed.objects.select_for_update().filter(**same).values_list("pk").first() is not None


def _replace(feed: CalendarFeed, entries: list[Entry]) -> None:
    if sorted(feed.entries.values_list("user", "start", "end")) == sorted(entries):
        return
    feed.entries.all().delete()
    FeedEntry.objects.bulk_create(FeedEntry(feed=feed, user_id=user, start=s, end=e) for user, s, e in entries)
