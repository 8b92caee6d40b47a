from typing import ClassVar

from django.contrib.auth.models import AbstractUser, Group
from django.db import models
from django.db.models.functions import Lower

from schedules.models.zones import TimeZoneField


class User(AbstractUser):
    """A person who can act: take shifts, get pages, acknowledge alerts."""

    time_zone = TimeZoneField(default="UTC", help_text="The zone in which this person reads times.")

    # When an inactive person left. Until then their shifts stay as they were; empty: unknown, so they count as gone always.
    left_at = models.DateTimeField(null=True, blank=True, editable=False)
    # How often they left: a session or a link from before does not work again when they return.
    leavings = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)

    class Meta(AbstractUser.Meta):
        ordering = ("username",)
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_any_case",
                violation_error_message="There is already a person with this username.",
            )
        ]

    @property
    def name(self) -> str:
        return self.get_full_name() or self.username

    @property
    def initials(self) -> str:
        return "".join(word[0] for word in self.name.split())[:3].upper()

    def __str__(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """The value that sessions are compared with: of the password, as in Django, and of how often the person left."""
        made = super()._get_session_auth_hash(secret)  # type: ignore[misc]  # the stubs lack it
        return f"{made}.{self.leavings}" if self.leavings else made


class Team(Group):
    """People who own services together. A team is an auth group, so that permissions can be granted to it directly."""

    manager = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="managed_teams",
        help_text="The engineering manager, who can find somebody when everyone on the team is silent.",
    )
    time_zone = TimeZoneField(default="UTC", help_text="The zone in which the team's schedules are drawn.")
    description = models.TextField(blank=True, help_text="What the team looks after, in a sentence or two.")

    objects: ClassVar[models.Manager["Team"]]  # type: ignore[assignment]  # the stubs name groups only

    class Meta:
        ordering = ("name",)

    @property
    def members(self) -> models.QuerySet["User"]:
        """The active people of the team; deactivated people are not among them."""
        return self.user_set.filter(is_active=True)
