"""People and steps of policies that cannot be reached, so that an edit can say whom it silences (C9)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q

from dispatching.models import ContactPoint, EscalationPolicy
from dispatching.models.policy import snapshots
from dispatching.policies.forecast import Forecast, Run, forecast, last_resort
from schedules.models import User
from schedules.surfaces.left_open import Look
from schedules.templatetags.times import day_and_time

NO_LAST_RESORT = "Nobody can be told when a policy ends: no recipient marked as last resort can be reached."


def silent(people: set[int], schedules: set[int], moments: list[datetime]) -> Look:
    """A look at these people, and at the policies that page them, a team or group of theirs, or one of these schedules."""
    by_group = Q(steps__targets__team__user__in=people) | Q(steps__targets__group__user__in=people)
    named = Q(steps__targets__user__in=people) | Q(steps__targets__schedule__in=schedules)
    policies = list(EscalationPolicy.objects.filter(named | by_group).distinct().order_by("name"))
    return lambda: {**_people(people), **_steps(policies, moments), **_last_resort()}


def _people(people: set[int]) -> dict[Any, str]:
    reached = ContactPoint.objects.usable().filter(recipient__user__in=people).values("recipient__user")
    users = User.objects.filter(pk__in=people, is_active=True).exclude(pk__in=reached)
    return {user: f"{user} cannot be reached: there is no verified contact point in use." for user in users}


def _steps(policies: list[EscalationPolicy], moments: list[datetime]) -> dict[Any, str]:
    sentences: dict[Any, str] = {}
    frozen = snapshots(policies)
    for at in moments:
        when = "" if at == moments[0] else f" from {day_and_time(at.astimezone(UTC))} UTC"
        for policy in policies:
            sentences = {**_of_policy(policy, forecast(frozen[policy.pk], at), when), **sentences}
    return sentences


def _of_policy(policy: EscalationPolicy, ahead: Forecast, when: str) -> Mapping[Any, str]:
    deaf = [run for run in ahead.runs if not run.reached]
    if len(deaf) > 1 and len(deaf) == len(ahead.runs):
        return {policy: f"The policy “{policy}” reaches nobody{when}."}
    return {
        (policy, run.step.number): f"Step {run.step.number} of the policy “{policy}” reaches nobody{when}: {_why(run)}."
        for run in deaf
    }


def _last_resort() -> dict[Any, str]:
    return {} if any(told.reachable for told in last_resort()) else {"last resort": NO_LAST_RESORT}


def _why(run: Run) -> str:
    return "; ".join([*run.empty, *(f"{told.name} cannot be reached" for told in run.told)])
