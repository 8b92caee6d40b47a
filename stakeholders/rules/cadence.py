"""When the next message is due, and how lengths of time are put into words."""

from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
UNITS = (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", MINUTE))
REMINDED_BEFORE = timedelta(minutes=15)
# Messages with a shorter time between them are too many (B83).
SPACING = timedelta(minutes=10)


def parts(length: timedelta) -> list[tuple[int, str]]:
    """Splits a length, rounded up to the minute, into its two largest units: [(1, "hour"), (30, "minute")]; empty for zero."""
    left = -(-length // MINUTE) * MINUTE
    pairs = []
    for unit, size in UNITS:
        count, left = divmod(left, size)
        if count:
            pairs.append((count, unit))
    return pairs[:2]


def span(length: timedelta) -> str:
    """Returns the length in words, such as "4 hours" or "1 hour 30 minutes"."""
    words = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in parts(length)]
    return " ".join(words) or "less than a minute"


def at_most(length: timedelta) -> timedelta:
    """Rounds a length up to a limit that reads well: 4 hours for 3 hours 58 minutes (B89).

    The step is 15 minutes for more than an hour, otherwise 5 minutes.
    """
    step = 15 * MINUTE if length > timedelta(hours=1) else 5 * MINUTE
    return -(-length // step) * step


def objection(promised: datetime | None, *, now: datetime, cadence: timedelta | None, reason: str = "") -> str:
    """Returns why the next message cannot be promised for this time; empty if it can (B88, invariants 3 and 4)."""
    if promised is None:
        return "Say when the next message comes. Only the last message needs no time."
    if promised <= now:
        return "Choose a time in the future."
    if cadence is not None and promised > now + cadence and not reason:
        return (
            f"The priority promises a message every {span(cadence)}: choose an earlier time, or say why it comes later."
        )
    return ""


def not_over(over: datetime, *, began: datetime, now: datetime) -> str:
    """Returns why an outage that `began` then cannot have been over at `over`; empty if it can. Forms have no seconds."""
    if over > now:
        return "It cannot be over in the future."
    return "It cannot be over before it began." if over < began.replace(second=0, microsecond=0) else ""


def kept(earlier: datetime | None, cadence: timedelta | None, *, now: datetime) -> datetime | None:
    """Returns the promise after the priority has changed: never later than promised before (B141).

    None if nothing was promised and the new priority has no cadence.
    """
    wanted = now + cadence if cadence is not None else None
    given = [at for at in (earlier, wanted) if at is not None]
    return min(given, default=None)


def next_nudge(since: datetime, *, now: datetime) -> datetime:
    """Returns when somebody is reminded next of what has waited since then: after 15, 30 and 60 minutes, then every hour."""
    return now + min(max(now - since, REMINDED_BEFORE), timedelta(hours=1))


def next_look(promised: datetime, *, now: datetime) -> datetime:
    """Returns when the communicator is reminded next: 15 minutes before the promised time, at that time, then every 15 minutes."""
    if now < promised - REMINDED_BEFORE:
        return promised - REMINDED_BEFORE
    return promised if now < promised else now + REMINDED_BEFORE
