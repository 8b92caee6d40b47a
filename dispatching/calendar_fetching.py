"""Fetches external calendars that are due: claim, fetch, keep. Separate from the sweep, so that a slow one delays no page."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from dispatching.channels import ChannelError
from dispatching.channels.http.client import Client
from schedules.calendars import feeds
from schedules.calendars.arriving import text_of
from schedules.calendars.occurrences import LONGEST, BadCalendar
from schedules.models import CalendarFeed

PASS = 20  # feeds for each call, because the queue has other work, too
_client = Client()


def fetch_due(now: datetime, going: Callable[[], bool] = lambda: True) -> int:
    """Reads up to PASS calendars that are due, while `going` returns true. Returns how many it read."""
    done = 0
    while done < PASS and going() and (feed := _claim(now)):
        _read(feed, now)
        done += 1
    return done


def _claim(now: datetime) -> CalendarFeed | None:
    """Claims the calendar that has been due longest. It is due again in a quarter of an hour, even if this process dies."""
    with transaction.atomic():
        due = CalendarFeed.objects.select_for_update(skip_locked=True).filter(due_at__lte=now)
        feed = due.order_by("due_at", "pk").first()
        if feed:
            feed.due_at = now + feeds.EVERY
            feed.save(update_fields=["due_at"])
    return feed


def _read(feed: CalendarFeed, now: datetime) -> None:
    try:
        feeds.take(feed, _fetched(feed.url) if feed.url else feed.content, now)
    except (ChannelError, BadCalendar) as error:
        feeds.failed(feed, str(error), now)


def _fetched(url: str) -> str:
    reply = _client.get(url, {"Accept": "text/calendar"}, limit=LONGEST)
    if reply.status != 200:
        raise ChannelError(f"{reply.host} answered {reply.status}")
    said = reply.headers
    return text_of(reply.body, content_type=said.get("content-type", ""), encoding=said.get("content-encoding", ""))
