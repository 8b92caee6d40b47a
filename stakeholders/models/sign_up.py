"""Requests from the public forms that wait for a worker, and counters that limit how many are let in."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from dispatching.channels import spoken
from schedules.models import User
from stakeholders.models.subscription import Subscription


class SignUp(models.Model):
    """A public form that was sent and waits for a worker, so that the page gives the same answer, equally fast, for any address.

    Deleted when it has been answered: the record of consent is the subscription.
    """

    class Kind(models.TextChoices):
        SUBSCRIBE = "subscribe", "subscribe"
        LINK = "link", "send a new link"

    kind = models.CharField(max_length=9, choices=Kind, default=Kind.SUBSCRIBE)
    channel = models.CharField(max_length=20)
    address = models.CharField(max_length=500)
    # Lists of ids.
    groups = ArrayField(models.BigIntegerField(), default=list)
    deployments = ArrayField(models.BigIntegerField(), default=list)
    products = ArrayField(models.BigIntegerField(), default=list)
    kinds = models.CharField(max_length=4, choices=Subscription.Kinds, default=Subscription.Kinds.ALL)
    invited_by = models.ForeignKey(User, models.CASCADE, null=True, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("pk",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {spoken(self.channel)}"


class Quota(models.Model):
    """How often something was done since `began_at`, such as mails to one address, forms from one network, or all forms."""

    key = models.CharField(max_length=80, unique=True)
    began_at = models.DateTimeField(db_index=True)
    used = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ("pk",)
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key.partition('/')[0]}: {self.used}"
