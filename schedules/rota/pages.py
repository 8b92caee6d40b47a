from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import groupby

from django.contrib.auth.decorators import login_required
from django.db.models import Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.http import require_http_methods, require_safe

from schedules.arrangements import pages
from schedules.calendars import export
from schedules.models import CalendarLink, Schedule, User
from schedules.oncall import HORIZON, Duty, Timetable, timetables
from schedules.people import reach

MOMENT = timedelta(seconds=1)  # enough to say who comes next; until when they stay is not shown


@dataclass(frozen=True, slots=True)
class Watch:
    """A schedule at an instant: who has it (user None: a gap), until when, and who then."""

    schedule: Schedule
    now: list[Duty]
    until: datetime | None
    next: list[Duty]


@login_required
def on_call_now(request: HttpRequest) -> HttpResponse:
    """Who is on call now, all schedules by team; anyone who is logged in may read it."""
    assert isinstance(request.user, User)
    now = timezone.now()
    schedules = Schedule.objects.select_related("team").annotate(rank=Min("layers__position"))
    ordered = list(schedules.order_by("team__name", "rank", "name"))
    tables = timetables([schedule.pk for schedule in ordered], now, now + HORIZON)
    watches = [_watch(schedule, tables[schedule.pk], now) for schedule in ordered if schedule.pk in tables]
    # Main first, then its backups.
    teams = [(team, list(own)) for team, own in groupby(watches, key=lambda watch: watch.schedule.team)]
    named = (duty.user for watch in watches for duty in (*watch.now, *watch.next))
    unreachable = reach.unreachable(user.pk for user in named if user)
    context = {"teams": teams, "now": now, "zone": request.user.time_zone, "unreachable": unreachable}
    return render(request, "schedules/on_call.html", context)


def _watch(schedule: Schedule, table: Timetable, now: datetime) -> Watch:
    current = table.now(now)
    until = current[0].end
    if until >= now + HORIZON:
        return Watch(schedule, current, None, [])
    return Watch(schedule, current, until, table.duties(until, until + MOMENT))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """One's own shifts, swaps, absences and hand-over notes."""
    assert isinstance(request.user, User)
    act = pages.act if request.method == "POST" else pages.show
    return act(request, request.user, timezone.now())


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_swap(request: HttpRequest) -> HttpResponse:
    """Whom to ask to take one shift; which one it is stands in the address."""
    assert isinstance(request.user, User)
    return pages.ask_for_swap(request, request.user, timezone.now())


@require_safe
@cache_control(private=True, max_age=60)
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """The shifts of a calendar link as iCalendar; no login, the token is the key."""
    links = CalendarLink.objects.select_related("user", "schedule", "team").filter(owner__is_active=True)
    link = get_object_or_404(links, token=token)
    shifts = export.export(timezone.now(), user=link.user, schedule=link.schedule, team=link.team)
    etag = quote_etag(sha256(shifts).hexdigest())
    response = HttpResponse(
        shifts,
        content_type="text/calendar; charset=utf-8",
        headers={
            "ETag": etag,
            "Content-Disposition": 'inline; filename="on-call.ics"',
            "Referrer-Policy": "no-referrer",
        },
    )
    return get_conditional_response(request, etag=etag, response=response) or response
