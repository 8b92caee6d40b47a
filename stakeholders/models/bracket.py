"""The brackets of outages: which rings have been told about an outage."""

from typing import ClassVar

from django.db import models

from stakeholders.models.audience import StakeholderRing
from stakeholders.models.outage import Outage


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
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("ring__number",)
        constraints = [models.UniqueConstraint(fields=["outage", "ring"], name="one_bracket_a_ring")]

    def __str__(self) -> str:
        return f"{self.ring}: {self.get_state_display()}"
