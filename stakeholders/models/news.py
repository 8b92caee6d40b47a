"""Updates of outages, their wordings for rings and languages, and the messages that carry them."""

from django.db import models
from django.db.models import Q

from dispatching.models import Content
from schedules.models import User
from stakeholders.models.bracket import Bracket
from stakeholders.models.outage import Outage
from stakeholders.models.wording import Wording
from stakeholders.rules import languages


class Update(models.Model):
    """An announcement, update, end or correction. Its words never change once it is sent; a correction sets a mistake right."""

    class Kind(models.TextChoices):
        ANNOUNCEMENT = "announcement", "announcement"
        PROGRESS = "progress", "update"
        END = "end", "end"
        CORRECTION = "correction", "correction"

    outage = models.ForeignKey(Outage, models.CASCADE, related_name="updates")
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.TextField(help_text="What is affected, who notices it and what you are doing.")
    done = models.TextField(blank=True, help_text="At the end: what was done.")
    remains = models.TextField(blank=True, help_text="At the end: what is still to come.")
    # The promise: the latest time of the next message. Every update but the last makes one.
    next_update_by = models.DateTimeField(null=True, blank=True)
    late_reason = models.CharField(
        max_length=200, blank=True, help_text="Why the next message comes later than the priority says."
    )
    mode = models.CharField(max_length=6, choices=Outage.Mode, default=Outage.Mode.MANUAL)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["outage"], condition=Q(kind="announcement"), name="one_announcement_an_outage"
            ),
            models.UniqueConstraint(fields=["outage"], condition=Q(kind="end"), name="one_end_an_outage"),
            models.CheckConstraint(
                condition=Q(kind__in=("announcement", "progress"), next_update_by__isnull=False)
                | Q(kind="end", next_update_by__isnull=True)
                | Q(kind="correction"),
                name="promise_in_all_but_the_last",
                violation_error_message="Say when the next message comes. Only the last message needs no time.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.outage}"


class UpdateWording(Wording):
    """An update in another language or for one ring.

    It repeats in its own words what the update says about what was done, what remains, and why the next message comes later.
    """

    update = models.ForeignKey(Update, models.CASCADE, related_name="wordings")
    done = models.TextField(blank=True, help_text="At the end: what was done.")
    remains = models.TextField(blank=True, help_text="At the end: what is still to come.")
    late_reason = models.CharField(max_length=200, blank=True, help_text="Why the next message comes later than usual.")

    class Meta(Wording.Meta):
        constraints = [
            *Wording.Meta.constraints,
            models.UniqueConstraint(
                fields=["update", "ring", "language"], nulls_distinct=False, name="one_wording_a_ring_and_language"
            ),
        ]


class Message(models.Model):
    """An update in the words for one ring in one language, to be delivered to everybody who is told in these words.

    At `due_at` a worker plans more deliveries; empty means that all are planned. Contact points up to the id `planned_up_to` are
    planned, so that a worker continues there after a crash.
    """

    update = models.ForeignKey(Update, models.CASCADE, related_name="messages")
    bracket = models.ForeignKey(Bracket, models.CASCADE, related_name="messages")
    # Its place in the bracket. The first message of a ring is its announcement, also if it tells what an update has told others.
    kind = models.CharField(max_length=12, choices=Update.Kind)
    language = models.CharField(max_length=10, choices=languages.CHOICES, default=languages.DEFAULT)
    content = models.OneToOneField(Content, models.PROTECT, related_name="message")
    # The groups that are told, as decided then ("told": [{"group": id, "openness": …, "reason": …}]). Later changes of the
    # groups do not affect it.
    audience = models.JSONField(default=list)
    planned_up_to = models.BigIntegerField(default=0)
    planned = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    planned_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(fields=["update", "bracket", "language"], name="one_message_a_ring_and_language"),
            models.UniqueConstraint(
                fields=["bracket", "language"], condition=Q(kind="announcement"), name="one_announcement_a_ring"
            ),
            models.UniqueConstraint(fields=["bracket", "language"], condition=Q(kind="end"), name="one_end_a_ring"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="message_due")]

    def __str__(self) -> str:
        return f"{self.update} for {self.bracket.ring}"
