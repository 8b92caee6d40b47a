import uuid

from django.db import models
from django.db.models import Q

from dispatching.models.contact import ContactPoint
from dispatching.models.content import Content


class DeliveryQuerySet(models.QuerySet):
    def due(self, now):
        return self.filter(due_at__lte=now)

    def live(self):
        """Still on their way: not sent, not given up."""
        return self.filter(state__in=Delivery.LIVE)


class Delivery(models.Model):
    """The envelope and the outbox: finished words for one contact point. It does not know why it is sent.

    `due_at` says when somebody must look at it next: to send it, to take it over from a sender that died (the end of
    its lease), or to follow up a failure. Empty: there is nothing left to do.
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
    # Filled in when it is sent, from the contact point as it is then (faults F8).
    address = models.CharField(max_length=500, blank=True)
    # The words: either its own, or shared with others; then `subject` and `body` are empty.
    content = models.ForeignKey(Content, models.PROTECT, null=True, related_name="deliveries", db_index=False)
    subject = models.CharField(max_length=1100)
    body = models.TextField()
    data = models.JSONField(default=dict)
    # It asks whether the address is theirs: the only message that goes to an address which nobody has confirmed.
    asks_to_confirm = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    # From then on it would be of no use: a reminder of a shift that has begun. Empty: never.
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
            # Told once is a constraint.
            models.UniqueConstraint(
                fields=["content", "contact_point"],
                condition=Q(content__isnull=False),
                name="content_once_a_contact_point",
            ),
        ]
        indexes = [
            models.Index(fields=["queue", "due_at"], condition=Q(due_at__isnull=False), name="delivery_due"),
            # In the order of a claim, with nothing else in it: thousands that wait cost the next claim nothing.
            models.Index(
                fields=["queue", "due_at", "id"],
                condition=Q(state__in=("pending", "sending")) & (Q(content=None) | Q(state="sending")),
                name="delivery_to_send",
            ),
            # Those that go out by the batch.
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
        return f"{self.channel} to {self.recipient_name}"


class Attempt(models.Model):
    """One try to hand a delivery to its provider, or what came back of it later. Append-only.

    `outcome` stays unknown when the sender died on the way.
    """

    class Outcome(models.TextChoices):
        UNKNOWN = "unknown", "unknown"
        ACCEPTED = "accepted", "accepted"
        TEMPORARY = "temporary", "failed for now"
        AWAY = "away", "the provider was unavailable"
        PERMANENT = "permanent", "failed for good"
        GONE = "gone", "no such address"

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
