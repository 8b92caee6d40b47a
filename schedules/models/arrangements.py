"""Models of what people arrange among themselves: absences, swap requests, handover notes."""

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from schedules.models.people import User
from schedules.models.schedule import Override, Schedule


class Absence(models.Model):
    """A span in which a person is away and on duty nowhere. Their shifts are gaps until somebody covers them."""

    user = models.ForeignKey(
        User, models.CASCADE, related_name="absences", verbose_name="person", help_text="The person who is away."
    )
    start = models.DateTimeField(help_text="The start.")
    end = models.DateTimeField(help_text="The end, exclusive.")
    reason = models.CharField(
        max_length=200, blank=True, help_text="Only you and people who look after absences see it. Optional."
    )

    class Meta:
        ordering = ("start", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="absence_ends_after_start",
                violation_error_message="An absence must end after it starts.",
            )
        ]
        indexes = [models.Index(fields=["user", "end"])]

    def __str__(self) -> str:
        return f"{self.user} is away"


class SwapRequests(models.QuerySet["SwapRequest"]):
    def waiting(self, now: datetime) -> "SwapRequests":
        """Requests that can still be answered."""
        return self.filter(state=SwapRequest.State.OFFERED, end__gt=now)


class SwapRequest(models.Model):
    """A request to one person, or to anyone on the schedule, to take the asking person's shift.

    When it is accepted, it becomes overrides.
    """

    class State(models.TextChoices):
        OFFERED = "offered", "waiting for an answer"
        ACCEPTED = "accepted", "accepted"
        DECLINED = "declined", "declined"
        WITHDRAWN = "withdrawn", "withdrawn"

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="swaps", help_text="The schedule of the shift.")
    asked_by = models.ForeignKey(
        User, models.CASCADE, related_name="swaps_asked", help_text="The person who gives the shift away."
    )
    asked = models.ForeignKey(
        User,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="swaps_received",
        help_text="The person who is asked. Leave empty to ask anyone on the schedule.",
    )
    start = models.DateTimeField(help_text="The start.")
    end = models.DateTimeField(help_text="The end, exclusive.")
    # In return, the person who asks takes this span of the person asked.
    return_start = models.DateTimeField(null=True, blank=True, help_text="The start of the shift taken in return.")
    return_end = models.DateTimeField(null=True, blank=True, help_text="The end of the shift taken in return.")
    note = models.CharField(max_length=200, blank=True, help_text="The reason, in a few words.")
    state = models.CharField(max_length=9, choices=State, default=State.OFFERED, editable=False)
    created_at = models.DateTimeField(editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    overrides = models.ManyToManyField(Override, related_name="swaps", editable=False)

    objects = SwapRequests.as_manager()

    class Meta:
        ordering = ("start", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="swap_ends_after_start",
                violation_error_message="A swap must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(return_start=None, return_end=None) | Q(return_end__gt=F("return_start")),
                name="swap_return_ends_after_start",
                violation_error_message="A shift in return must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(asked=None) | ~Q(asked=F("asked_by")),
                name="swap_with_another",
                violation_error_message="A person cannot swap with themselves.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asked_by} asks {self.asked or 'anyone'} to take {self.schedule}"


class HandoverNote(models.Model):
    """A note on what the person who comes on duty next should know. Append-only."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="notes")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()
    text = models.TextField(max_length=4000, help_text="What happened, what is still open, what to watch.")

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.text[:60]
