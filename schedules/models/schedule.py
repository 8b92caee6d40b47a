"""Models that say who is on duty: rotations, schedules, overrides. `schedules.rules` works out shifts from them."""

from datetime import date, time, timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from schedules.models.grants import Grantable
from schedules.models.people import Team, User
from schedules.models.zones import TimeZoneField
from schedules.validators import valid_days, valid_hours, valid_region


class Rotation(Grantable):
    """A list of people who take turns. Main, backup, second backup and so on all read this list, each at its position."""

    class Unit(models.TextChoices):
        HOURS = "hours", "hours"
        DAYS = "days", "days"
        WEEKS = "weeks", "weeks"
        MONTHS = "months", "months"

    name = models.CharField(max_length=100, unique=True, help_text="For example: Team 1.")
    team = models.ForeignKey(
        Team,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="rotations",
        help_text="The team that owns the rotation.",
    )
    every = models.PositiveSmallIntegerField(
        "one turn lasts",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(366)],
        help_text="The length of one turn, in the unit beside it.",
    )
    unit = models.CharField(max_length=6, choices=Unit, default=Unit.WEEKS, help_text="Months are calendar months.")
    first_day = models.DateField(
        default=date(2026, 1, 5),
        validators=[MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2199, 12, 31))],
        help_text="The day on which the first person's first turn starts. Nobody is on duty before it. Weekly turns start on this day "
        "of the week, monthly turns on this day of the month, or on the last day of a shorter month.",
    )
    duty_days = models.CharField(
        "days of duty",
        max_length=60,
        blank=True,
        default="",
        db_default="",
        validators=[valid_days],
        help_text="For turns counted in days: the days of the week that count, for example “Mon-Fri”. A turn on Friday then goes on "
        "until Monday, and everybody in the list has turns on days of duty. Leave empty to count every day.",
    )
    handover = models.TimeField(
        default=time(9, 0),
        help_text="The time of day at which one person hands over to the next, in the rotation's time zone.",
    )
    time_zone = TimeZoneField(
        default="UTC",
        help_text="The time zone of the handover. The handover keeps its time of day when the clocks change.",
    )
    fills = models.BooleanField(
        "fill absences",
        default=False,
        help_text="If on, the next person present takes the turn of somebody who is away or has left. If off, the turn "
        "stays empty, and pages go to the next step at once.",
    )
    # When the plan above takes effect, and whose turn starts then; earlier plans are in `versions`. See rules.plans.
    since = models.DateTimeField(null=True, editable=False)
    first = models.PositiveSmallIntegerField(null=True, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(condition=Q(every__gte=1), name="rotation_every_positive"),
            models.CheckConstraint(
                condition=Q(duty_days="") | Q(unit="days"),
                name="rotation_duty_days_of_days",
                violation_error_message="Days of duty are for turns counted in days. Choose days, or leave the days of duty empty.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RotationVersion(models.Model):
    """An earlier plan of a rotation, in effect until the next plan.

    These are kept so that an edit changes neither the past nor the turn that is running.
    """

    rotation = models.ForeignKey(Rotation, models.CASCADE, related_name="versions")
    every = models.PositiveSmallIntegerField()
    unit = models.CharField(max_length=6, choices=Rotation.Unit)
    first_day = models.DateField()
    duty_days = models.CharField(max_length=60, default="", db_default="")
    handover = models.TimeField()
    time_zone = TimeZoneField()
    crews = models.JSONField(help_text="People's ids, turn by turn.")
    since = models.DateTimeField(null=True)
    first = models.PositiveSmallIntegerField(null=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.rotation} from {self.since or self.first_day}"


class Participant(models.Model):
    """The place in a rotation of one person, or of two people who take their turns together."""

    rotation = models.ForeignKey(Rotation, models.CASCADE, related_name="participants")
    user = models.ForeignKey(
        User,
        models.PROTECT,
        related_name="participations",
        verbose_name="person",
        help_text="The person who takes this turn.",
    )
    partner = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="together with",
        help_text="A second person who is on duty with the first; usually nobody.",
    )
    order = models.PositiveSmallIntegerField(default=0, help_text="Turns are taken in this order, lowest first.")

    class Meta:
        ordering = ("order", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(partner=None) | ~Q(partner=F("user")),
                name="participant_partner_is_another",
                violation_error_message="A person cannot share a turn with themselves.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} and {self.partner}" if self.partner else str(self.user)

    @property
    def people(self) -> tuple[User, ...]:
        return (self.user, self.partner) if self.partner else (self.user,)

    @property
    def crew(self) -> tuple[int, ...]:
        """The people's ids."""
        return (self.user_id, self.partner_id) if self.partner_id else (self.user_id,)


class Schedule(Grantable):
    """A schedule, which says for any instant who is on duty."""

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
    description = models.TextField(blank=True, help_text="Whom this schedule pages, and for what.")
    remind = models.DurationField(
        "reminder",
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(minutes=1)), MaxValueValidator(timedelta(days=28))],
        help_text="How long before their shift people are reminded, as hours:minutes:seconds. Leave empty for no reminders.",
    )
    hands_over = models.BooleanField(
        "handover notes",
        default=False,
        help_text="People are told when they come on duty, with the open alerts and the last handover note.",
    )
    longest_shift = models.DurationField(
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(hours=1))],
        help_text="Warn if somebody is on duty longer than this without a break, for example 7 00:00:00. Leave empty for no limit.",
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Layer(models.Model):
    """One layer of a schedule: either a rotation, read at a position, or a calendar.

    Position 0 is the main person, 1 the first backup, and so on.
    """

    schedule = models.ForeignKey(Schedule, models.CASCADE, related_name="layers")
    rotation = models.ForeignKey(
        Rotation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="layers",
        help_text="The list of people who take turns.",
    )
    feed = models.ForeignKey(
        "CalendarFeed",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="layers",
        verbose_name="calendar",
        help_text="Instead of a rotation: an outside calendar that says who is on duty.",
    )
    position = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(20)],
        help_text="0 is the person whose turn it is (main), 1 the person with the next turn (backup), 2 the one after that.",
    )
    hours = models.CharField(
        max_length=300,
        blank=True,
        validators=[valid_hours],
        help_text="Only in these hours of the week, in the rotation's zone. Leave empty for always. For example "
        "“Mon-Fri 09:00-17:00”, “Mon-Fri 9-17” or “Mon-Fri 18:00-08:00; Sat,Sun 00:00-24:00”.",
    )
    holidays = models.CharField(
        "not on public holidays of",
        max_length=12,
        blank=True,
        validators=[valid_region],
        help_text="Country or country-state, such as “GB” or “DE-BE”. The layer rests on public holidays there. Leave empty for none.",
    )
    adds = models.BooleanField(
        "in addition",
        default=False,
        help_text="If on, its people are on duty together with those of earlier layers. If off, instead of them.",
    )
    order = models.PositiveSmallIntegerField(default=0, help_text="A later layer wins over an earlier one.")

    class Meta:
        ordering = ("order", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(rotation__isnull=False, feed=None) | Q(rotation=None, feed__isnull=False),
                name="layer_rotation_or_calendar",
                violation_error_message="A layer needs either a rotation or a calendar.",
            )
        ]

    def __str__(self) -> str:
        if self.feed_id:
            return str(self.feed)
        return f"{self.rotation}, {'main' if self.position == 0 else f'backup {self.position}'}"


class Override(models.Model):
    """A span in which a person is on duty, whatever the layers say, in place of everybody or of one person."""

    schedule = models.ForeignKey(
        Schedule, models.CASCADE, related_name="overrides", help_text="The schedule on which somebody takes over."
    )
    user = models.ForeignKey(
        User, models.PROTECT, related_name="overrides", verbose_name="person", help_text="The person who takes over."
    )
    instead_of = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person who is replaced, if several are on duty. Leave empty to replace everybody.",
    )
    start = models.DateTimeField(help_text="The start (UTC in the API; your own zone's offset is accepted).")
    end = models.DateTimeField(help_text="The end, exclusive.")
    reason = models.CharField(
        max_length=200, blank=True, help_text="The reason. The timeline and “who is on call” show it."
    )

    class Meta:
        ordering = ("start", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(end__gt=F("start")),
                name="override_ends_after_start",
                violation_error_message="An override must end after it starts.",
            ),
            models.CheckConstraint(
                condition=Q(instead_of=None) | ~Q(instead_of=F("user")),
                name="override_by_another",
                violation_error_message="A person cannot replace themselves.",
            ),
        ]
        indexes = [models.Index(fields=["schedule", "end"])]

    def __str__(self) -> str:
        return f"{self.user} on {self.schedule}"
