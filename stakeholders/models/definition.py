"""Notification definitions: what stakeholders are told about which breach, agreed beforehand (B100 to B108)."""

from datetime import timedelta

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from dispatching.models import Alert, Integration, Priority, Service
from schedules.models import Schedule, User
from stakeholders.models.audience import Deployment, Product, StakeholderGroup
from stakeholders.models.outage import Outage
from stakeholders.models.wording import Wording
from stakeholders.rules import languages


class NotificationDefinition(models.Model):
    """Says which breach is an outage for whom, why, and in which words. A change makes a new version; old ones are kept."""

    class Mode(models.TextChoices):
        """The modes of figure 8.3 without “by hand”, which needs no definition."""

        SEMI = "semi", "prepared: a person presses the button"
        AUTO = "auto", "automatic: it is announced at once"

    name = models.CharField(max_length=100, help_text="For example: Uploads are down.")
    version = models.PositiveSmallIntegerField(default=1, editable=False)
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", editable=False
    )
    change_reason = models.CharField(
        max_length=300,
        blank=True,
        help_text="The feedback that led to this version: quote it, or name the person who gave it.",
    )
    # Alerts that begin at this time or later are compared with it. Empty: it is being discussed, or has been replaced.
    live_since = models.DateTimeField(null=True, blank=True, editable=False)
    # When it was put live for the first time: from then on its words stay as they were agreed.
    first_live_at = models.DateTimeField(null=True, blank=True, editable=False)
    service = models.ForeignKey(
        Service, models.PROTECT, related_name="definitions", help_text="Alerts of this service are compared with it."
    )
    slo = models.CharField(
        "SLO",
        max_length=255,
        blank=True,
        help_text="As the alert names it. Leave empty for any breach, also one that no SLO covers.",
    )
    most_important = models.ForeignKey(
        Priority,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="priority at least",
        help_text="Only alerts of this priority or a more important one. Leave empty for any; without one, nothing is told.",
    )
    priority = models.ForeignKey(
        Priority,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="priority of the outage",
        help_text="How important such a breach is. Leave empty to use the alert's priority.",
    )
    priority_reason = models.CharField(
        "why this priority", max_length=300, blank=True, help_text="Stakeholders can read it and comment on it."
    )
    repeats = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="How many such alerts there must be within the time below, this one included.",
    )
    within = models.DurationField(
        default=timedelta(hours=1), help_text="The time in which they are counted, as hours:minutes:seconds."
    )
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.SEMI)
    communicators = models.ForeignKey(
        Schedule,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="communicator on duty",
        help_text="The person on duty on this schedule becomes the communicator of the outage: they are told at once and reminded. "
        "Leave empty for the person on call for the service.",
    )
    deployments = models.ManyToManyField(
        Deployment,
        blank=True,
        related_name="+",
        help_text="Where it is felt. Leave empty to use the alert's deployment.",
    )
    products = models.ManyToManyField(
        Product, blank=True, related_name="+", help_text="What is affected. Leave empty to use the alert's product."
    )
    groups = models.ManyToManyField(
        StakeholderGroup,
        blank=True,
        related_name="+",
        help_text="Leave empty for every group that covers what is affected.",
    )
    chain = models.ForeignKey(
        Integration,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="acknowledgement through",
        help_text="Usually empty: stakeholders need not answer. If chosen, the policy of its service pages stakeholders until "
        "one of them acknowledges.",
    )
    title = models.CharField(max_length=200, help_text="What is affected, in words that customers use.")
    text = models.TextField(help_text="The announcement: what is affected, who notices, what is being done.")
    why_major = models.TextField("why it is a major outage", help_text="Why it is worth telling.")
    why_needed = models.TextField("why they need it", help_text="The roles that need the messages, and what for.")
    what_they_do = models.TextField("what they would do", help_text="What each role would do with the messages.")
    uncovered = models.TextField(
        "scenarios that no SLO covers", blank=True, help_text="When a person should announce it by hand."
    )
    runbook_url = models.URLField(blank=True, help_text="What the people on call do. Not shown to stakeholders.")
    recording_url = models.URLField(blank=True, help_text="A recording for people who go on call later.")

    class Meta:
        ordering = ("name", "-version")
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="definition_version_once"),
            models.CheckConstraint(
                condition=Q(repeats__gte=1),
                name="definition_repeats_at_least_once",
                violation_error_message="There must be at least one alert.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class DefinitionWording(Wording):
    """The prepared announcement in another language or for one ring."""

    definition = models.ForeignKey(NotificationDefinition, models.CASCADE, related_name="wordings")

    class Meta(Wording.Meta):
        constraints = [
            *Wording.Meta.constraints,
            models.UniqueConstraint(
                fields=["definition", "ring", "language"],
                nulls_distinct=False,
                name="one_definition_wording",
                violation_error_message="There is already a wording in this language.",
            ),
            models.CheckConstraint(
                condition=Q(language=languages.DEFAULT) | ~Q(title=""),
                name="definition_wording_title",
                violation_error_message="In another language, the title is needed, too.",
            ),
        ]


class DefinitionComment(models.Model):
    """A comment on a definition by a person who would get its messages (B102 to B104). Never changed."""

    class Question(models.TextChoices):
        """The questions of table 8.8."""

        RELEVANCE = "relevance", "Is it relevant?"
        TIMELINESS = "timeliness", "When should the first message come?"
        CONCISENESS = "conciseness", "Is it concise and complete?"
        BRACKETS = "brackets", "Does this way of being informed suit you, and how often should updates come?"

    definition = models.ForeignKey(NotificationDefinition, models.CASCADE, related_name="comments")
    question = models.CharField(max_length=11, choices=Question)
    text = models.TextField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return self.text[:60]


class Match(models.Model):
    """An alert that a definition matched, and the outage it led to. A constraint makes sure that each pair matches once."""

    definition = models.ForeignKey(NotificationDefinition, models.PROTECT, related_name="matches")
    alert = models.ForeignKey(Alert, models.CASCADE, related_name="matches")
    # Deleted with the outage, it would be matched again and open another one: such an outage is dismissed instead.
    outage = models.ForeignKey(Outage, models.PROTECT, related_name="matches")

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "matches"
        constraints = [models.UniqueConstraint(fields=["definition", "alert"], name="matched_once")]

    def __str__(self) -> str:
        return f"{self.alert} by {self.definition}"
