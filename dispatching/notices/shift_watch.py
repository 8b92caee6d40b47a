"""Sends reminders before shifts and handovers at shift changes, for the schedules that ask for them (A12).

Each such schedule has a row whose `due_at` is the next moment at which somebody must be told, at most a quarter of an hour
ahead, so that edits are noticed in time. A check tells people and sets the next `due_at` in one transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from dispatching.alerts import links, page_words
from dispatching.models import Alert, Notice, Service, ShiftWatch
from dispatching.notices import notices
from schedules.models import HandoverNote, Schedule, User
from schedules.oncall import HORIZON, Duty, OnDuty, Timetable, timetables
from schedules.rules.hours import joined
from schedules.surfaces.public_urls import public_url
from schedules.templatetags.times import moment

log = structlog.get_logger(__name__)
PASS = 10  # rows for each call, so that steps also run at the hour at which every schedule hands over
LOOK = timedelta(minutes=15)
RETRY = timedelta(minutes=1)
LOOKBACK = timedelta(days=35)
NOTE_AGE = timedelta(days=14)
ALERTS = 20  # the alerts listed in a handover; the others are only counted


@dataclass(frozen=True, slots=True)
class Stretch:
    """A person's unbroken time on duty on one schedule, for whatever reasons. UTC, the end excluded."""

    user: User
    start: datetime
    end: datetime


def watch_due(now: datetime) -> int:
    """Checks up to PASS schedules that are due. Returns how many it checked."""
    _enrol(now)
    done = 0
    while done < PASS and ShiftWatch.objects.filter(due_at__lte=now).exists() and _look_at_one(now):
        done += 1
    return done


def _enrol(now: datetime) -> None:
    """Creates a watch, due at once, for each schedule that needs one and has none."""
    watched = ShiftWatch.objects.filter(schedule=OuterRef("pk"))
    asking = Schedule.objects.filter(Q(remind__isnull=False) | Q(hands_over=True), ~Exists(watched))
    new = [ShiftWatch(schedule_id=pk, due_at=now) for pk in asking.values_list("pk", flat=True)]
    ShiftWatch.objects.bulk_create(new, ignore_conflicts=True)


def _look_at_one(now: datetime) -> bool:
    """Checks the schedule that has been due longest, skipping locked rows; False if there is none."""
    with transaction.atomic():
        due = ShiftWatch.objects.filter(due_at__lte=now).select_related("schedule")
        watch = due.select_for_update(of=("self",), skip_locked=True).order_by("due_at").first()
        if watch is None:
            return False
        try:
            with transaction.atomic():
                _look(watch, now)
        except (
            Exception
        ):  # one schedule that cannot be read must not hold up the others (faults A15), so it is tried again later
            log.exception("watch_parked", schedule=watch.schedule_id)
            ShiftWatch.objects.filter(pk=watch.pk).update(due_at=now + RETRY)
    return True


def _look(watch: ShiftWatch, now: datetime) -> None:
    schedule, seen = watch.schedule, watch.seen_until
    if schedule.remind is None and not schedule.hands_over:
        watch.delete()
        return
    ahead = now + (schedule.remind or timedelta(0)) + LOOK
    table = timetables([schedule.pk], now - LOOKBACK, ahead + HORIZON)[schedule.pk]
    since = min(max(seen or now, now - LOOKBACK), now)
    line = stretches(table.duties(since, ahead))
    on = [stretch for stretch in line if stretch.start <= now < stretch.end]
    if schedule.remind is not None:
        for stretch in line:
            if now < stretch.start <= now + schedule.remind:
                _remind(schedule, table, stretch, now)
    if schedule.hands_over and seen is not None:
        for stretch in on:
            if stretch.user.pk not in watch.on_duty or stretch.start > seen:
                _hand_over(watch, table, stretch.user, now)
    watch.due_at = _next(schedule, line, now)
    watch.seen_until, watch.on_duty = now, [stretch.user.pk for stretch in on]
    watch.save(update_fields=["due_at", "seen_until", "on_duty"])


def stretches(duties: Iterable[Duty]) -> list[Stretch]:
    """The stretches of all people, in order of start: duties without a break between them are joined."""
    people: dict[int, User] = {}
    spans: dict[int, list[tuple[datetime, datetime]]] = {}
    for duty in duties:
        if duty.user:
            people[duty.user.pk] = duty.user
            spans.setdefault(duty.user.pk, []).append((duty.start, duty.end))
    line = [Stretch(people[pk], *span) for pk, own in spans.items() for span in joined(own)]
    return sorted(line, key=lambda stretch: (stretch.start, stretch.user.pk))


def _next(schedule: Schedule, line: list[Stretch], now: datetime) -> datetime:
    """The next moment at which somebody must be told, at most LOOK ahead."""
    moments = [now + LOOK]
    if schedule.hands_over:
        moments += [entry.start for entry in line]
    if schedule.remind is not None:
        moments += [entry.start - schedule.remind for entry in line]
    return min(entry for entry in moments if entry > now)


def _remind(schedule: Schedule, table: Timetable, shift: Stretch, now: datetime) -> None:
    user, start = shift.user, shift.start
    whole = _whole(table, user, start, start)
    subject = f"Your shift on {schedule.name} starts on {moment(start, user.time_zone)}"
    facts, url = _facts(schedule, table, whole, start), public_url("on_call")
    key = f"shift/{schedule.pk}/{start:%Y-%m-%dT%H:%M:%SZ}"
    notices.tell(user, key, Notice.Kind.REMINDER, subject, facts, now=now, url=url, until=start)


def _hand_over(watch: ShiftWatch, table: Timetable, user: User, now: datetime) -> None:
    """Tells a person that their shift has begun. The key names the last check, and the watch moves on in the same transaction,
    so that nobody is told twice."""
    schedule, seen = watch.schedule, watch.seen_until
    whole = _whole(table, user, now, now - LOOKBACK)
    facts = _facts(schedule, table, whole, now)
    before = table.on_call(whole.start - timedelta(microseconds=1))
    context = {
        **facts,
        "before": [name for name in _names(before) if name not in (user.name, *facts["others"])],
        "gap_before": not before,
        "note": HandoverNote.objects.filter(schedule=schedule, at__gt=now - NOTE_AGE).select_related("by").first(),
        **_open_alerts(schedule, user),
    }
    subject, url = f"You are now on duty: {schedule.name}", public_url("on_call")
    key = f"handover/{schedule.pk}/{seen:%Y-%m-%dT%H:%M:%S.%fZ}"
    notices.tell(user, key, Notice.Kind.HANDOVER, subject, context, now=now, url=url, until=whole.end)


def _whole(table: Timetable, user: User, at: datetime, start: datetime) -> Stretch:
    """The person's stretch that includes `at`, searched from `start` to HORIZON after `at`."""
    line = stretches(table.duties(start, at + HORIZON))
    return next(stretch for stretch in line if stretch.user == user and stretch.start <= at < stretch.end)


def _facts(schedule: Schedule, table: Timetable, whole: Stretch, at: datetime) -> dict[str, Any]:
    """The facts for both messages: start and end of the shift (None: too far away), the reason, and others on duty at `at`."""
    duties = table.on_call(at)
    return {
        "schedule": schedule,
        "start": whole.start if whole.start > at - LOOKBACK else None,
        "until": whole.end if whole.end < at + HORIZON else None,
        "why": next(duty.why for duty in duties if duty.user == whole.user),
        "others": _names(duty for duty in duties if duty.user != whole.user),
    }


def _names(duties: Iterable[OnDuty]) -> list[str]:
    return [duty.user.name for duty in duties]


def _open_alerts(schedule: Schedule, user: User) -> dict[str, Any]:
    """The open alerts that could page this schedule, with links for this person; the most important first, then the newest."""
    services = Service.objects.filter(policy__steps__targets__schedule=schedule)
    alerts = Alert.objects.going_on().filter(service__in=services)
    listed = alerts.select_related("service", "priority", "acknowledged_by").order_by("priority__level", "-pk")[:ALERTS]
    recipient = notices.recipient_of(user)
    lines = [(alert, page_words.subject(alert), links.link(alert, recipient)) for alert in listed]
    return {"alerts": lines, "more": alerts.count() - ALERTS if len(lines) == ALERTS else 0}
