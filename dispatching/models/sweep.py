"""Proofs of work and signs of trouble that health and metrics read."""

from datetime import datetime, timedelta

from django.db import models

# How long a medium may have had only failures before that is reported, and how long a failure without a success counts.
FAILING_FOR = timedelta(minutes=1)
FAILED_LATELY = timedelta(hours=1)
# A process that has not been seen for this long has ended.
PROCESS_AGE = timedelta(minutes=2)


class SweepRecord(models.Model):
    """The time at which a kind of sweep was last completed; health reads it as proof of work."""

    name = models.CharField(max_length=20, primary_key=True)
    completed_at = models.DateTimeField()
    repaired = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Parked(models.Model):
    """A row that could not be handled because something raised: since when, how often, and when it is tried again.

    The row itself keeps its due time, so that it counts as overdue.
    """

    key = models.CharField(max_length=100, primary_key=True, help_text="What kind of row it is, and its id.")
    since = models.DateTimeField()
    failures = models.PositiveIntegerField(default=1)
    due_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "parked rows"

    def __str__(self) -> str:
        return self.key


class MediumQuerySet(models.QuerySet["Medium"]):
    def failing(self, now: datetime) -> "MediumQuerySet":
        """The media with failures lately and no success since."""
        return self.filter(failing_since__isnull=False, failed_at__gt=now - FAILED_LATELY)


class Medium(models.Model):
    """A channel through which something could not be sent, and since when nothing has been sent through it."""

    channel = models.CharField(max_length=20, primary_key=True)
    # Empty: something has been sent since the last failure.
    failing_since = models.DateTimeField(null=True)
    failed_at = models.DateTimeField()

    objects = MediumQuerySet.as_manager()

    def __str__(self) -> str:
        return self.channel


class ProcessQuerySet(models.QuerySet["Process"]):
    def running(self, now: datetime) -> "ProcessQuerySet":
        return self.filter(seen_at__gt=now - PROCESS_AGE)


class Process(models.Model):
    """A worker, the last time at which it was seen, and a fingerprint of each setting that all processes must share."""

    name = models.CharField(max_length=200, primary_key=True, help_text="Its host and process id.")
    seen_at = models.DateTimeField()
    settings = models.JSONField(default=dict)

    objects = ProcessQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return self.name
