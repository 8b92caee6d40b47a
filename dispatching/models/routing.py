"""The sources of alerts (integrations), and the services and priorities that alerts belong to."""

import hashlib
import secrets
from datetime import datetime

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from dispatching.models.policy import EscalationPolicy
from schedules.models import Team


class Severity(models.TextChoices):
    """How bad an alert or an outage is, which decides who must be involved (Table 9.13)."""

    CRITICAL = "critical", "critical"
    ERROR = "error", "error"
    WARNING = "warning", "warning"
    INFO = "info", "info"


class Priority(models.Model):
    """The importance of an alert for customers, and its consequences; the same for the whole organisation (Table 9.2)."""

    level = models.PositiveSmallIntegerField(
        unique=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text="1 is the most important. At most five priorities.",
    )
    name = models.CharField(max_length=50, help_text="For example: P1.")
    description = models.TextField(
        blank=True, help_text="The criteria for choosing this priority, one a line, at most five."
    )
    hotfix = models.BooleanField(default=False, help_text="A fix is deployed outside the usual releases.")
    postmortem = models.BooleanField(default=False, help_text="A postmortem follows.")
    tells_management = models.BooleanField(default=False, help_text="Management is told.")
    tells_stakeholders = models.BooleanField(default=False, help_text="Stakeholders are told.")
    update_interval = models.DurationField(
        null=True, blank=True, help_text="How often stakeholders get a status update, as hours:minutes:seconds."
    )

    class Meta:
        ordering = ("level",)
        verbose_name_plural = "priorities"
        constraints = [
            models.CheckConstraint(
                condition=Q(level__gte=1, level__lte=5),
                name="priority_one_to_five",
                violation_error_message="A priority's level is 1, 2, 3, 4 or 5.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def criteria(self) -> list[str]:
        return [line for line in self.description.splitlines() if line.strip()]


class Service(models.Model):
    """A thing that can break, with the team that owns it and the policy that its alerts follow."""

    name = models.CharField(
        max_length=100,
        unique=True,
        help_text="An event that names the service must use this name; capitals do not matter.",
    )
    team = models.ForeignKey(
        Team,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="services",
        help_text="The team that owns the service.",
    )
    policy = models.ForeignKey(
        EscalationPolicy,
        models.PROTECT,
        related_name="services",
        verbose_name="escalation policy",
        help_text="Decides who is paged for its alerts, and in which order. Every service has one, so that no alert goes nowhere.",
    )
    description = models.TextField(blank=True, help_text="What it does for customers.")
    runbook_url = models.URLField(
        "address of the runbook", blank=True, help_text="What to do. Shown in the page if the event brings none."
    )
    dashboard_url = models.URLField(
        "address of the dashboard", blank=True, help_text="Where to look. Shown in the page if the event brings none."
    )

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="service_name_any_case",
                violation_error_message="There is already a service of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


def key_hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


class Integration(models.Model):
    """A source of alerts, with its key. Only a hash of the key is kept: the key is shown once, when it is made."""

    name = models.CharField(max_length=100, unique=True, help_text="For example: Prometheus EU.")
    service = models.ForeignKey(
        Service,
        models.PROTECT,
        related_name="integrations",
        help_text="Every event that names no service, an unknown one, or one that it may not name, goes to this service.",
    )
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    key_hint = models.CharField(max_length=4, editable=False, help_text="The start of the key, to tell keys apart.")
    enabled = models.BooleanField(default=True, help_text="If off, Tocsin refuses all events sent with this key.")
    other_teams = models.BooleanField(
        "may name services of other teams",
        default=False,
        db_default=False,
        help_text="If off, an event that names another team's service goes to the service above.",
    )

    # Set by `intake`: whether its last requests were refused, and the time of the look-up by the database's clock.
    refused = False
    asked_at: datetime
    # Set by the API for the answer that shows a new key, and never stored.
    key: str

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def new_key(self) -> str:
        """Sets a new random key of 32 characters and returns it, the only time that it can be seen. Does not save."""
        key = secrets.token_hex(16)
        self.key_hash, self.key_hint = key_hash(key), key[:4]
        return key


class Refusal(models.Model):
    """A record that events of an integration have been refused since `since`. At `due_at` its owner is told, or it may be over.

    If the integration was working, because other events of it had been accepted, this ends when nothing is refused for a while;
    if not, with the first event that is accepted.
    """

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="refusal")
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    reason = models.TextField()
    # How many were refused for which reason.
    reasons = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    sample = models.TextField(blank=True)
    working = models.BooleanField(default=False, db_default=False)
    told_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        never = "" if self.working else " and never accepted"
        return f"refused {times} since {self.since:%Y-%m-%d %H:%M} UTC{never}: {self.reason}"


class Unread(models.Model):
    """A record that events of an integration were accepted although fields of them were not understood (P16). Nobody is paged for it.

    It begins anew after a month without one.
    """

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="unread")
    since = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    # How many for which reason.
    reasons = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "unread"

    def __str__(self) -> str:
        most = max(self.reasons, key=self.reasons.get, default="")
        return f"not understood {self.count} times since {self.since:%Y-%m-%d %H:%M} UTC, mostly: {most}"
