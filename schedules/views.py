from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from schedules.models import Schedule, Team, User
from schedules.oncall import HORIZON, Duty, line, with_plan


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule at an instant: who has it (user None: a gap), until when, and who then."""

    schedule: Schedule
    now: Duty
    until: datetime | None
    next: Duty | None


@login_required
def on_call_now(request: HttpRequest) -> HttpResponse:
    """Who is on call now, all schedules by team; anyone who is logged in may read it."""
    assert isinstance(request.user, User)
    now = timezone.now()
    planned = with_plan(Schedule.objects.select_related("team").order_by("team__name", "name"), now, now + HORIZON)
    teams = _by_team(_watch(schedule, now) for schedule in planned)
    context = {"teams": teams, "now": now, "zone": request.user.time_zone}
    return render(request, "schedules/on_call.html", context)


def _watch(planned: Schedule, now: datetime) -> Watch:
    first, *later = line(planned, now, now + HORIZON)
    return Watch(planned, first, first.end if later else None, later[0] if later else None)


def _by_team(watches: Iterable[Watch]) -> list[tuple[Team | None, list[Watch]]]:
    """Watches in order of their teams → each team with its own: main first, then its backups."""
    return [(team, sorted(own, key=_rank)) for team, own in groupby(watches, key=lambda watch: watch.schedule.team)]


def _rank(watch: Watch) -> tuple[int, str]:
    return min((layer.position for layer in watch.schedule.layers.all()), default=0), watch.schedule.name
