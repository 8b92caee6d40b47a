"""Outages, and the lines of their timelines."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from dispatching.models import Alert, Integration, Notice, Priority, Service, Severity
from schedules.models import Grantable, User
from stakeholders.models.audience import Deployment, Product, StakeholderGroup


class Outage(Grantable):
    """A problem that customers notice. Stakeholders are told only if it is high-profile and its priority says so."""

    class State(models.TextChoices):
        OPEN = "open", "going on"
        ENDED = "ended", "ended"

    class Mode(models.TextChoices):
        """The modes of figure 8.3."""

        MANUAL = "manual", "by hand"
        SEMI = "semi", "by a definition, to be announced by hand"
        AUTO = "auto", "by a definition, announced automatically"

    MOVES: ClassVar = {State.OPEN: {State.ENDED}, State.ENDED: set()}

    title = models.CharField(max_length=200, help_text="What is affected, in words that customers use: Uploads fail.")
    state = models.CharField(max_length=5, choices=State, default=State.OPEN, editable=False)
    high_profile = models.BooleanField(
        default=False, help_text="Worth telling stakeholders about. If off, nobody outside is told, whatever matches."
    )
    priority = models.ForeignKey(
        Priority,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Without a priority, stakeholders are not told.",
    )
    priority_reason = models.CharField(
        max_length=300, blank=True, help_text="Why this priority. Stakeholders can read it."
    )
    severity = models.CharField(max_length=8, choices=Severity, blank=True, help_text="How bad it is.")
    deployments = models.ManyToManyField(Deployment, blank=True, related_name="outages", help_text="Where it happens.")
    products = models.ManyToManyField(Product, blank=True, related_name="outages", help_text="What is affected.")
    services = models.ManyToManyField(
        Service, blank=True, related_name="outages", help_text="Our own services; not shown outside."
    )
    alerts = models.ManyToManyField(Alert, blank=True, related_name="outages")
    groups = models.ManyToManyField(
        StakeholderGroup,
        blank=True,
        related_name="+",
        help_text="Leave empty for every group that covers what is affected, or choose groups; their matching subgroups are included.",
    )
    # The scope in the words of messages, if it is wider than what is broken (D5). Empty: the names of the rows are used.
    said_geography = models.CharField(
        "geography in messages", max_length=200, blank=True, help_text="Leave empty for the names of the deployments."
    )
    said_products = models.CharField(
        "products in messages", max_length=200, blank=True, help_text="Leave empty for the names of the products."
    )
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.MANUAL, editable=False)
    started_at = models.DateTimeField("began", help_text="When customers could first notice it.")
    declared_at = models.DateTimeField(editable=False)
    declared_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    announced_at = models.DateTimeField(null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True, editable=False)
    # When it worked again, as the communicator says; the end may be written later.
    over_since = models.DateTimeField(null=True, blank=True, editable=False)
    communicator = models.ForeignKey(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person who writes to stakeholders and is reminded.",
    )
    chain = models.ForeignKey(
        Integration,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="acknowledgement through",
        help_text="Usually empty: stakeholders are told and need not answer. If chosen, the policy of its service pages "
        "stakeholders, one after the other, until one of them acknowledges.",
    )
    caused_by = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="caused",
        help_text="The outage of another team that caused this one.",
    )
    # When it will have recovered, as the people who handle it expect.
    recovery_at = models.DateTimeField("expected recovery", null=True, blank=True, editable=False)
    # The last promise, and the next time at which somebody is reminded of it. Empty: nothing is promised.
    next_update_by = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(
                condition=Q(state="ended", ended_at__isnull=False, next_update_by__isnull=True, due_at__isnull=True)
                | Q(state="open", ended_at__isnull=True),
                name="outage_ended_is_quiet",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("declared_at")),
                name="outage_ends_after_it_began",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="outage_due")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"


class OutageEvent(models.Model):
    """One line of an outage's timeline. Never changed, never deleted."""

    outage = models.ForeignKey(Outage, models.CASCADE, related_name="events")
    at = models.DateTimeField()
    text = models.TextField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    # The message to one of us that the line is about. What became of it is read from there, not written twice.
    notice = models.ForeignKey(Notice, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.text} ({self.notice.outcome})" if self.notice else self.text
