"""Reads the forms in which senders write a time. What cannot be read is no error: the caller keeps it as it is."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

# Outside these years a number is no time, and a text is a mistake or a placeholder, such as 1970 or Go's year 1.
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"[0-9]{9,19}(\.[0-9]{1,9})?", re.ASCII)
# ISO 8601 with what Go, Java and people put around it: “2026-11-27 21:40:03.1 +0000 UTC m=+0.1”, “…+01:00[Europe/Berlin]”.
ISO = re.compile(
    r"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})[T ]+([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)([.,][0-9]+)?"
    r" ?(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?(?: [A-Z]{2,5})?(?: m=\S+)?(?:\[[^\]]*\])?",
    re.ASCII | re.IGNORECASE,
)
# JavaScript's “Fri Nov 27 2026 21:40:03 GMT+0100 (…)”, and the Fri, 27 Nov 2026 21:40:03 +0100 of mails and HTTP.
JAVASCRIPT = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([0-9]{2}) ([0-9]{4}) ([0-9:]{8}) GMT([+-][0-9]{4}).*", re.ASCII
)
MAIL = re.compile(r"(?:[A-Z][a-z]{2}, )?[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{5,8} ?(\S+.*)?", re.ASCII)


def instant(value: Any, *, naive_is_utc: bool = False) -> datetime | None:
    """The instant in UTC that a text or a number of (milli-, micro-, nano-) seconds means; None if it means none or none is known.

    A local time without an offset could mean 24 instants, so it means none, unless `naive_is_utc`.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_1970(float(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    if NUMBER.fullmatch(text):
        return _since_1970(float(text))
    try:
        read = _read(text)
        if read.tzinfo is None and naive_is_utc:
            read = read.replace(tzinfo=UTC)
        return read.astimezone(UTC) if read.tzinfo and FIRST <= read < LAST else None
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def is_no_time(value: Any) -> bool:
    """Whether the value says that there is no time, as Go programs say it by the year 1."""
    return value in (None, "", 0) or (isinstance(value, str) and value.startswith("0001-01-01"))


def _since_1970(number: float) -> datetime | None:
    for unit in (1, 1e3, 1e6, 1e9):
        if FIRST.timestamp() <= number / unit < LAST.timestamp():
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number / unit)
    return None


def _read(text: str) -> datetime:
    """The time with its offset, or without one if it has none. Raises one of the errors that `instant` catches."""
    if match := ISO.fullmatch(text):
        year, month, day, clock, fraction, offset = match.groups()
        offset = "Z" if (offset or "").upper() in ("Z", "UTC", "GMT") else offset or ""
        return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}{(fraction or '')[:7].replace(',', '.')}{offset}")
    if match := JAVASCRIPT.fullmatch(text):
        month, day, year, clock, offset = match.groups()
        return parsedate_to_datetime(f"{day} {month} {year} {clock} {offset}")
    if MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    return datetime.fromisoformat(text[:-1] + "Z" if text.endswith("z") else text)
