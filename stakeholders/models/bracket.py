"""The brackets of outages: which rings have been told about an outage."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from stakeholders.models.outage import Outage
from stakeholders.models.ring import StakeholderRing
from stakeholders.rules.rings import Rule


class Bracket(models.Model):
    """One outage as told to one ring: from the announcement, through the updates, to the end."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        OPEN = "open", "told"
        CLOSED = "closed", "was told that it is over"
        NOT_NEEDED = "not_needed", "not needed"

    MOVES: ClassVar = {
        State.WAITING: {State.OPEN, State.NOT_NEEDED},
        State.OPEN: {State.CLOSED},
        State.CLOSED: set(),
        State.NOT_NEEDED: set(),
    }

    outage = models.ForeignKey(Outage, models.CASCADE, related_name="brackets")
    ring = models.ForeignKey(StakeholderRing, models.PROTECT, related_name="brackets")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=200, blank=True)
    # The ring's rule as it was when the outage was announced: later changes are for later outages.
    frozen_rule = models.JSONField(default=dict)
    # When the ring is told if nothing changes; empty if its rule does not hold, and once it has been decided.
    due_at = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("ring__number",)
        constraints = [
            models.UniqueConstraint(fields=["outage", "ring"], name="one_bracket_a_ring"),
            models.CheckConstraint(
                condition=Q(state="waiting") | Q(due_at__isnull=True), name="bracket_due_while_waiting"
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="bracket_due")]

    def __str__(self) -> str:
        return f"{self.ring}: {self.get_state_display()}"

    @property
    def rule(self) -> Rule:
        return Rule.thawed(self.frozen_rule) if self.frozen_rule else Rule()
