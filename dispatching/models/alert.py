"""Alerts, the events on their timelines, and pages."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dispatching.models.contact import ContactPoint, Recipient
from dispatching.models.delivery import Delivery
from dispatching.models.escalation import Escalation
from dispatching.models.routing import Integration, Priority, Service, Severity
from schedules.models import User


class Alerts(models.QuerySet["Alert"]):
    def going_on(self) -> "Alerts":
        return self.filter(state__in=(Alert.State.TRIGGERED, Alert.State.ACKNOWLEDGED))


class Alert(models.Model):
    """One thing that is wrong, however often it is reported."""

    # Keys with this beginning are those of alerts that Tocsin raises about itself. Stakeholders are never told of them.
    OURS = "tocsin/"

    class State(models.TextChoices):
        TRIGGERED = "triggered", "triggered"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        RESOLVED = "resolved", "resolved"

    # State → the states that it may move to. Any other move is refused (in `lifecycle._move`).
    MOVES: ClassVar = {
        State.TRIGGERED: {State.ACKNOWLEDGED, State.RESOLVED},
        State.ACKNOWLEDGED: {State.TRIGGERED, State.RESOLVED},  # triggered again if it gets worse
        # Only undone: `lifecycle.reopen`.
        State.RESOLVED: {State.TRIGGERED},
    }

    # No index of its own if a longer one below begins with the field, because a storm of alerts writes to this table.
    integration = models.ForeignKey(Integration, models.PROTECT, related_name="alerts", db_index=False)
    service = models.ForeignKey(Service, models.PROTECT, related_name="alerts", db_index=False)
    dedup_key = models.CharField(max_length=255)
    state = models.CharField(max_length=12, choices=State, default=State.TRIGGERED)
    summary = models.CharField(max_length=1024)
    severity = models.CharField(max_length=8, choices=Severity, blank=True)
    priority = models.ForeignKey(Priority, models.PROTECT, null=True, blank=True, related_name="alerts")
    source = models.CharField(max_length=255, blank=True)
    component = models.CharField(max_length=255, blank=True)
    slo = models.CharField("SLO", max_length=255, blank=True)
    deployment = models.CharField(max_length=255, blank=True)
    product = models.CharField(max_length=255, blank=True)
    runbook_url = models.CharField(max_length=2000, blank=True)
    dashboard_url = models.CharField(max_length=2000, blank=True)
    details = models.JSONField(default=dict, blank=True)
    occurrences = models.PositiveIntegerField(default=1)
    first_at = models.DateTimeField("since")
    last_at = models.DateTimeField("last reported")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    # The name of the person, also of one without a login. Empty if the source did it.
    acknowledged_name = models.CharField(max_length=150, blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    # The start and the end according to the source itself. A late message from between them is ignored (faults I4).
    occurred_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # The worst that it has been since it opened, from 0 (not given) to 4 (critical) and to 5 (priority 1): more is told.
    worst_severity = models.PositiveSmallIntegerField(default=0, db_default=0)
    worst_priority = models.PositiveSmallIntegerField(default=0, db_default=0)
    # The number of the report that made it worse than ever before; 0 if only the first one did.
    worse_since = models.PositiveIntegerField(default=0, db_default=0)

    objects = Alerts.as_manager()

    class Meta:
        ordering = ("-pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "dedup_key"], condition=~Q(state="resolved"), name="one_open_alert_a_key"
            )
        ]
        indexes = [
            models.Index(fields=["integration", "dedup_key", "-id"], name="alert_by_key"),
            models.Index(fields=["state", "-id"], name="alert_by_state"),
            models.Index(fields=["service", "-id"], name="alert_by_service"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.summary}"

    @property
    def open(self) -> bool:
        return self.state != self.State.RESOLVED


class AlertEvent(models.Model):
    """One line of an alert's timeline: an event or a decision, and the person behind it. Never changed, never deleted."""

    class Kind(models.TextChoices):
        TRIGGERED = "triggered", "triggered"
        REPEATED = "repeated", "reported again"
        WORSENED = "worsened", "got worse"
        IGNORED = "ignored", "event ignored"
        STEP = "step", "step ran"
        SKIPPED = "skipped", "step skipped"
        NOBODY = "nobody", "nobody reached"
        PAGED = "paged", "page planned"
        NOT_PAGED = "not_paged", "not paged"
        SENT = "sent", "page sent"
        NOT_SENT = "not_sent", "page not sent"
        ACKNOWLEDGED = "acknowledged", "acknowledged"
        RESOLVED = "resolved", "resolved"
        REOPENED = "reopened", "reopened"
        ESCALATED = "escalated", "escalated by hand"
        EXHAUSTED = "exhausted", "escalation ended"
        REPAIRED = "repaired", "repaired"
        FAILED = "failed", "could not run"

    # The kinds of lines that carry what a source said: that the thing is there.
    REPORTS: ClassVar = (Kind.TRIGGERED, Kind.REPEATED, Kind.WORSENED)
    # The kinds of lines whose words do not say by themselves what happened.
    NAMED: ClassVar = (Kind.TRIGGERED, Kind.REPEATED, Kind.IGNORED, Kind.REPAIRED)

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.TextField(blank=True)
    # The person who acted, if they have a login; `who` in the data is the name of any person. Both are empty if Tocsin or the
    # source did it.
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("pk",)
        indexes = [models.Index(fields=["alert", "id"], name="event_by_alert")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text}"


class Page(models.Model):
    """The reason for a delivery: a step run of an alert pages a recipient at a contact point. A constraint prevents duplicates."""

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="pages")
    escalation = models.ForeignKey(Escalation, models.CASCADE, related_name="pages", db_index=False)
    position = models.PositiveIntegerField()
    recipient = models.ForeignKey(Recipient, models.PROTECT, related_name="pages")
    contact_point = models.ForeignKey(ContactPoint, models.SET_NULL, null=True, related_name="pages")
    delivery = models.OneToOneField(Delivery, models.CASCADE, related_name="page")

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=["escalation", "position", "recipient", "contact_point"], name="paged_once_a_step_run"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recipient} for {self.alert}"
