from django.db import models


class SweepRecord(models.Model):
    """When each kind of sweep was last completed: the proof of work that health reads."""

    name = models.CharField(max_length=20, primary_key=True)
    completed_at = models.DateTimeField()
    repaired = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
