from django.db import models


class SweepRecord(models.Model):
    """The time at which a kind of sweep was last completed; health reads it as proof of work."""

    name = models.CharField(max_length=20, primary_key=True)
    completed_at = models.DateTimeField()
    repaired = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.name
