"""Requests to change a group, for example from a colleague in sales or marketing."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from schedules.models import User
from stakeholders.models.audience import StakeholderGroup


class ChangeRequests(models.QuerySet["ChangeRequest"]):
    def waiting(self) -> "ChangeRequests":
        """Returns the requests that are neither done nor declined."""
        return self.filter(state__in=(ChangeRequest.State.SUBMITTED, ChangeRequest.State.ACCEPTED))

    def past_due(self, now: datetime) -> "ChangeRequests":
        return self.waiting().filter(due_at__lte=now)


class ChangeRequest(models.Model):
    """A request to change a group, its answer, and its result (B29 to B34).

    `before` is the group when the request was accepted, `told` the group as the people on call were told about it. Both describe
    a `StakeholderGroup` in words: {"name", "purpose", "covers" …}. An empty `before` means that there was no such group, an empty
    `told` that nobody has been told.
    """

    class State(models.TextChoices):
        SUBMITTED = "submitted", "waiting for an answer"
        ACCEPTED = "accepted", "accepted"
        DONE = "done", "done"
        DECLINED = "declined", "declined"

    MOVES: ClassVar = {
        State.SUBMITTED: {State.ACCEPTED, State.DECLINED},
        State.ACCEPTED: {State.DONE, State.DECLINED},
        State.DONE: set(),
        State.DECLINED: set(),
    }

    group = models.ForeignKey(
        StakeholderGroup,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="change_requests",
        help_text="The group to change. Leave empty for a new one; once it exists, choose it here.",
    )
    what = models.TextField("what should change", help_text="For example: it should cover product C, too.")
    why = models.TextField(help_text="What is different now, for example: B and C are sold together from May on.")
    due_at = models.DateTimeField("needed by", help_text="When the change must be in place.")
    state = models.CharField(max_length=9, choices=State, default=State.SUBMITTED, editable=False)
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="change_requests", editable=False)
    requested_at = models.DateTimeField(editable=False)
    answered_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    answered_at = models.DateTimeField(null=True, editable=False)
    reason = models.CharField(
        "reason for declining",
        max_length=300,
        blank=True,
        help_text="Needed to decline. The person who asked reads it.",
    )
    before = models.JSONField(default=dict, editable=False)
    told = models.JSONField(default=dict, editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    told_names = models.TextField(blank=True, editable=False)
    # When the change took effect. Messages that were sent before keep their own record of the groups that were told.
    effective_at = models.DateTimeField(null=True, editable=False)

    objects = ChangeRequests.as_manager()

    class Meta:
        ordering = ("due_at", "pk")
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | Q(told_at__isnull=False, effective_at__isnull=False),
                name="change_done_after_telling",
                violation_error_message="The people on call must be told first.",
            ),
            models.CheckConstraint(
                condition=~Q(state="declined") | ~Q(reason=""),
                name="change_declined_with_reason",
                violation_error_message="Give the reason for declining.",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state__in=("submitted", "accepted")), name="change_due")]

    def __str__(self) -> str:
        return f"#{self.pk} {self.group or self.told.get('name') or self.before.get('name') or 'a new group'}"
