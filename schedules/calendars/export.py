"""Our shifts as iCalendar (RFC 5545), and the secret links under which calendar programs read them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from django.db.models import Q, QuerySet
from icalendar import Calendar, Event, Timezone, TimezoneStandard

from schedules.calendars.occurrences import USERNAME
from schedules.models import CalendarLink, FeedEntry, Override, Participant, RotationVersion, Schedule, Team, User
from schedules.oncall import Duty, timetables
from schedules.surfaces.public_urls import public_host, public_url

BACK, AHEAD = timedelta(days=30), timedelta(days=181)
# A shift is identified by its start; this is how far back the start is looked for.
LONGEST_SHIFT = timedelta(days=400)
REFRESH = timedelta(minutes=15)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def calendar_link(
    owner: User, *, user: User | None = None, schedule: Schedule | None = None, team: Team | None = None
) -> CalendarLink:
    """The owner's link to the shifts of one person, schedule or team; created if there is none yet."""
    wanted = {"owner": owner, "user": user, "schedule": schedule, "team": team}
    return CalendarLink.objects.filter(**wanted).first() or CalendarLink.objects.create(**wanted)


def address(link: CalendarLink) -> str:
    return public_url("calendar", link.token)


def export(
    now: datetime, *, user: User | None = None, schedule: Schedule | None = None, team: Team | None = None
) -> bytes:
    """The shifts of one person, schedule or team as iCalendar, from 30 days ago to 180 days ahead, without gaps.

    Returns the same bytes for a whole UTC day unless a shift changes. It is a published calendar without METHOD, which would
    demand an organizer (RFC 5546 3.2.1), and without attendees, who belong to invitations (RFC 5545 3.8.4.1).
    """
    today = datetime.combine(now.astimezone(UTC).date(), time(0), UTC)
    name = _plain(f"On call: {user or schedule or team}")
    calendar = Calendar()
    calendar.add("PRODID", "-//Tocsin//On call//EN")
    calendar.add("VERSION", "2.0")
    calendar.add("NAME", name)
    calendar.add("X-WR-CALNAME", name)
    calendar.add("REFRESH-INTERVAL", REFRESH, {"VALUE": "DURATION"})
    calendar.add("X-PUBLISHED-TTL", REFRESH)
    schedules = _schedules(user=user, schedule=schedule, team=team)
    for rota, duty in _shifts(schedules, today):
        if duty.user and user in (None, duty.user):
            calendar.add_component(_event(rota, duty, duty.user, today))
    if not calendar.subcomponents:
        calendar.add_component(_utc())
    return calendar.to_ical()


def _utc() -> Timezone:
    """A calendar must have one component (RFC 5545 3.6), also if nobody has a shift; this one shows nothing."""
    zone, standard = Timezone(), TimezoneStandard()
    zone.add("TZID", "UTC")
    standard.add("DTSTART", datetime(1970, 1, 1))
    standard.add("TZOFFSETFROM", timedelta(0))
    standard.add("TZOFFSETTO", timedelta(0))
    zone.add_component(standard)
    return zone


def _schedules(*, user: User | None, schedule: Schedule | None, team: Team | None) -> QuerySet[Schedule]:
    if schedule:
        return Schedule.objects.filter(pk=schedule.pk)
    if team:
        return Schedule.objects.filter(team=team)
    assert user
    versions = RotationVersion.objects.filter(crews__contains=[[user.pk]]).values("rotation")
    turns = Participant.objects.filter(Q(user=user) | Q(partner=user)).values("rotation")
    rotations = Q(layers__rotation__in=turns) | Q(layers__rotation__in=versions)
    calendars = Q(layers__feed__in=FeedEntry.objects.filter(user=user).values("feed"))
    overrides = Q(pk__in=Override.objects.filter(user=user).values("schedule"))
    return Schedule.objects.filter(rotations | calendars | overrides).distinct()


def _shifts(schedules: QuerySet[Schedule], today: datetime) -> Iterator[tuple[Schedule, Duty]]:
    start, end = today - BACK - LONGEST_SHIFT, today + AHEAD
    named = {schedule.pk: schedule for schedule in schedules.order_by("name")}
    tables = timetables(named, start, end)
    for pk, schedule in named.items():
        for duty in tables[pk].duties(start, end) if pk in tables else ():
            if duty.end > today - BACK:
                yield schedule, duty


def _event(schedule: Schedule, duty: Duty, user: User, today: datetime) -> Event:
    event = Event()
    event.add("UID", _uid(schedule, duty, user, today))
    event.add("DTSTAMP", today)
    event.add("DTSTART", duty.start)
    event.add("DTEND", duty.end)
    event.add("SUMMARY", _plain(f"On call: {schedule} – {user.name}"))
    event.add("DESCRIPTION", _plain(duty.why))
    event.add("TRANSP", "TRANSPARENT")  # people on call still count as free
    event.add(USERNAME, _plain(user.username))
    return event


def _uid(schedule: Schedule, duty: Duty, user: User, today: datetime) -> str:
    """A stable id for a shift: schedule, person and start, because a person has one shift at a time on a schedule.

    A shift whose start lies too far back to be found has “always” instead of its start.
    """
    endless = duty.start <= today - BACK - LONGEST_SHIFT
    since = "always" if endless else f"{duty.start:%Y%m%dT%H%M%SZ}"
    return f"{schedule.pk}-{user.pk}-{since}@{public_host()}"


def _plain(text: str) -> str:
    """Replaces characters that calendar programs do not accept, such as control characters, with spaces."""
    return CONTROL.sub(" ", text)
