"""Who is on duty: for one schedule `on_call`, `shifts_of` and `load_of`; for many `duties_at` and `duties_between`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from schedules import holidays
from schedules.models import Absence, Schedule, User
from schedules.models.zones import zone_of
from schedules.rules.coverage import CLOSED, MISSING, Cover, LayerPlan, Line, On, layer_shifts, on_duty, shifts
from schedules.rules.hours import DAY, Window, days, joined, parse
from schedules.rules.load import Load, loads, stretches
from schedules.rules.plans import Plan
from schedules.rules.rotation import Period

log = structlog.get_logger(__name__)

# How far ahead the end of a duty is looked for; most ends are found in the first few days.
HORIZON = timedelta(days=70)
SOON = timedelta(days=8)
EVER = datetime.max.replace(tzinfo=UTC)

# Everything that the rules need about any number of schedules, in one query.
PLANS = """
SELECT schedule.id,
    (SELECT jsonb_agg(jsonb_build_object(
        'name', coalesce(rotation.name, feed.name), 'position', layer.position, 'hours', layer.hours,
        'holidays', layer.holidays, 'adds', layer.adds, 'feed', feed.id, 'fills', rotation.fills,
        'zone', coalesce(rotation.time_zone, feed.time_zone),
        'plans', (
            SELECT jsonb_agg(jsonb_build_object('unit', unit, 'every', every, 'first_day', first_day,
                'duty_days', duty_days, 'handover', handover, 'zone', time_zone, 'crews', crews,
                'since', since, 'first', first) ORDER BY turn)
            FROM (
                SELECT unit, every, first_day, duty_days, handover, time_zone, crews, since, first, version.id AS turn
                FROM schedules_rotationversion version WHERE version.rotation_id = rotation.id
                UNION ALL
                SELECT rotation.unit, rotation.every, rotation.first_day, rotation.duty_days, rotation.handover,
                    rotation.time_zone, (
                    SELECT jsonb_agg(to_jsonb(array_remove(ARRAY[user_id, partner_id], NULL)) ORDER BY "order", id)
                    FROM schedules_participant participant WHERE participant.rotation_id = rotation.id
                ), rotation.since, rotation.first, NULL
            ) plan
        ),
        'entries', (
            SELECT jsonb_agg(jsonb_build_array(user_id, start, "end") ORDER BY start)
            FROM schedules_feedentry entry
            WHERE entry.feed_id = feed.id AND "end" > %(start)s AND start < %(end)s
        )
    ) ORDER BY layer."order", layer.id)
    FROM schedules_layer layer LEFT JOIN schedules_rotation rotation ON rotation.id = layer.rotation_id
    LEFT JOIN schedules_calendarfeed feed ON feed.id = layer.feed_id WHERE layer.schedule_id = schedule.id),
    (SELECT jsonb_agg(jsonb_build_object('user', user_id, 'start', start, 'end', "end", 'reason', reason,
        'instead_of', instead_of_id, 'swap', EXISTS (
            SELECT FROM schedules_swaprequest_overrides swapped WHERE swapped.override_id = override.id
        )) ORDER BY override.id)
    FROM schedules_override override
    WHERE override.schedule_id = schedule.id AND "end" > %(start)s AND start < %(end)s)
FROM schedules_schedule schedule WHERE schedule.id = ANY(%(ids)s)
"""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A person on duty, until when, and which layer, override or swap says so.

    `until` is UTC; None means no change within 70 days.
    """

    user: User
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A shift with its person; `user` is None in a gap. Bounds are UTC, the end excluded.

    `closed`: the gap is intended, because it lies outside the hours of the schedule's layers.
    """

    user: User | None
    start: datetime
    end: datetime
    why: str
    closed: bool = False


class Timetable:
    """One schedule, with everything needed to say who is on duty; makes no queries."""

    def __init__(self, line: Line, people: dict[int, User]):
        self.line, self.people = line, people

    def on_call(self, at: datetime) -> list[OnDuty]:
        """Who is on duty at `at`; empty in a gap."""
        on, until = self._now(at)
        end = until if until < at + HORIZON else None
        return [OnDuty(self.people[holder.person], end, self.why(holder)) for holder in on if holder.person is not None]

    def duties_from(self, at: datetime) -> list[Duty]:
        """The people on duty at `at`, or the gap, from then until something changes (at most HORIZON)."""
        on, until = self._now(at)
        return [self._duty(holder, at, until) for holder in on]

    def duties_at(self, at: datetime) -> list[Duty]:
        """The people on duty at `at`, or the gap; their end has no meaning."""
        end = at + timedelta(microseconds=1)
        return [self._duty(holder, at, end) for holder in on_duty(self.line, at, end)[0]]

    def duties(self, start: datetime, end: datetime) -> list[Duty]:
        """Every shift that touches [start, end), cut to it, gaps included; sorted by start."""
        return [self._duty(shift.on, shift.start, shift.end) for shift in shifts(self.line, start, end)]

    def layer_duties(self, start: datetime, end: datetime) -> list[tuple[str, list[Duty]]]:
        """The shifts of each layer alone, as (name, shifts), the lowest layer first."""
        return [
            (layer.name, [self._duty(s.on, s.start, s.end) for s in layer_shifts(self.line, number, start, end)])
            for number, layer in enumerate(self.line.layers)
        ]

    def longer_than(self, limit: timedelta, start: datetime, end: datetime) -> list[tuple[User, datetime, datetime]]:
        """The times [start, end) of more than `limit` without a break for the same person, in order."""
        long = [
            (self.people[who], left, right)
            for who, line in stretches(shifts(self.line, start, end)).items()
            for left, right in line
            if right - left > limit
        ]
        return sorted(long, key=lambda span: (span[1], span[0].username))

    def load(self, start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[User, Load]]:
        entries = loads(shifts(self.line, start, end), zone).items()
        return sorted(
            ((self.people[who], load) for who, load in entries), key=lambda entry: (-entry[1].total, entry[0].username)
        )

    def why(self, on: On) -> str:
        other = self.people.get(on.instead_of) if on.instead_of is not None else None
        if on.person is not None:
            return f"{on.why}, in place of {other.name}" if other else on.why
        reason = on.why
        if on.why == MISSING:
            who = other.name if other else "the person whose turn it would be"
            reason = f"{who} is {'away' if other and other.is_active else 'no longer active'}"
        return f"nobody is on duty: {reason}"

    def _now(self, at: datetime) -> tuple[list[On], datetime]:
        on, until = on_duty(self.line, at, at + SOON)
        return (on, until) if until < at + SOON else on_duty(self.line, at, at + HORIZON)

    def _duty(self, on: On, start: datetime, end: datetime) -> Duty:
        return Duty(self.people[on.person] if on.person is not None else None, start, end, self.why(on), on == CLOSED)


def timetables(schedules: Iterable[int], start: datetime, end: datetime) -> dict[int, Timetable]:
    """The timetables of these schedules by id, valid for any instant in [start, end).

    Makes three queries for any number of schedules, none for an empty list. Schedules that do not exist are left out.
    """
    ids = list(schedules)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PLANS, {"ids": ids, "start": start, "end": end})
        answer = cursor.fetchall()
    records = [(pk, _loads(layers), _loads(covers)) for pk, layers, covers in answer]
    plans = {
        pk: ([_layer(layer, start, end) for layer in layers], [_cover(c) for c in covers])
        for pk, layers, covers in records
    }
    people = User.objects.in_bulk({person for layers, covers in plans.values() for person in _named(layers, covers)})
    away: dict[int, list[tuple[datetime, datetime]]] = {}
    absences = Absence.objects.filter(user__in=people, end__gt=start, start__lt=end)
    for user_id, left, right in absences.values_list("user", "start", "end"):
        away.setdefault(user_id, []).append((left, right))
    out = {person: joined(spans) for person, spans in away.items()}
    return {pk: Timetable(_line(layers, covers, people, out), people) for pk, (layers, covers) in plans.items()}


def on_call(schedule: Schedule, at: datetime) -> list[OnDuty]:
    """Who is on duty at the instant `at`; empty in a gap. People away or deactivated are left out (faults O3)."""
    return timetables([schedule.pk], at, at + HORIZON)[schedule.pk].on_call(at)


def people_on_duty(schedules: QuerySet[Schedule], at: datetime) -> list[User]:
    """Everybody on duty on any of these schedules at the instant `at`, each once, sorted by name."""
    duties = chain.from_iterable(duties_at(schedules.values_list("pk", flat=True), at).values())
    return sorted({duty.user for duty in duties if duty.user}, key=lambda user: user.name)


def duties_at(schedules: Iterable[int], at: datetime) -> dict[int, list[Duty]]:
    """Who is on duty at the instant `at`, or in a gap the reason why nobody is, by schedule id.

    Cheaper than `on_call`, because it does not look for the end of the duty.
    """
    end = at + timedelta(seconds=1)
    return {pk: table.duties_at(at) for pk, table in timetables(schedules, at, end).items()}


def duties_between(schedules: Iterable[int], start: datetime, end: datetime) -> dict[int, list[Duty]]:
    """Every shift that touches [start, end), cut to it, gaps included, by schedule id."""
    return {pk: table.duties(start, end) for pk, table in timetables(schedules, start, end).items()}


def present(users: QuerySet[User], at: datetime) -> QuerySet[User]:
    """The users who are active and not away at the instant `at`."""
    return users.filter(~Exists(Absence.objects.filter(user=OuterRef("pk"), start__lte=at, end__gt=at)), is_active=True)


def shifts_of(schedule: Schedule, start: datetime, end: datetime) -> list[Duty]:
    """Every shift that touches [start, end), cut to it, gaps included (their user is None)."""
    return timetables([schedule.pk], start, end)[schedule.pk].duties(start, end)


def load_of(schedule: Schedule, start: datetime, end: datetime, zone: ZoneInfo) -> list[tuple[User, Load]]:
    """How much duty each person has in [start, end), most first; nights and weekends are in the zone `zone`."""
    return timetables([schedule.pk], start, end)[schedule.pk].load(start, end, zone)


def gaps(duties: Iterable[Duty]) -> list[Duty]:
    return [duty for duty in duties if duty.user is None]


# --- from rows to rules -----------------------------------------------------------------------------------------------


def _loads(value: Any) -> list[Any]:
    return (json.loads(value) if isinstance(value, str) else value) or []


def _line(layers: list[LayerPlan], covers: list[Cover], people: dict[int, User], away: dict[int, Any]) -> Line:
    named = _named(layers, covers)
    left = {pk: user.left_at for pk, user in people.items() if pk in named and not user.is_active}
    gone = frozenset(person for person in named if person not in people or (person in left and not left[person]))
    spans = {person: away[person] for person in named if person in away}
    for person, at in left.items():
        if at:
            spans[person] = joined([*spans.get(person, ()), (at, EVER)])
    return Line(layers, covers, spans, gone)


def _named(layers: list[LayerPlan], covers: list[Cover]) -> set[int]:
    people = {person for layer in layers for plan in layer.plans for crew in plan.crews for person in crew}
    people.update(cover.person for cover in [*covers, *(entry for layer in layers for entry in layer.entries)])
    return people | {cover.instead_of for cover in covers if cover.instead_of is not None}


def _layer(row: dict[str, Any], start: datetime, end: datetime) -> LayerPlan:
    zone = zone_of(row["zone"])
    entries = [Cover(user, _instant(left), _instant(right), "") for user, left, right in row["entries"] or ()]
    position = row["position"]
    # A calendar with no entries near [start, end) is still a layer; without plans it puts nobody on duty.
    rotation = row["feed"] is None
    return LayerPlan(
        name=f"{row['name']}, {'main' if position == 0 else f'backup {position}'}" if rotation else row["name"],
        plans=[_plan(plan) for plan in row["plans"]] if rotation else [],
        position=position,
        zone=zone,
        windows=_windows(row["hours"]),
        closed=_closed(row["holidays"], start.astimezone(zone).date(), end.astimezone(zone).date()),
        adds=row["adds"],
        fills=bool(row["fills"]),
        entries=entries,
    )


def _plan(row: dict[str, Any]) -> Plan:
    handover, first_day = time.fromisoformat(row["handover"]), date.fromisoformat(row["first_day"])
    period = Period(row["unit"], row["every"], first_day, handover, zone_of(row["zone"]), _days(row["duty_days"]))
    since = row["since"] and _instant(row["since"])
    return Plan(period, [tuple(crew) for crew in row["crews"] or ()], since, row["first"])


def _cover(row: dict[str, Any]) -> Cover:
    kind = "swap" if row["swap"] else "override"
    why = f"{kind}: {row['reason']}" if row["reason"] else kind
    return Cover(row["user"], _instant(row["start"]), _instant(row["end"]), why, row["instead_of"])


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@lru_cache(maxsize=1000)
def _windows(text: str) -> tuple[Window, ...]:
    try:
        return parse(text)
    except ValueError:  # forms refuse such text; if one is stored anyway, “always” is safer than nobody on duty
        log.exception("hours_unknown", hours=text)
        return ()


@lru_cache(maxsize=1000)
def _days(text: str) -> frozenset[int]:
    try:
        return days(text)
    except ValueError:  # as above
        log.exception("days_unknown", days=text)
        return frozenset()


@lru_cache(maxsize=1000)
def _closed(code: str, first: date, last: date) -> frozenset[date]:
    if code and not holidays.known(code):
        log.error("holidays_unknown", region=code)
        return frozenset()
    return frozenset(holidays.between(code, first - DAY, last + DAY)) if code else frozenset()
