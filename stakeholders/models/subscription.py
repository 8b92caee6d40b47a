"""Subscribers and their subscriptions to groups, and the addresses that must not be written to."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from dispatching.models import ContactPoint, Recipient
from schedules.models import User
from schedules.models.zones import TimeZoneField
from stakeholders.models.audience import StakeholderGroup
from stakeholders.rules import languages


class Subscriber(models.Model):
    """The settings of a subscriber, with or without a login. Without a row, the defaults are valid."""

    recipient = models.OneToOneField(Recipient, models.CASCADE, related_name="subscriber")
    language = models.CharField(max_length=10, choices=languages.CHOICES, default=languages.DEFAULT)
    time_zone = TimeZoneField(default="UTC")
    # Quiet hours as wall-clock times in `time_zone`, over midnight if the end is earlier. Messages wait until they end.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="quiet_hours_whole",
                violation_error_message="Quiet hours need both a beginning and an end.",
            )
        ]

    def __str__(self) -> str:
        return f"settings of {self.recipient}"


class Subscription(models.Model):
    """The subscription of one contact point to one group. It ends with a reason; afterwards, only a new one can be asked for.

    Rows are the record of consent: who asked, when and from where, which words they saw, and when they confirmed.
    """

    class State(models.TextChoices):
        ASKED = "asked", "asked, not confirmed yet"
        ACTIVE = "active", "active"
        ENDED = "ended", "ended"

    class Kinds(models.TextChoices):
        ALL = "all", "every message"
        ENDS = "ends", "only the first and the last message of an outage"

    contact_point = models.ForeignKey(ContactPoint, models.CASCADE, related_name="subscriptions")
    group = models.ForeignKey(StakeholderGroup, models.PROTECT, related_name="subscriptions")
    state = models.CharField(max_length=6, choices=State, default=State.ASKED)
    # Lists of ids; empty: all that the group covers.
    deployments = ArrayField(models.BigIntegerField(), default=list, blank=True)
    products = ArrayField(models.BigIntegerField(), default=list, blank=True)
    kinds = models.CharField(max_length=4, choices=Kinds, default=Kinds.ALL)
    # The level of the least important priority that the subscriber wants to be told about; empty: all.
    least_priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    asked_at = models.DateTimeField()
    asked_from = models.CharField(
        max_length=100, blank=True, help_text="How it was requested: form, login, invitation …"
    )
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    # The version of the words of consent that stood beside the button.
    consent = models.CharField(max_length=20, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=100, blank=True)

    # The names of the deployments and products that it is narrowed to; set by `overview.rows`.
    only: list[str]

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["contact_point", "group"], condition=~Q(state="ended"), name="one_subscription_a_group"
            ),
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False) & ~Q(end_reason="")
                | ~Q(state="ended") & Q(ended_at__isnull=True),
                name="subscription_ended_with_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(confirmed_at__isnull=False), name="subscription_active_if_confirmed"
            ),
        ]
        indexes = [
            models.Index(fields=["group", "contact_point"], condition=Q(state="active"), name="subscription_active"),
            models.Index(fields=["asked_at"], condition=Q(state="asked"), name="subscription_asked"),
        ]
        permissions = (
            ("import_subscription", "Can import subscribers from a file"),
            ("export_subscription", "Can export subscribers with their addresses"),
        )

    def __str__(self) -> str:
        return f"{self.contact_point} for {self.group}"


class Suppression(models.Model):
    """An address that must not be written to, kept as a keyed hash so that no import brings it back."""

    class Reason(models.TextChoices):
        BOUNCED = "bounced", "messages could not be delivered"
        COMPLAINED = "complained", "marked as spam"
        NOT_ME = "not_me", "somebody else had entered it"
        ERASED = "erased", "erased at their request"

    address_hash = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=10, choices=Reason)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.get_reason_display()}, {self.at:%Y-%m-%d}"
