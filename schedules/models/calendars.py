"""Models of outside calendars, and of the links under which calendar programs read our shifts."""

import secrets

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from schedules.models.grants import Grantable
from schedules.models.people import Team, User
from schedules.models.schedule import Schedule
from schedules.models.zones import TimeZoneField


class CalendarFeed(Grantable):
    """An outside calendar (iCalendar) that says who is on duty. The last good copy is kept when it cannot be read."""

    held_long = True  # its row is locked while its text is read, which may take seconds (`surfaces.locks`)

    name = models.CharField(max_length=100, unique=True, help_text="For example: Team 1 calendar.")
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="feeds",
        help_text="The team that owns the calendar. It is told if the calendar cannot be read.",
    )
    url = models.URLField(
        "URL",
        max_length=1000,
        blank=True,
        help_text="The address from which it is read every quarter of an hour: https://…, or webcal://… for the same. "
        "Leave empty to use the text below.",
    )
    time_zone = TimeZoneField(default="UTC", help_text="The zone of whole-day events and of times without a zone.")
    content = models.TextField(
        blank=True,
        help_text="The last good copy. People are found by e-mail address, username or full name in an event.",
    )
    unknown = models.TextField(blank=True, editable=False, help_text="Events that name nobody known here.")
    error = models.CharField(max_length=500, blank=True, editable=False)
    fetched_at = models.DateTimeField(null=True, editable=False, help_text="When the last good copy was read.")
    failing_since = models.DateTimeField(null=True, editable=False)
    # When it is read next, from its URL or, as time passes, from the text; empty if it has never been read.
    due_at = models.DateTimeField(null=True, editable=False, db_index=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class FeedEntry(models.Model):
    """One person's shift according to the calendar; replaced when the calendar is read and has changed."""

    feed = models.ForeignKey(CalendarFeed, models.CASCADE, related_name="entries")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    start = models.DateTimeField()
    end = models.DateTimeField()

    class Meta:
        ordering = ("start", "pk")
        constraints = [models.CheckConstraint(condition=Q(end__gt=F("start")), name="entry_ends_after_start")]
        indexes = [models.Index(fields=["feed", "end"])]

    def __str__(self) -> str:
        return f"{self.user} by {self.feed}"


def new_token() -> str:
    return secrets.token_urlsafe(24)


class CalendarLink(models.Model):
    """A secret link under which calendar programs read the shifts of one person, schedule or team.

    Deleting it revokes it.
    """

    token = models.CharField(max_length=64, unique=True, default=new_token, editable=False)
    owner = models.ForeignKey(
        User,
        models.CASCADE,
        related_name="calendar_links",
        help_text="The person who made the link. It stops working with their account.",
    )
    user = models.ForeignKey(
        User, models.CASCADE, null=True, blank=True, related_name="+", help_text="All shifts of a person."
    )
    schedule = models.ForeignKey(
        Schedule, models.CASCADE, null=True, blank=True, related_name="+", help_text="All shifts of a schedule."
    )
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="All shifts of a team's schedules.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, schedule=None, team=None)
                    | Q(user=None, schedule__isnull=False, team=None)
                    | Q(user=None, schedule=None, team__isnull=False)
                ),
                name="calendar_link_of_one",
                violation_error_message="A calendar link is for one person, one schedule or one team.",
            )
        ]

    def __str__(self) -> str:
        return f"calendar of {self.user or self.schedule or self.team}"
