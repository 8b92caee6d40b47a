"""Template tags that show instants in the reader's own zone and in UTC, always with the zone; lengths of time; reasons."""

from datetime import UTC, datetime, timedelta, tzinfo

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

register = template.Library()
MINUTE, JUST_NOW = timedelta(minutes=1), "just now"


@register.simple_tag
def when(at: datetime | None, zone: tzinfo = UTC) -> SafeString | str:
    """A <time> element in `zone`, followed by UTC if that reads differently; empty for None."""
    if at is None:
        return ""
    machine = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text, universal = _said(at, zone)
    if not universal:
        return format_html('<time datetime="{}">{}</time>', machine, text)
    return format_html('<time datetime="{}">{} <span class="utc">({})</span></time>', machine, text, universal)


@register.simple_tag
def moment(at: datetime, zone: tzinfo = UTC) -> str:
    """“Mon 5 Jan 2026, 10:00 CET (09:00 UTC)”: `when` without markup, for messages."""
    text, universal = _said(at, zone)
    return f"{text} ({universal})" if universal else text


def _said(at: datetime, zone: tzinfo) -> tuple[str, str]:
    """The instant in `zone`, and in UTC if that reads differently, else an empty text."""
    utc = at.astimezone(UTC)
    try:
        local = at.astimezone(zone)
    except OverflowError:  # at the end of time some zones would need a year more
        local = utc
    if local.utcoffset() == timedelta(0):
        return f"{day_and_time(utc)} UTC", ""
    universal = utc.strftime("%H:%M") if local.date() == utc.date() else day_and_time(utc)
    return f"{day_and_time(local)} {local.tzname()}", f"{universal} UTC"


def day_and_time(at: datetime) -> str:
    """“Sat 21 Nov 2026, 03:14”, in the zone of `at`."""
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M}"


@register.simple_tag
def ago(at: datetime, now: datetime) -> str:
    """“5 minutes ago”, in at most two units, or “just now”."""
    return f"{timesince(at, now)} ago" if now - at >= MINUTE else JUST_NOW


@register.filter
def past(length: timedelta) -> str:
    """“1 hour 30 minutes ago”, or “just now”."""
    return f"{span(length)} ago" if length >= MINUTE else JUST_NOW


@register.filter
def span(length: timedelta) -> str:
    """“45 minutes”, “1 hour”, “1 hour 30 minutes”, “2 days 3 hours”."""
    seconds = round(length.total_seconds())
    parts = []
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name}{'s' if count > 1 else ''}")
    return " ".join(parts) or "no time"


@register.filter
def hours(length: timedelta) -> str:
    """“80 hours”, “7.5 hours” or “none”; always in hours, so that people can compare amounts of duty."""
    count = round(length / timedelta(hours=1), 1)
    return f"{count:g} hour{'' if count == 1 else 's'}" if length else "none"


@register.filter
def after(length: timedelta) -> str:
    """“at once”, or “after 45 minutes”."""
    return f"after {span(length)}" if length else "at once"


@register.filter
def beyond(why: str, schedule: str) -> str:
    """The reason why somebody is on duty, without what the schedule's name says: nothing of “Team 1, main” on “Team 1 main”."""
    layer, _, other = why.partition(", in place of ")
    if layer.replace(",", "") != schedule:
        return why
    return f"in place of {other}" if other else ""
