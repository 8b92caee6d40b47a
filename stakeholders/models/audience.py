"""The matrix (deployments × products), and the groups that cover cells of it."""

from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import ProtectedError, Q
from django.db.models.functions import Lower

from schedules.models import Grantable, User
from stakeholders.models.ring import BEYOND, StakeholderRing, reach
from stakeholders.models.trigger import TriggerConstraint


class Named(models.Model):
    """A row or column of the matrix; `groups` and `outages` are the groups and outages that name it."""

    groups: Any
    outages: Any

    name = models.CharField(max_length=100, unique=True, help_text="The name that customers and colleagues use.")
    description = models.TextField(blank=True, help_text="In words that customers use.")
    order = models.PositiveSmallIntegerField(default=0, help_text="Lowest first, in the matrix and in forms.")

    class Meta:
        abstract = True
        ordering = ("order", "name")

    def __str__(self) -> str:
        return self.name

    def used_by(self) -> list[models.Model]:
        """Returns the groups and the outages that name it."""
        return [*self.groups.all(), *self.outages.all()]

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises ProtectedError while it is used: a group would cover less, and an outage would lose part of what it affects,
        without anybody being told.
        """
        if uses := self.used_by():
            raise ProtectedError(f"{self} is still used.", set(uses))
        return super().delete(*args, **kwargs)


class Deployment(Named):
    """A production environment: one row of the matrix, the geography."""

    class Meta(Named.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="deployment_name_any_case",
                violation_error_message="There is already a deployment of this name.",
            )
        ]


class Product(Named):
    """A product that customers buy: one column of the matrix."""

    class Meta(Named.Meta):
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="product_name_any_case",
                violation_error_message="There is already a product of this name.",
            )
        ]


class StakeholderGroups(models.QuerySet["StakeholderGroup"]):
    def past_review(self, today: date) -> "StakeholderGroups":
        return self.filter(review_by__lt=today)


class StakeholderGroup(Grantable):
    """People who need to know about outages in certain cells of the matrix, and for what purpose (Table 8.2)."""

    class Openness(models.TextChoices):
        """The people who see the group and may join it on their own."""

        PRODUCT = "product", "colleagues in product delivery, logged in"
        ENTERPRISE = "enterprise", "everyone in the enterprise, logged in or by invitation"
        EVERYONE = "everyone", "everyone, customers and partners too"

    name = models.CharField(
        max_length=100, unique=True, help_text="The name that subscribers read, for example: Product A, US."
    )
    purpose = models.TextField(
        help_text="What its members do with the messages: talk to customers, reschedule activities, apply a mitigation."
    )
    ring = models.ForeignKey(
        StakeholderRing,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="groups",
        help_text="When its members are told. Nobody in a group without a ring is told.",
    )
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="subgroups",
        help_text="The group that this one is part of. Choosing the parent reaches its matching subgroups, too.",
    )
    deployments = models.ManyToManyField(
        Deployment,
        blank=True,
        related_name="groups",
        help_text="The geographies it covers. Not used with “all deployments”.",
    )
    products = models.ManyToManyField(
        Product, blank=True, related_name="groups", help_text="The products it covers. Not used with “all products”."
    )
    all_deployments = models.BooleanField(default=False, help_text="Every deployment, also those added later.")
    all_products = models.BooleanField(default=False, help_text="Every product, also those added later.")
    openness = models.CharField(
        "open to",
        max_length=10,
        choices=Openness,
        default=Openness.PRODUCT,
        help_text="The people who see the group and may join it on their own.",
    )
    advice = models.CharField(
        max_length=300,
        blank=True,
        help_text="One line in each message on what to do with it, for example: Tell customers who ask that we are working on it.",
    )
    owner = models.ForeignKey(
        User,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person who keeps the group up to date.",
    )
    representatives = models.ManyToManyField(
        User, blank=True, related_name="+", help_text="People of the department who helped to define it."
    )
    review_by = models.DateField(
        "review by",
        null=True,
        blank=True,
        help_text="The day by which somebody checks that it still fits how sales is organised.",
    )

    # When the group's present coverage took effect; empty: from the beginning.
    covers_since = models.DateTimeField(null=True, editable=False)

    objects = StakeholderGroups.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = [
            models.CheckConstraint(
                condition=~Q(purpose=""), name="group_has_a_purpose", violation_error_message="A group needs a purpose."
            ),
            models.CheckConstraint(
                condition=Q(parent__isnull=True) | ~Q(parent=models.F("pk")),
                name="group_not_its_own_parent",
                violation_error_message="A group cannot be part of itself.",
            ),
            models.UniqueConstraint(
                Lower("name"),
                name="group_name_any_case",
                violation_error_message="There is already a group of this name.",
            ),
            # The ring's row is locked meanwhile, so that neither changes behind the other's back.
            TriggerConstraint(
                name="group_within_its_ring",
                on="INSERT OR UPDATE OF ring_id, openness",
                violated=f"""{reach("NEW.openness")} > (
                    SELECT {reach("boundary")} FROM stakeholders_stakeholderring WHERE id = NEW.ring_id FOR SHARE
                )""",
                violation_error_message=BEYOND,
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError if the group is open to people beyond the boundary of its ring, or would be a part of itself,
        directly or through its parents.
        """
        if self.ring and (why := self.ring.too_open(self.openness)):
            raise ValidationError({"openness": why})
        above, seen = self.parent, {self.pk}
        while above is not None and self.pk is not None:
            if above.pk in seen:
                raise ValidationError({"parent": self._cycle()})
            seen.add(above.pk)
            above = above.parent

    def _cycle(self) -> str:
        if self.parent_id == self.pk:
            return "A group cannot be part of itself."
        return f"{self.parent} is already part of {self}, so {self} cannot be part of it."
