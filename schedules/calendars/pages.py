"""The page from which calendar programs read the shifts of a person, a schedule or a team."""

from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from schedules import clock
from schedules.calendars import export
from schedules.models import CalendarLink


@require_safe
@cache_control(private=True, max_age=60)
def calendar(request: HttpRequest, token: str) -> HttpResponse:
    """Returns the shifts of a calendar link as iCalendar. Needs no login, because the token is secret."""
    links = CalendarLink.objects.select_related("user", "schedule", "team").filter(owner__is_active=True)
    link = get_object_or_404(links, token=token)
    shifts = export.export(clock.now(), user=link.user, schedule=link.schedule, team=link.team)
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
