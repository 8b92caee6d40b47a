"""The page “Who is on call”, open to everybody who is logged in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from schedules import clock
from schedules.models import Schedule
from schedules.oncall import HORIZON, Duty, Timetable, timetables
from schedules.people import reach
from schedules.surfaces.access import person

MOMENT = timedelta(seconds=1)  # enough to find who comes next, because the end of their duty is not shown


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule at an instant: who is on duty (user None is a gap), until when, and who comes next.

    `until` is None, and `next` empty, if nothing changes within HORIZON.
    """

    schedule: Schedule
    now: list[Duty]
    until: datetime | None
    next: list[Duty]


@login_required
def on_call_now(request: HttpRequest) -> HttpResponse:
    """Shows who is on call now on all schedules, by team; everybody who is logged in may read it."""
    now = clock.now()
    schedules = Schedule.objects.select_related("team").annotate(rank=Min("layers__position"))
    ordered = list(schedules.order_by("team__name", "rank", "name"))
    tables = timetables([schedule.pk for schedule in ordered], now, now + HORIZON)
    watches = [_watch(schedule, tables[schedule.pk], now) for schedule in ordered if schedule.pk in tables]
    # Main first, then its backups.
    teams = [(team, list(own)) for team, own in groupby(watches, key=lambda watch: watch.schedule.team)]
    named = (duty.user for watch in watches for duty in (*watch.now, *watch.next))
    unreachable = reach.unreachable(user.pk for user in named if user)
    context = {"teams": teams, "now": now, "zone": person(request).time_zone, "unreachable": unreachable}
    return render(request, "schedules/on_call.html", context)


def _watch(schedule: Schedule, table: Timetable, now: datetime) -> Watch:
    current = table.duties_from(now)
    until = current[0].end
    if until >= now + HORIZON:
        return Watch(schedule, current, None, [])
    return Watch(schedule, current, until, table.duties(until, until + MOMENT))
