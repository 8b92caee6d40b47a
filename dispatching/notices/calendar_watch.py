"""Tells the owners of an external calendar that can no longer be read, once for each failure (faults F9)."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from dispatching import parking
from dispatching.models import Notice
from dispatching.notices import notices
from schedules.models import CalendarFeed, User
from schedules.surfaces.public_urls import public_url


def tell_feed_owners(now: datetime) -> int:
    """Tells the owners of each calendar that has begun to fail since they were last told. Returns the number of calendars."""
    failing = CalendarFeed.objects.filter(failing_since__isnull=False).defer("content", "unknown")
    rows = parking.Rows("calendar", now)
    due = failing.exclude(pk__in=rows.waiting).select_related("team__manager")
    return sum(rows.handle(feed.pk, _tell, feed, now) for feed in due)


def _tell(feed: CalendarFeed, now: datetime) -> bool:
    failure = f"feed/{feed.pk}/{feed.failing_since:%Y-%m-%dT%H:%M:%S.%fZ}"
    if Notice.objects.filter(key__startswith=f"{failure}/").exists():
        return False
    subject, url = f"The calendar {feed.name} cannot be read", public_url("on_call")
    with transaction.atomic():  # all owners are told together or, if this process dies, all of them the next time
        for user in _owners(feed):
            notices.tell(user, failure, Notice.Kind.FEED, subject, {"feed": feed}, now=now, url=url)
    return True


def _owners(feed: CalendarFeed) -> Iterable[User]:
    """The team's manager, or else the team's members, or else the superusers; active people only."""
    team = feed.team
    if team and team.manager and team.manager.is_active:
        return [team.manager]
    members = list(team.members.order_by("pk")) if team else []
    return members or User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
