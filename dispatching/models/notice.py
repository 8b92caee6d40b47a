from django.db import models
from django.db.models import Q, Value

from dispatching.channels import spoken
from dispatching.models.contact import Recipient
from dispatching.models.delivery import Delivery
from schedules.models import Schedule


class Notice(models.Model):
    """A message that is not a page: the reason for its delivery, or why there is none. The unique key prevents duplicates."""

    class Kind(models.TextChoices):
        REMINDER = "reminder", "shift reminder"
        HANDOVER = "handover", "handover"
        FEED = "feed", "broken calendar"
        SWAP = "swap", "swap request"
        PROMISE = "promise", "promised update"
        CHANGE = "change", "change to a group"
        MANAGEMENT = "management", "news for a manager"
        DEFINITION = "definition", "definition put live"
        NEWS = "news", "outage of another team"
        OPENED = "opened", "outage opened by a definition"

    key = models.CharField(
        max_length=200, unique=True, help_text="What it is about and for whom. The same is never told twice."
    )
    kind = models.CharField(max_length=10, choices=Kind)
    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="notices")
    at = models.DateTimeField()
    # One line, without links: links are credentials, and are only in the delivery.
    text = models.CharField(max_length=500)
    delivery = models.OneToOneField(Delivery, models.CASCADE, null=True, related_name="notice")
    reason = models.CharField(max_length=200, blank=True, help_text="Why nothing was sent.")
    # The contact points at which it failed before; `delivery` is to the next one of the person's chain.
    tried = models.JSONField(default=list, db_default=Value([], models.JSONField()))

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.CheckConstraint(condition=Q(delivery__isnull=False) | ~Q(reason=""), name="notice_sent_or_reason")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.recipient}"

    @property
    def outcome(self) -> str:
        """Whether the person has been told, in words for a timeline."""
        delivery = self.delivery
        if delivery is None:
            return f"not told: {self.reason}"
        if delivery.state in (Delivery.State.SENT, Delivery.State.DELIVERED):
            return f"told by {spoken(delivery.channel)}"
        if delivery.state in Delivery.LIVE:
            return f"on its way by {spoken(delivery.channel)}{f': {delivery.reason}' if delivery.reason else ''}"
        return f"not told: {delivery.reason or delivery.get_state_display()}"


class ShiftWatch(models.Model):
    """The time of a schedule's next check for reminders and handovers, and the result of its last check."""

    schedule = models.OneToOneField(Schedule, models.CASCADE, related_name="+")
    due_at = models.DateTimeField(db_index=True)
    # The time of the last check, and the ids of the people who were on duty then. Empty: there was no check yet.
    seen_until = models.DateTimeField(null=True)
    on_duty = models.JSONField(default=list)

    class Meta:
        ordering = ("due_at",)
        verbose_name_plural = "shift watches"

    def __str__(self) -> str:
        return f"watch over {self.schedule}"
