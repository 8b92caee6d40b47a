"""Teams that depend on a service of another team: their people on call are told about its outages (B146, B147)."""

from django.db import models

from schedules.models import Schedule
from stakeholders.models.audience import StakeholderGroup
from stakeholders.models.news import Update


class ScheduleSubscription(models.Model):
    """A schedule as a member of a group: the people on duty when a message is passed on are told."""

    schedule = models.ForeignKey(
        Schedule,
        models.CASCADE,
        related_name="subscriptions",
        help_text="The people on call on it are told, on their own contact points.",
    )
    group = models.ForeignKey(
        StakeholderGroup,
        models.PROTECT,
        related_name="schedules",
        help_text="The group whose messages they get: one that covers what the team depends on.",
    )
    since = models.DateTimeField(editable=False)

    class Meta:
        ordering = ("schedule__name", "group__name")
        verbose_name = "team's subscription"
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "group"],
                name="schedule_once_a_group",
                violation_error_message="This schedule is already in this group.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.schedule} for {self.group}"


class TeamTold(models.Model):
    """The record that an update was passed on to the people on duty; a constraint allows one for each schedule and group.

    If `names` is empty, nobody was on duty.
    """

    update = models.ForeignKey(Update, models.CASCADE, related_name="teams_told")
    subscription = models.ForeignKey(ScheduleSubscription, models.CASCADE, related_name="told")
    at = models.DateTimeField()
    names = models.TextField(blank=True)

    class Meta:
        ordering = ("pk",)
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["update", "subscription"], name="update_once_a_schedule")]

    def __str__(self) -> str:
        return f"{self.update}: {self.names or 'nobody on duty'}"
