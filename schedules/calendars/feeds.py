"""Turns outside calendars into entries that say who is on duty from when to when.

If a calendar cannot be read, its last good copy is kept.
"""

import json
import re
import subprocess
import sys
import threading
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
Seconds = tuple[int, int]  # to read one calendar: processor time, and elapsed time, because the machine may be busy
AT_LEISURE: Seconds = (20, 60)
WHILE_WAITED_FOR: Seconds = (5, 8)  # less than a transaction may be idle (`config.database.limits`)
MOST_UNKNOWN, TITLE = 20, 80
# A word may be an e-mail address, a username or a double name.
WORD = re.compile(r"\w+(?:[-.@+'’]\w+)*")

WEBCAL = re.compile(r"\s*webcals?://", re.IGNORECASE)

Entry = tuple[int, datetime, datetime]


class Busy(BadCalendar):
    """The calendar was not looked at, because another one is being read."""


_reading_for_somebody = threading.Lock()


@dataclass(frozen=True, slots=True)
class Reading:
    """The contents of a calendar: (user id, start, end) in UTC, in order, and a text about events that were not used.

    `unknown` has one line for each title that names nobody known here and for each event that cannot be read.
    """

    entries: list[Entry]
    unknown: str


class People:
    """Finds people by e-mail address, username or full name.

    If several people share a name, all active ones are found; the inactive ones only if none of them is active.
    """

    def __init__(self) -> None:
        accounts: dict[tuple[str, ...], list[tuple[int, bool]]] = {}
        columns = ("pk", "is_active", "username", "email", "first_name", "last_name")
        for pk, active, username, email, first, last in User.objects.values_list(*columns):
            for name in {(_plain(email),), (_plain(username),), _words(username), _words(f"{first} {last}")}:
                accounts.setdefault(name, []).append((pk, active))
        self._known = {
            name: {pk for pk, active in all_ if active} or {pk for pk, _ in all_} for name, all_ in accounts.items()
        }
        self._known.pop((), None)
        self._known.pop(("",), None)
        self._longest = max(map(len, self._known), default=0)

    def called(self, name: str) -> set[int]:
        """The ids of people with exactly this e-mail address or username."""
        return self._known.get((_plain(name),), set())

    def named_in(self, text: str) -> set[int]:
        """The ids of people whom the text names in whole words. Longer names win: “Ana Ito” does not name “Ana”."""
        words, ids, at = _words(text), set[int](), 0
        while at < len(words):
            for length in range(min(self._longest, len(words) - at), 0, -1):
                if people := self._known.get(words[at : at + length]):
                    ids |= people
                    at += length - 1
                    break
            at += 1
        return ids

    def of(self, event: Occurrence) -> set[int]:
        """The ids of people whom an event puts on duty.

        These are the attendees who are also named by our username property or the title; else all attendees, without
        the organizer unless nobody else attends. Without known attendees: the people named by that property or the
        title, else by an e-mail address in the description, else the organizer.
        """
        attendees = set[int]().union(*(self.called(attendee) for attendee in event.attendees))
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


def web_address(url: str) -> str:
    """The address with https in place of webcal, which calendar programs show for the same thing."""
    return WEBCAL.sub("https://", url)


# --- reading ----------------------------------------------------------------------------------------------------------


def read(text: str, zone: ZoneInfo, start: datetime, end: datetime, seconds: Seconds = AT_LEISURE) -> Reading:
    """Reads what the iCalendar `text` says about [start, end). Raises only BadCalendar, whatever the text."""
    events, wrong = _occurrences(text, zone, start, end, seconds)
    people = People()
    entries: set[Entry] = set()
    unknown = list[Occurrence]()
    for event in events:
        users = people.of(event)
        if event.end <= event.start:
            wrong.append(f"“{event.title[:TITLE]}” ({event.start:%d %b %Y}) ends when it starts.")
        elif users:
            entries.update((user, event.start, event.end) for user in users)
        else:
            unknown.append(event)
    if len(entries) > MOST:
        raise BadCalendar(f"It has more than {MOST} entries.")
    lines = [*_each(unknown, "does not name anybody known here"), *wrong]
    return Reading(sorted(entries, key=lambda entry: (entry[1:], entry[0])), _told(lines))


def reading_of(text: str, zone: ZoneInfo, now: datetime) -> Reading:
    """`read` for the span in which entries are kept: from 30 days ago to 400 days ahead."""
    return read(text, zone, now - BACK, now + AHEAD)


def reading_at_once(text: str, zone: ZoneInfo, now: datetime) -> Reading:
    """`reading_of` while somebody waits for the answer: within seconds, and one at a time in each process (S7).

    Raises Busy, a BadCalendar, if another one is being read.
    """
    if not _reading_for_somebody.acquire(blocking=False):
        raise Busy("Another calendar is being read. Try again in some seconds.")
    try:
        return read(text, zone, now - BACK, now + AHEAD, WHILE_WAITED_FOR)
    finally:
        _reading_for_somebody.release()


def _occurrences(
    text: str, zone: ZoneInfo, start: datetime, end: datetime, seconds: Seconds
) -> tuple[list[Occurrence], list[str]]:
    check(text)
    processor, elapsed = seconds
    span = {"start": start.isoformat(), "end": end.isoformat()}
    asked = {"text": _clean(text), "zone": str(zone), "seconds": processor, **span}
    command = [sys.executable, "-m", "schedules.calendars.occurrences"]
    try:
        done = subprocess.run(
            command, input=json.dumps(asked).encode(), capture_output=True, timeout=elapsed, cwd=settings.BASE_DIR
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
    """Removes NUL and replaces lone surrogates, which the database does not accept."""
    return text.replace("\0", "").encode(errors="replace").decode()


def _each(events: list[Occurrence], what: str) -> Iterable[str]:
    """One line for each title, with its first date and the number of times."""
    first: dict[str, Occurrence] = {}
    for event in events:
        first.setdefault(event.title, event)
    times = Counter(event.title for event in events)
    for title, event in first.items():
        often = f"first of {times[title]} times on " if times[title] > 1 else ""
        yield f"“{title[:TITLE]}” ({often}{event.start:%d %b %Y}) {what}."


def _told(lines: list[str]) -> str:
    more = len(lines) - MOST_UNKNOWN
    return "\n".join(lines[:MOST_UNKNOWN] + ([f"And {more} more."] if more > 0 else []))


# --- keeping ----------------------------------------------------------------------------------------------------------


def take(feed: CalendarFeed, text: str, now: datetime) -> bool:
    """Reads `text` and keeps it as the last good copy. Raises BadCalendar like `read`.

    Returns False, and keeps nothing, if somebody has changed the feed in the meantime.
    """
    return keep(feed, text, reading_of(text, feed.time_zone, now), now)


def keep(feed: CalendarFeed, text: str, reading: Reading, now: datetime) -> bool:
    """Does what `take` does, for a text that has already been read."""
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
    """Records that the calendar could not be read. The last good copy stays, and its entries are renewed as time passes."""
    sentence, since = f"{reason[:490].rstrip('.')}.", Coalesce("failing_since", Value(now))
    CalendarFeed.objects.filter(pk=feed.pk, url=feed.url).update(error=sentence, failing_since=since)
    log.warning("calendar_failed", feed=feed.pk, reason=reason)
    try:
        reading = reading_of(feed.content, feed.time_zone, now)
    except BadCalendar:
        return  # there is no copy yet, or it predates today's reading rules: keep the entries
    with transaction.atomic():
        if _still(feed):
            CalendarFeed.objects.filter(pk=feed.pk).update(unknown=reading.unknown)
            _replace(feed, reading.entries)


def _still(feed: CalendarFeed) -> bool:
    """Whether nobody has changed the feed or kept another copy since it was loaded. Locks the feed's row."""
    same = {name: getattr(feed, name) for name in ("pk", "url", "time_zone", "fetched_at")}
    return CalendarFeed.objects.select_for_update().filter(**same).values_list("pk").first() is not None


def _replace(feed: CalendarFeed, entries: list[Entry]) -> None:
    if sorted(feed.entries.values_list("user", "start", "end")) == sorted(entries):
        return
    feed.entries.all().delete()
    FeedEntry.objects.bulk_create(FeedEntry(feed=feed, user_id=user, start=s, end=e) for user, s, e in entries)
