from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from schedules.models import Schedule
from schedules.oncall import HORIZON, on_call_planned, with_plan


@login_required
def on_call_now(request: HttpRequest) -> HttpResponse:
    """Who is on call now, all schedules by team; anyone who is logged in may read it."""
    now = timezone.now()
    planned = with_plan(Schedule.objects.select_related("team").order_by("team__name", "name"), now, now + HORIZON)
    rows = [(schedule, on_call_planned(schedule, now)) for schedule in planned]
    return render(request, "schedules/on_call.html", {"rows": rows, "now": now})
