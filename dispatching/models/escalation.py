from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from dispatching.models.policy import EscalationPolicy


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def running(self) -> Self:
        return self.filter(state=Escalation.State.RUNNING)

    def due(self, now: datetime) -> Self:
        return self.running().filter(due_at__lte=now)


class Escalation(models.Model):
    """One run of a frozen policy for one alert. `position` never decreases: step = position mod steps, round = position div steps."""

    class State(models.TextChoices):
        RUNNING = "running", "running"
        STOPPED = "stopped", "stopped"
        EXHAUSTED = "exhausted", "ended without an acknowledgement"

    alert = models.ForeignKey("dispatching.Alert", models.CASCADE, related_name="escalations")
    policy = models.ForeignKey(EscalationPolicy, models.SET_NULL, null=True, related_name="+")
    # The policy as it was when the first step ran; later edits do not affect the run (A52).
    snapshot = models.JSONField(null=True)
    position = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    # When the step at `position` runs.
    due_at = models.DateTimeField(null=True)
    # Set while those who were paged so far have to be told that the alert got worse: when the next step runs after that.
    resume_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    # How often in a row the step could not run because of an error.
    failures = models.PositiveSmallIntegerField(default=0)

    objects = EscalationQuerySet.as_manager()

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["alert"], condition=Q(state="running"), name="one_running_escalation_an_alert"
            ),
            # A running escalation without a due time would wait for ever (faults A10).
            models.CheckConstraint(
                condition=Q(state="running", due_at__isnull=False) | (~Q(state="running") & Q(due_at__isnull=True)),
                name="escalation_due_while_running",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="running"), name="escalation_due")]

    def __str__(self) -> str:
        return f"escalation {self.pk} of alert {self.alert_id}"
