"""Hours of the week as people write them, such as "Mon-Fri 9-17; Sat 22:00-06:00". An empty text means always.

Days are one day, a range (which may cross the weekend: Fri-Mon) or a list with commas; without days, the hours apply
every day. A window that ends at or before its start ends on the next day; 24:00 is the end of the day.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from schedules.rules.rotation import instant

NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAYS = tuple(name[:3] for name in NAMES)
DAY = timedelta(days=1)
BUSINESS = "Mon-Fri 09:00-17:00"
PRESETS = {
    "": "always",
    BUSINESS: "business hours: Monday to Friday, 9:00 to 17:00",
    "Mon-Fri 17:00-09:00; Sat-Sun 09:00-09:00": "outside business hours: nights and weekends",
    "Mon-Sun 22:00-06:00": "nights: every day, 22:00 to 6:00",
    "Sat-Sun 00:00-24:00": "weekends: Saturday and Sunday",
}
_time = r"(?P<{0}_hour>\d{{1,2}})(?::(?P<{0}_minute>\d\d))?"
_days_of = r"(?:(?P<days>[A-Za-z][A-Za-z,\s-]*?)\s+)?"
_window = re.compile(_days_of + _time.format("start") + r"\s*-\s*" + _time.format("end"), re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on days of the week (Monday is 0), from `start` to `end`, in wall-clock time.

    An `end` at or before `start` is on the next day; 24:00 is stored as 0:00.
    """

    days: frozenset[int]
    start: time
    end: time

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The UTC bounds of the window that begins on `day`."""
        last = day if self.end > self.start else day + DAY
        return instant(day, self.start, zone), instant(last, self.end, zone)

    def __str__(self) -> str:
        end = "24:00" if self.end == time(0) else f"{self.end:%H:%M}"
        return f"{days_text(self.days)} {self.start:%H:%M}-{end}"


def parse(text: str) -> tuple[Window, ...]:
    """The windows that a text names. Raises ValueError with a sentence for people if it cannot be understood."""
    return tuple(_parse(part.strip()) for part in text.replace("\n", ";").replace("–", "-").split(";") if part.strip())


def days(text: str) -> frozenset[int]:
    """The days of the week that a text such as "Mon-Fri" names; Monday is 0. Raises ValueError with a sentence for people."""
    return frozenset(_days(text)) if text.strip() else frozenset()


def days_text(numbers: Iterable[int]) -> str:
    """Days of the week in our standard spelling."""
    runs: list[list[int]] = []
    for day in sorted(numbers):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)


def _parse(part: str) -> Window:
    match = _window.fullmatch(part)
    if not match:
        raise ValueError(
            f"“{part}” is not understood. Write, for example, “{BUSINESS}” or “Mon-Fri 9-17”. Separate several with “;”."
        )
    days = frozenset(_days(match["days"])) if match["days"] else frozenset(range(7))
    start, end = ((int(match[f"{edge}_hour"]), int(match[f"{edge}_minute"] or 0)) for edge in ("start", "end"))
    if start == (24, 0):
        raise ValueError(f"“{part}” begins at 24:00, the end of a day: write 00:00 and the next day instead.")
    return Window(days, _clock(*start), time(0) if end == (24, 0) else _clock(*end))


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, *rest = [_day(name.strip()) for name in part.split("-")]
        last = rest[0] if rest else first
        if len(rest) > 1:
            raise ValueError(f"“{part.strip()}” is not a range of days. Write, for example, Mon-Fri.")
        yield from ((first + n) % 7 for n in range((last - first) % 7 + 1))


def _day(name: str) -> int:
    matching = [n for n, day in enumerate(NAMES) if len(name) >= 3 and day.startswith(name.capitalize())]
    if not matching:
        raise ValueError(f"“{name}” is not a day of the week: write {', '.join(DAYS)}.")
    return matching[0]


def _clock(hour: int, minute: int) -> time:
    if hour > 23 or minute > 59:
        raise ValueError(f"{hour}:{minute:02} is not a time of day.")
    return time(hour, minute)


def spans(
    windows: Sequence[Window], zone: ZoneInfo, start: datetime, end: datetime, closed: Collection[date] = ()
) -> list[tuple[datetime, datetime]]:
    """The UTC spans in [start, end) that the windows cover, in order, without overlaps; without windows, all of it.

    A window does not begin on a `closed` day; without windows, the whole of a closed day is left out.
    """
    if not windows and not closed:
        return [(start, end)]
    windows = windows or (Window(frozenset(range(7)), time(0), time(0)),)
    # A window that began the day before may still be open. Count calendar days, because a day may have 25 hours.
    first, last = start.astimezone(zone).date() - DAY, end.astimezone(zone).date()
    days = (first + n * DAY for n in range((last - first).days + 1))
    openings = [w.on(day, zone) for day in days if day not in closed for w in windows if day.weekday() in w.days]
    return joined((max(left, start), min(right, end)) for left, right in openings)


def overlap(some: Sequence[Window], others: Sequence[Window]) -> bool:
    """Whether both have a time of the week in common; without windows, they are always."""
    zone, monday = ZoneInfo("UTC"), datetime(2026, 1, 5, tzinfo=UTC)
    left, right = (spans(windows, zone, monday, monday + 7 * DAY) for windows in (some, others))
    return any(start < until and since < end for start, end in left for since, until in right)


def joined(parts: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Sorts spans, joins spans that touch or overlap, and leaves out empty ones."""
    line: list[tuple[datetime, datetime]] = []
    for left, right in sorted(part for part in parts if part[0] < part[1]):
        if line and left <= line[-1][1]:
            line[-1] = line[-1][0], max(line[-1][1], right)
        else:
            line.append((left, right))
    return line
