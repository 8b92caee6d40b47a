"""Escalation policies as data: the people to page, and the order. Their behaviour is in `dispatching.rules.escalation`."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Prefetch, Q

from schedules.models import Grantable, Schedule, Team, User


class EscalationPolicy(Grantable):
    """A chain of steps that stops at the first acknowledgement."""

    name = models.CharField(max_length=100, unique=True, help_text="For example: Team 1.")
    team = models.ForeignKey(
        Team,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="policies",
        help_text="The team that agreed to this policy.",
    )
    repeat = models.PositiveSmallIntegerField(
        default=1,
        validators=[MaxValueValidator(20)],
        help_text="How many more times the steps run, from the first one, if nobody acknowledges.",
    )
    description = models.TextField(blank=True, help_text="The agreement behind the policy: who agreed, and when.")

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "escalation policies"

    def __str__(self) -> str:
        return self.name

    def snapshot(self) -> dict[str, Any]:
        """The policy as plain values. A running escalation follows its snapshot, whatever is edited later (A52)."""
        return snapshots([self])[self.pk]


class Step(models.Model):
    """One step of a policy: pages its targets and gives them some time before the next step runs."""

    policy = models.ForeignKey(EscalationPolicy, models.CASCADE, related_name="steps")
    order = models.PositiveSmallIntegerField(default=0, help_text="Steps run in this order, lowest first.")
    escalate_after = models.DurationField(
        default=timedelta(hours=1),
        validators=[MinValueValidator(timedelta(seconds=1)), MaxValueValidator(timedelta(days=7))],
        help_text="How long these people have to acknowledge before the next step runs, as hours:minutes:seconds.",
    )

    class Meta:
        ordering = ("order", "pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(escalate_after__gte=timedelta(seconds=1)),
                name="step_gives_time",
                violation_error_message="A step must give its people at least one second.",
            )
        ]

    def __str__(self) -> str:
        return f"step {self.order + 1} of {self.policy}"


class Target(models.Model):
    """One target of a step: exactly one of a schedule, a person, a team, or a group of people across teams."""

    KINDS = ("schedule", "user", "team", "group")

    step = models.ForeignKey(Step, models.CASCADE, related_name="targets")
    schedule = models.ForeignKey(
        Schedule,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The people who are on duty there when the step runs.",
    )
    user = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="person", help_text="This person."
    )
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="+", help_text="Everyone on the team, on call or not."
    )
    group = models.ForeignKey(
        Group,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Everyone in a group of people across teams.",
    )

    class Meta:
        ordering = ("pk",)
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(schedule__isnull=False, user__isnull=True, team__isnull=True, group__isnull=True)
                    | Q(schedule__isnull=True, user__isnull=False, team__isnull=True, group__isnull=True)
                    | Q(schedule__isnull=True, user__isnull=True, team__isnull=False, group__isnull=True)
                    | Q(schedule__isnull=True, user__isnull=True, team__isnull=True, group__isnull=False)
                ),
                name="target_is_exactly_one",
                violation_error_message="A target is exactly one of: a schedule, a person, a team, a group.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.of}"

    @property
    def kind(self) -> str:
        return next(kind for kind in self.KINDS if getattr(self, f"{kind}_id") is not None)

    @property
    def of(self) -> Any:
        """The schedule, person, team or group itself."""
        return getattr(self, self.kind)

    def snapshot(self) -> dict[str, Any]:
        return {"type": self.kind, "id": self.of.pk, "name": str(self.of)}


def snapshots(policies: Iterable[EscalationPolicy]) -> dict[int, dict[str, Any]]:
    """The snapshots of many policies, by id, in two queries for any number of them."""
    whole: dict[int, dict[str, Any]] = {
        policy.pk: {"policy": policy.pk, "name": policy.name, "repeat": policy.repeat, "steps": []}
        for policy in policies
    }
    named = Prefetch("targets", Target.objects.select_related("schedule", "user", "team", "group"))
    for step in Step.objects.filter(policy__in=whole).prefetch_related(named):
        targets = [target.snapshot() for target in step.targets.all()]
        span = step.escalate_after.total_seconds()
        whole[step.policy_id]["steps"].append({"escalate_after": span, "targets": targets})
    return whole
