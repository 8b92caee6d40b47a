import uuid
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from dispatching import channels
from dispatching.models.contact import ContactPoint
from dispatching.models.content import Content


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, now: datetime) -> Self:
        return self.filter(due_at__lte=now)

    def live(self) -> Self:
        """The deliveries that are still on their way: waiting or being sent."""
        return self.filter(state__in=Delivery.LIVE)


class Delivery(models.Model):
    """One message in the outbox: finished words for one contact point. It does not know why it is sent.

    `due_at` is the next time at which a worker must look at it: to send it, to take it over from a sender that died (the end of
    the lease), or to follow up a failure. Empty means that there is nothing left to do.
    """

    class State(models.TextChoices):
        PENDING = "pending", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        DELIVERED = "delivered", "delivered"
        SUPPRESSED = "suppressed", "not sent: no longer needed"
        FAILED = "failed", "failed"
        DEAD = "dead", "given up"

    LIVE = (State.PENDING, State.SENDING)
    LOST = (State.FAILED, State.DEAD)

    class Queue(models.TextChoices):
        PAGE = "page", "page"
        BULK = "bulk", "bulk"

    key = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="The idempotency key, the same for every attempt."
    )
    queue = models.CharField(max_length=4, choices=Queue, default=Queue.PAGE)
    contact_point = models.ForeignKey(ContactPoint, models.SET_NULL, null=True, related_name="deliveries")
    channel = models.CharField(max_length=20)
    recipient_name = models.CharField("recipient", max_length=150)
    # Filled in on sending, from the contact point as it is then (faults F8).
    address = models.CharField(max_length=500, blank=True)
    # Words that are shared with others; `subject` and `body` are then empty. Null: the delivery has words of its own.
    content = models.ForeignKey(Content, models.PROTECT, null=True, related_name="deliveries", db_index=False)
    subject = models.CharField(max_length=1100)
    body = models.TextField()
    data = models.JSONField(default=dict)
    # The message asks the recipient to confirm the address. No other message goes to an unconfirmed address.
    asks_to_confirm = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    # From this time on it would be useless, such as a reminder of a shift that has begun. Empty: never.
    expires_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    cancelled_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    receipt = models.CharField(max_length=255, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "deliveries"
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=("pending", "sending")) | Q(due_at__isnull=False), name="delivery_due_while_live"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("sent", "delivered", "suppressed")) | Q(due_at__isnull=True),
                name="delivery_not_due_when_done",
            ),
            # Each contact point gets the same content only once.
            models.UniqueConstraint(
                fields=["content", "contact_point"],
                condition=Q(content__isnull=False),
                name="content_once_a_contact_point",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "due_at"], condition=Q(due_at__isnull=False), name="delivery_due"),
            # In the order of a claim, with nothing else in it, so that thousands of waiting rows do not slow down a claim.
            models.Index(
                fields=["queue", "due_at", "id"],
                condition=Q(state__in=("pending", "sending")) & (Q(content=None) | Q(state="sending")),
                name="delivery_to_send",
            ),
            # The deliveries that are sent in batches.
            models.Index(
                fields=["queue", "due_at", "id"],
                condition=Q(state="pending", content__isnull=False),
                name="delivery_to_send_shared",
            ),
            models.Index(fields=["state", "-id"], name="delivery_by_state"),
            # The failures that nobody has followed up yet.
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=("failed", "dead"), due_at__isnull=False),
                name="delivery_to_follow_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{channels.spoken(self.channel)} to {self.recipient_name}"


class Attempt(models.Model):
    """One attempt to hand a delivery to its provider, or a later return by the provider. Append-only.

    `outcome` is unknown if the sender died on the way.
    """

    Outcome = channels.Outcome

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=9, choices=Outcome)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.number}: {self.outcome}"
