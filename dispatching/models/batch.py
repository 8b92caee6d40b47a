from django.contrib.postgres.fields import ArrayField
from django.db import models

from dispatching.models.content import Content


class Batch(models.Model):
    """Contact points that are to get the same words, and nobody has begun to send them yet.

    Whoever takes it up deletes it and makes their deliveries, in one statement. A row for all of them is what makes a
    message to a hundred thousand people quick to plan.
    """

    content = models.ForeignKey(Content, models.PROTECT, related_name="batches")
    # Ids; a contact point that is deleted meanwhile gets nothing.
    contact_points = ArrayField(models.BigIntegerField())
    # `Delivery.data` of each of them: the passages that they get.
    data = models.JSONField(default=dict)
    due_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "pk")
        default_permissions = ()
        indexes = [models.Index(fields=["due_at", "id"], name="batch_due")]

    def __str__(self) -> str:
        return f"{len(self.contact_points)} contact points"
