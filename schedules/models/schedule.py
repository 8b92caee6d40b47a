"""Who is on duty, as data. What follows from it is in `schedules.rules`."""

from datetime import date, time

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from timezone_field import TimeZoneField

from schedules.models.people import Team, User


class Rotation(models.Model):
    """People who take turns. Main, backup, second backup … all read this one list, each at its own offset."""

    class Unit(models.TextChoices):
        DAYS = "days", "days"
        WEEKS = "weeks", "weeks"

    name = models.CharField(max_length=100, unique=True, help_text="For example: Team 1.")
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="rotations", help_text="Whose rotation it is."
    )
    every = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="How many days or weeks one turn lasts.",
    )
    unit = models.CharField(max_length=5, choices=Unit, default=Unit.WEEKS, help_text="Days or weeks.")
    first_day = models.DateField(
        default=date(2026, 1, 5),
        help_text="The day on which the first person's first turn starts. Its day of the week is the hand-over day.",
    )
    handover = models.TimeField(
        default=time(9, 0),
        help_text="The time of day at which one person hands over to the next, on the clock of the zone.",
    )
    time_zone = TimeZoneField(
        default="UTC",
        help_text="The zone whose clock counts. The hand-over stays at its time of day through summer time.",
    )

    class Meta:
        ordering = ("name",)
        constraints = [models.CheckConstraint(condition=Q(every__gte=1), name="rotation_every_positive")]

    def __str__(self) -> str:
        return self.name


class Participant(models.Model):
    """One person's place in a rotation."""

    rotation = models.ForeignKey(Rotation, models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        User, models.PROTECT, related_name="participations", verbose_name="person", help_text="Who takes this turn."
    )
    order = models.PositiveSmallIntegerField(default=0, help_text="Turns are taken in this order, lowest first.")

    class Meta:
        ordering = ("order", "pk")

    def __str__(self) -> str:
        return str(self.user)


class Schedule(models.Model):
    """Answers one question for any instant: who is on duty?"""

    name = models.CharField(max_length=100, unique=True, help_text="For example: Team 1 main.")
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="schedules",
        help_text="The team that this schedule serves.",
    )
    time_zone = TimeZoneField(default="UTC", help_text="The zone in which the schedule is drawn.")
    description = models.TextField(blank=True, help_text="Who should be called by way of this schedule, and for what.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Layer(models.Model):
    """A rotation on a schedule, read at a position: 0 is the main one, 1 the first backup, and so on."""

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="layers")
    rotation = models.ForeignKey(
        Rotation, models.PROTECT, related_name="layers", help_text="The list of people who take turns."
    )
    position = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(20)],
        help_text="0 for the person whose turn it is (main), 1 for the one whose turn is next (backup), 2 for the one after.",
    )
    order = models.PositiveSmallIntegerField(default=0, help_text="A later layer wins over an earlier one.")

    class Meta:
        ordering = ("order", "pk")

    def __str__(self) -> str:
        return f"{self.rotation}, {'main' if self.position == 0 else f'backup {self.position}'}"


class Override(models.Model):
    """For this span this person is on duty, whatever the layers say."""

    schedule = models.ForeignKey(
        Schedule, models.CASCADE, related_name="overrides", help_text="Where somebody steps in."
    )
    user = models.ForeignKey(
        User, models.PROTECT, related_name="overrides", verbose_name="person", help_text="Who is on duty instead."
    )
    start = models.DateTimeField(help_text="From when (UTC in the API; your own zone's offset is accepted).")
    end = models.DateTimeField(help_text="Until when, this instant excluded.")
    reason = models.CharField(max_length=200, blank=True, help_text="Why: the timeline and “who is on call” show it.")

    class Meta:
        ordering = ("start", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="override_ends_after_start",
                violation_error_message="An override must end after it starts.",
            )
        ]
        indexes = [models.Index(fields=["schedule", "end"])]

    def __str__(self) -> str:
        return f"{self.user} on {self.schedule}"
