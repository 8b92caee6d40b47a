"""The rings of stakeholders: the order in which groups are told about an outage, and the rule of each ring (figure 8.4)."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from dispatching.models import Severity
from stakeholders.models.trigger import TriggerConstraint
from stakeholders.rules.rings import Rule

# How far a boundary reaches, and a group that is open to these people; a group must not reach beyond its ring's boundary.
REACH = {"product": 0, "enterprise": 1, "external": 2, "everyone": 2}
BEYOND = "A group is open to people beyond the boundary of its ring."


def reach(column: str) -> str:
    """REACH in SQL."""
    return f"CASE {column} WHEN 'product' THEN 0 WHEN 'enterprise' THEN 1 ELSE 2 END"


class StakeholderRing(models.Model):
    """A ring of stakeholders; rings with a lower number are told earlier."""

    class Boundary(models.TextChoices):
        PRODUCT = "product", "inside the product delivery organisation"
        ENTERPRISE = "enterprise", "inside the enterprise"
        EXTERNAL = "external", "outside the enterprise"

    class Match(models.TextChoices):
        ANY = "any", "one of them is enough"
        ALL = "all", "all of them must hold"

    number = models.PositiveSmallIntegerField(
        unique=True, validators=[MinValueValidator(1)], help_text="The order in which rings are told: 1 first."
    )
    name = models.CharField(
        max_length=100, unique=True, help_text="The people in it, for example: marketing and sales."
    )
    boundary = models.CharField(
        max_length=10, choices=Boundary, default=Boundary.PRODUCT, help_text="Where the people in it work."
    )

    match = models.CharField(
        "conditions",
        max_length=3,
        choices=Match,
        default=Match.ANY,
        help_text="Whether one of the conditions below is enough. The innermost ring with a group that is affected is told at once; "
        "a later ring without any condition is never told.",
    )
    elapsed = models.DurationField(
        "not over after",
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(seconds=1))],
        help_text="The time since the announcement, as hours:minutes:seconds. Leave empty if it does not count.",
    )
    projected = models.DurationField(
        "recovery takes more than",
        null=True,
        blank=True,
        validators=[MinValueValidator(timedelta(seconds=1))],
        help_text="The time from the announcement to the expected recovery. Leave empty if it does not count.",
    )
    priority = models.PositiveSmallIntegerField(
        "priority at least",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text="The level of the least important priority: 2 means 1 or 2. Leave empty if it does not count.",
    )
    severity = models.CharField(
        "severity at least", max_length=8, choices=Severity, blank=True, help_text="Leave empty if it does not count."
    )

    class Meta:
        ordering = ("number",)
        constraints = [
            models.CheckConstraint(
                condition=Q(priority__isnull=True) | Q(priority__gte=1, priority__lte=5),
                name="ring_priority_one_to_five",
                violation_error_message="A priority's level is 1, 2, 3, 4 or 5.",
            ),
            TriggerConstraint(
                name="ring_around_its_groups",
                on="UPDATE OF boundary",
                violated=f"""EXISTS (
                    SELECT FROM stakeholders_stakeholdergroup
                    WHERE ring_id = NEW.id AND {reach("openness")} > {reach("NEW.boundary")}
                )""",
                violation_error_message=BEYOND,
            ),
        ]

    def __str__(self) -> str:
        return f"ring {self.number}: {self.name}"

    def clean(self) -> None:
        """Raises ValidationError if one of its groups is open to people beyond its boundary."""
        for group in self.groups.all() if self.pk else ():
            if why := self.too_open(group.openness):
                raise ValidationError({"boundary": f"{group}: {why}"})

    def too_open(self, openness: str) -> str:
        """Returns why a group that is open to these people cannot lie in this ring; empty if it can."""
        if REACH[openness] <= REACH[self.boundary]:
            return ""
        return f"The people in {self} work {self.get_boundary_display()}: a group in it cannot be open to more people."

    @property
    def rule(self) -> Rule:
        return Rule(self.match, self.elapsed, self.projected, self.priority, self.severity)
