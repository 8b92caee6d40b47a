from django.contrib.postgres.fields import ArrayField
from django.db import models

from dispatching.models.content import Content


class Batch(models.Model):
    """Contact points that will get the same words, which nobody has begun to send yet.

    One statement claims a batch: it deletes the row and makes the deliveries. One row for all of them makes a message to a
    hundred thousand people quick to plan.
    """

    content = models.ForeignKey(Content, models.PROTECT, related_name="batches")
    # Ids. A contact point that is deleted meanwhile gets nothing.
    contact_points = ArrayField(models.BigIntegerField())
    # The `Delivery.data` of each of them, with the keys of their passages.
    data = models.JSONField(default=dict)
    due_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "pk")
        default_permissions = ()
        indexes = [models.Index(fields=["due_at", "id"], name="batch_due")]

    def __str__(self) -> str:
        return f"{len(self.contact_points)} contact points"
