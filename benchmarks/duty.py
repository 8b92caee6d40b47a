"""The figures of `make bench-schedules`: one schedule asked, one drawn, all of them on one page."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter, process_time
from typing import Any

from django.db import connection
from django.template import Context, Template
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import machine
from benchmarks.report import Line, table
from schedules.models import Absence, Layer, Override, Participant, Rotation, Schedule, Team, User
from schedules.oncall import HORIZON, on_call, timetables

NOW = datetime.now(tz=UTC).replace(microsecond=0)
DAY = timedelta(days=1)
ASKED = "Who is on call in one schedule of five layers"
DRAWN = "A timeline of 90 days, five layers"
PAGE = "The page “Who is on call now”"
# Main; another list in working hours; a third at night; one a day on weekends; one a month beside them in the evening.
LAYERS: tuple[dict[str, Any], ...] = (
    {"unit": "weeks", "hours": ""},
    {"unit": "days", "hours": "Mon-Fri 09:00-17:00", "holidays": "DE-BE"},
    {"unit": "hours", "every": 12, "hours": "Mon-Fri 22:00-06:00"},
    {"unit": "days", "hours": "Sat,Sun 00:00-24:00", "position": 1},
    {"unit": "months", "hours": "Mon-Fri 17:00-22:00", "adds": True},
)


def main(*, rounds: int, schedules: int) -> None:
    about = machine.here() | {"rounds": rounds}
    asked = rich()
    lines = [*questions(asked, rounds), *timeline(asked, rounds), *page(10, rounds), *page(schedules, rounds)]
    about["load after"] = round(os.getloadavg()[0], 2)
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(table(lines))


# --- rows -------------------------------------------------------------------------------------------------------------


def rotation(name: str, people: list[User], *, unit: str, every: int = 1) -> Rotation:
    made = Rotation.objects.create(
        name=name, unit=unit, every=every, first_day=date(2026, 1, 5), handover=time(9), time_zone="Europe/Berlin"
    )
    Participant.objects.bulk_create(Participant(rotation=made, user=user, order=n) for n, user in enumerate(people))
    return made


def people_of(team: int, count: int = 6) -> list[User]:
    names = [f"person-{team}-{n}" for n in range(count)]
    return User.objects.bulk_create(User(username=name, first_name=name.title()) for name in names)


def rich() -> Schedule:
    """One schedule with five layers over lists of six people, four overrides and three absences."""
    people = people_of(-1)
    schedule = Schedule.objects.create(name="rich", time_zone="Europe/Berlin")
    for order, how in enumerate(LAYERS):
        made = rotation(f"rich {order}", people, unit=how["unit"], every=how.get("every", 1))
        more = {name: value for name, value in how.items() if name not in ("unit", "every")}
        Layer.objects.create(schedule=schedule, rotation=made, order=order, **more)
    for n in range(4):
        stands_in = {"user": people[n], "instead_of": people[n + 1] if n % 2 else None}
        start = NOW + (20 * n + 1) * DAY
        Override.objects.create(schedule=schedule, start=start, end=start + DAY, **stands_in)
    for n in range(3):
        Absence.objects.create(user=people[n], start=NOW + 25 * n * DAY, end=NOW + (25 * n + 7) * DAY)
    return schedule


def organisation(count: int) -> None:
    """Teams of six people with four schedules each, until there are so many schedules."""
    for team in range(Schedule.objects.count() // 4, count // 4):
        people = people_of(team)
        own = Team.objects.create(name=f"Team {team}")
        main = rotation(f"Team {team}", people, unit="weeks")
        office = rotation(f"Team {team}, working hours", people, unit="days")
        names = [f"Team {team} {role}" for role in ("main", "backup", "second backup", "office")]
        made = Schedule.objects.bulk_create(Schedule(name=name, team=own) for name in names)
        layers = [Layer(schedule=schedule, rotation=main, position=n) for n, schedule in enumerate(made)]
        hours = {"hours": "Mon-Fri 09:00-17:00", "holidays": "DE"}
        Layer.objects.bulk_create([*layers, Layer(schedule=made[3], rotation=office, order=1, **hours)])
        if team % 2:
            span = {"start": NOW - DAY, "end": NOW + DAY}
            Override.objects.create(schedule=made[0], user=people[5], reason="concert", **span)
            Absence.objects.create(user=people[0], **span)


# --- figures ----------------------------------------------------------------------------------------------------------


def seconds(call: Callable[[], object], *, times: int = 1, clock: Callable[[], float] = perf_counter) -> float:
    began = clock()
    for _ in range(times):
        call()
    return (clock() - began) / times


def queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as taken:
        call()
    return len(taken)


def questions(schedule: Schedule, rounds: int) -> list[Line]:
    """The rule alone, after its rows are read; and with them, beside as many plain queries."""
    known = timetables([schedule.pk], NOW, NOW + HORIZON)[schedule.pk]
    rule = Line(ASKED, "the rule alone", "µs", at_most=5000)
    whole = Line(ASKED, "rows and rule; bare: three plain queries", "ms")
    number = Line(ASKED, "queries", "", [queries(lambda: on_call(schedule, NOW))], at_most=3)

    def plain() -> None:
        asked = Schedule.objects.get(pk=schedule.pk)
        assert len(asked.layers.all()) and len(asked.overrides.all())

    for _ in range(rounds):
        rule.values.append(1e6 * seconds(lambda: known.on_call(NOW), times=100))
        whole.values.append(1000 * seconds(lambda: on_call(schedule, NOW), times=50))
        whole.bare.append(1000 * seconds(plain, times=50))
    return [rule, whole, number]


def timeline(schedule: Schedule, rounds: int) -> list[Line]:
    end = NOW + 90 * DAY
    known = timetables([schedule.pk], NOW, end)[schedule.pk]
    drawn = Line(DRAWN, f"{len(known.duties(NOW, end))} shifts", "ms", at_most=50)
    for _ in range(rounds):
        drawn.values.append(1000 * seconds(lambda: known.duties(NOW, end), times=10))
    return [drawn]


def page(count: int, rounds: int) -> list[Line]:
    organisation(count)
    reader, _ = User.objects.get_or_create(username="reader", time_zone="Europe/Berlin")
    client = Client(SERVER_NAME="localhost")
    client.force_login(reader)

    def read() -> bytes:
        answer = client.get("/on-call/")
        assert answer.status_code == 200, answer
        return answer.content

    first = read()
    shown = first.count(b"<article")
    size = f"{shown} schedules, {len(first) // 1000} kB"
    took = Line(PAGE, f"{size}; bare: a plain template of that size", "ms")
    took.at_most = 1000 if count >= 1000 else None
    busy = Line(PAGE, f"{shown} schedules: processor time of the web process", "ms")
    number = Line(PAGE, f"{shown} schedules: queries", "", [queries(read)], at_most=8)
    plain = Template("{% for row in rows %}<article>{{ row }}</article>{% endfor %}")
    rows = ["x" * (len(first) // shown - len("<article></article>"))] * shown
    for _ in range(rounds):
        took.values.append(1000 * seconds(read))
        busy.values.append(1000 * seconds(read, clock=process_time))
        took.bare.append(1000 * seconds(lambda: plain.render(Context({"rows": rows}))))
    return [took, busy, number]
