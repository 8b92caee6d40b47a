"""Handover notes: left by the person who was on duty for the person who comes next."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schedules.arrangements.turns import Tables
from schedules.models import HandoverNote, Schedule, User
from schedules.oncall import Timetable, timetables
from schedules.refused import Refused

# A person may write a note while on duty and for this long afterwards.
BACK = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


def write(schedule: Schedule, by: User, text: str, now: datetime) -> HandoverNote:
    """Saves a note; raises Refused unless `by` is on duty on the schedule now, or was within the last day."""
    table = timetables([schedule.pk], now - BACK, now + MOMENT)[schedule.pk]
    if not _was_on_duty(table, by, now):
        raise Refused(f"{by.name} has not been on duty on {schedule.name} within the last day.")
    return HandoverNote.objects.create(schedule=schedule, by=by, at=now, text=text)


def writable(tables: Tables, user: User, now: datetime) -> list[Schedule]:
    """The schedules on which this person may write a note; `tables` must reach back a day."""
    return [schedule for schedule, table in tables if _was_on_duty(table, user, now)]


def newest(schedules: Iterable[Schedule]) -> dict[int, HandoverNote]:
    """The last note of each schedule, by the schedule's id."""
    notes = HandoverNote.objects.filter(schedule__in=list(schedules)).select_related("by")
    return {note.schedule_id: note for note in notes.order_by("schedule_id", "-pk").distinct("schedule_id")}


def _was_on_duty(table: Timetable, user: User, now: datetime) -> bool:
    return any(duty.user == user for duty in table.duties(now - BACK, now + MOMENT))
