"""The way in: rows become answers, in few queries, whatever is in the rows; and edits of a rotation."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from schedules.models import (
    Absence,
    CalendarFeed,
    FeedEntry,
    Layer,
    Override,
    Participant,
    Rotation,
    RotationVersion,
    Schedule,
    SwapRequest,
    User,
)
from schedules.oncall import HORIZON, duties_at, on_call, people_on_duty, shifts_of, timetables
from schedules.rota import replanning
from tests.api import client_of
from tests.browser import browser_of, form_in
from tests.live import eventually
from tests.races import waiting
from tests.sure import sure
from tests.world import MONDAY

pytestmark = pytest.mark.django_db

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


@pytest.fixture
def people(world):
    return [world.person(name) for name in ("ana", "bo", "cy")]


def names(schedule: Schedule, at: datetime) -> list[str]:
    return [on.user.username for on in on_call(schedule, at)]


def reasons(schedule: Schedule, at: datetime) -> list[tuple[str, str]]:
    return [(on.user.username, on.why) for on in on_call(schedule, at)]


# --- rows -------------------------------------------------------------------------------------------------------------


def test_any_number_of_schedules_takes_three_queries(world, people, django_assert_num_queries):
    """A5: layers, plans, overrides, swaps, entries: one query; people; absences."""

    def one() -> Schedule:
        schedule = world.weekly(*people, positions=1)[0]
        Override.objects.create(schedule=schedule, user=people[2], start=MONDAY, end=MONDAY + HOUR)
        feed = CalendarFeed.objects.create(name=f"feed {schedule.pk}")
        FeedEntry.objects.create(feed=feed, user=people[1], start=MONDAY, end=MONDAY + HOUR)
        Layer.objects.create(schedule=schedule, feed=feed, order=1)
        edit(schedule.layers.get(order=0).rotation, MONDAY)
        return schedule

    Absence.objects.create(user=people[0], start=MONDAY + HOUR, end=MONDAY + 2 * HOUR)
    first = one()
    with django_assert_num_queries(3):
        assert list(timetables([first.pk], MONDAY, MONDAY + HORIZON)) == [first.pk]
    schedules = [first, *(one() for _ in range(49))]
    with django_assert_num_queries(3):
        tables = timetables([schedule.pk for schedule in schedules], MONDAY, MONDAY + HORIZON)
        assert len(tables) == 50
        said = {tuple(duty.why for duty in table.duties(MONDAY, MONDAY + HORIZON)) for table in tables.values()}
    assert len(said) == 50  # each names its own rotation


def edit(rotation: Rotation, now: datetime) -> None:
    with transaction.atomic():
        before = replanning.plans(rotation)
        rotation.participants.filter(user__username="cy").delete()
        replanning.replan(rotation, before, now=now)


def test_a_schedule_that_is_gone_is_left_out(world, people):
    first, second = world.weekly(*people)
    gone = second.pk
    second.delete()
    assert list(timetables([first.pk, gone], MONDAY, MONDAY + HOUR)) == [first.pk]
    assert list(duties_at([gone], MONDAY)) == []
    assert timetables([], MONDAY, MONDAY + HOUR) == {}


def test_people_on_duty_on_several_schedules_are_counted_once_and_gaps_not_at_all(world, people):
    main, backup = world.weekly(*people)
    Schedule.objects.create(name="Empty")
    again = world.weekly(people[1])
    found = people_on_duty(Schedule.objects.all(), MONDAY)
    assert found == sorted({each.user for on in (main, backup, *again) for each in on_call(on, MONDAY)}, key=str)
    assert len(found) == 2 and people_on_duty(Schedule.objects.filter(name="Empty"), MONDAY) == []


def test_a_schedule_without_layers_says_so(django_assert_num_queries):
    schedule = Schedule.objects.create(name="Empty")
    assert on_call(schedule, MONDAY) == []
    [gap] = shifts_of(schedule, MONDAY, MONDAY + HOUR)
    assert (gap.user, gap.why) == (None, "nobody is on duty: the schedule has no layers")


def test_hours_and_public_holidays_of_a_layer(world, people):
    """A7, A8: 1 May 2026 is a Friday and a holiday in Germany."""
    [schedule] = world.weekly(*people[:1], positions=1)
    own = Rotation.objects.create(name="Days", time_zone="Europe/Berlin", first_day=date(2026, 1, 5))
    Participant.objects.create(rotation=own, user=people[1])
    Layer.objects.create(schedule=schedule, rotation=own, hours="Mon-Fri 09:00-17:00", holidays="DE-BE", order=1)
    noon = datetime(2026, 4, 30, 10, tzinfo=UTC)
    assert [names(schedule, noon + timedelta(days=n)) for n in range(3)] == [["bo"], ["ana"], ["ana"]]
    assert on_call(schedule, noon)[0].until == datetime(2026, 4, 30, 15, tzinfo=UTC)


def test_who_has_a_turn_together_and_who_takes_it_for_whom(world, people):
    """A8, A11: overrides and swaps name themselves and whose place is taken."""
    ana, bo, cy = people
    [schedule] = world.weekly(ana, positions=1)
    Participant.objects.update(partner=bo)
    assert names(schedule, MONDAY) == ["ana", "bo"]
    span = {"schedule": schedule, "start": MONDAY, "end": MONDAY + HOUR}
    override = Override.objects.create(user=cy, instead_of=ana, reason="dentist", **span)
    rotation = Rotation.objects.get()
    assert reasons(schedule, MONDAY) == [
        ("cy", "override: dentist, in place of Ana"),
        ("bo", f"{rotation}, main"),
    ]
    swap = SwapRequest.objects.create(asked_by=ana, asked=cy, created_at=MONDAY, **span)
    swap.overrides.add(override)
    assert reasons(schedule, MONDAY)[0] == ("cy", "swap: dentist, in place of Ana")
    Override.objects.create(user=bo, **span)
    assert reasons(schedule, MONDAY) == [("bo", "override")]


@pytest.mark.parametrize("how", ["api", "admin"])
def test_who_leaves_has_been_on_duty_until_then_and_who_returns_was_away_in_between(world, people, clock, how):
    """C10: an edit leaves the past alone, also for people who have left."""
    main, ana = world.weekly(*people, positions=1)[0], people[0]
    coach = User.objects.create_superuser("coach")

    def set_active(active: bool) -> None:
        if how == "api":
            assert client_of(coach).patch(f"users/{ana.pk}/", {"is_active": active}).status_code == 200
            return
        page, browser = reverse("admin:schedules_user_change", args=[ana.pk]), browser_of(coach)
        form = form_in(browser.get(page), "user_form")
        form.pop("is_active", None)
        assert browser.post(page, form | ({"is_active": "on"} if active else {})).status_code == 302

    clock.move_to(MONDAY + 2 * HOUR, tick=False)
    set_active(False)
    assert names(main, MONDAY + HOUR) == ["ana"] and names(main, MONDAY + 2 * HOUR) == []
    [first, gap, *_] = shifts_of(main, MONDAY, MONDAY + WEEK)
    assert (sure(first.user).username, first.end, gap.user) == ("ana", MONDAY + 2 * HOUR, None)
    assert "Ana is no longer active" in gap.why
    clock.move_to(MONDAY + 3 * HOUR, tick=False)
    set_active(True)
    assert [names(main, MONDAY + n * HOUR) for n in (1, 2, 3)] == [["ana"], [], ["ana"]]
    User.objects.filter(pk=ana.pk).update(is_active=False)
    assert names(main, MONDAY + HOUR) == [], "nobody knows when"


def test_who_is_away_leaves_a_gap_or_is_filled(world, people):
    """A8, A9: "Cy is away" names the one who is, even where another one's turn it was."""
    ana, bo, cy = people
    main, backup = world.weekly(ana, bo)
    Absence.objects.create(user=ana, start=MONDAY, end=MONDAY + HOUR)
    gap, after = shifts_of(main, MONDAY, MONDAY + 2 * HOUR)
    assert (gap.why, gap.end, after.user) == ("nobody is on duty: Ana is away", MONDAY + HOUR, ana)
    Rotation.objects.update(fills=True)
    rotation = Rotation.objects.get()
    assert reasons(main, MONDAY) == [("bo", f"{rotation}, main, in place of Ana")]
    assert shifts_of(backup, MONDAY, MONDAY + HOUR)[0].why == "nobody is on duty: Ana is away"
    Override.objects.create(schedule=main, user=cy, instead_of=bo, start=MONDAY, end=MONDAY + HOUR)
    User.objects.filter(pk=cy.pk).update(is_active=False)
    Rotation.objects.update(fills=False)
    Absence.objects.update(user=cy)
    following = MONDAY + WEEK
    Override.objects.update(start=following, end=following + HOUR)
    assert shifts_of(main, following, following + HOUR)[0].why == "nobody is on duty: Cy is no longer active"


def test_a_calendar_is_a_layer_and_one_that_says_nothing_changes_nothing(world, people):
    """A10"""
    ana, bo, _ = people
    [schedule] = world.weekly(ana, positions=1)
    feed = CalendarFeed.objects.create(name="Calendar")
    Layer.objects.create(schedule=schedule, feed=feed, order=1)
    assert names(schedule, MONDAY) == ["ana"]
    FeedEntry.objects.create(feed=feed, user=bo, start=MONDAY, end=MONDAY + HOUR)
    assert reasons(schedule, MONDAY) == [("bo", "Calendar")]
    assert names(schedule, MONDAY + HOUR) == ["ana"]


# --- what should not be in a row --------------------------------------------------------------------------------------

UNKNOWN = "UPDATE schedules_{} SET time_zone = 'Europe/Nowhere'"


@pytest.mark.parametrize("table", ["rotation", "rotationversion", "schedule", "user", "team", "calendarfeed"])
def test_an_unknown_time_zone_is_read_as_utc_and_crashes_nothing(world, people, table, client):
    """E13"""
    team = world.team("Team 1", *people)
    [schedule] = world.weekly(*people, positions=1)
    Schedule.objects.update(team=team)
    rotation = Rotation.objects.get()
    edit(rotation, MONDAY)
    Layer.objects.create(schedule=schedule, feed=CalendarFeed.objects.create(name="Calendar"), order=1)
    with connection.cursor() as cursor:
        cursor.execute(UNKNOWN.format(table))
        assert cursor.rowcount
    assert names(schedule, MONDAY) == ["ana"]
    coach = User.objects.create_superuser("coach")
    client.force_login(people[0])
    assert client.get("/on-call/").status_code == 200
    reader = client_of(coach)
    for path in ("schedules", "rotations", "users", "teams"):
        assert reader.get(f"{path}/").status_code == 200, path
    # An edit of such a rotation is an edit like any other.
    assert reader.patch(f"rotations/{rotation.pk}/", {"participants": ["ana"]}).status_code == 200
    assert names(schedule, MONDAY) == ["ana"]


def test_hours_and_holidays_that_cannot_be_read_put_somebody_on_duty_rather_than_nobody(world, people):
    """A15 in spirit: one bad row must not take every schedule with it."""
    [schedule] = world.weekly(*people, positions=1)
    Layer.objects.update(hours="whenever", holidays="XX-YY")
    assert names(schedule, MONDAY) == ["ana"]


# --- edits ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(clock):
    clock.move_to(MONDAY + 50 * HOUR, tick=False)  # Wednesday, 11:00
    return clock


@pytest.fixture
def week(world, people, clock) -> tuple[Schedule, str]:
    """Ana, Bo, Cy by the week from Monday 9:00 UTC; and where their rotation is found."""
    [schedule] = world.weekly(*people, positions=1)
    return schedule, f"rotations/{Rotation.objects.get().pk}/"


def turns(schedule: Schedule, weeks: int = 6) -> list[str]:
    duties = shifts_of(schedule, MONDAY, MONDAY + weeks * WEEK)
    return [f"{duty.user and duty.user.username} {duty.start:%d.%m. %H:%M}" for duty in duties]


# What is written, from when it holds, and who is on duty from when.
EDITS = {
    "another zone (E12)": (
        {"time_zone": "America/New_York"},
        "12T09",
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 14:00", "ana 26.01. 14:00"],
    ),
    "other people": (
        {"participants": ["cy", "bo"]},
        "12T09",
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 09:00", "bo 26.01. 09:00"],
    ),
    "nobody": ({"participants": []}, "12T09", ["ana 05.01. 09:00", "None 12.01. 09:00"]),
    "longer turns": ({"every": 2}, "12T09", ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 09:00"]),
    "another day": (
        {"first_day": "2026-01-01"},
        "12T09",
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 22.01. 09:00", "ana 29.01. 09:00"],
    ),
    "a first day that lies ahead": (
        {"first_day": "2026-01-20", "participants": ["cy", "ana"]},
        "20T09",
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 09:00", "ana 20.01. 09:00", "cy 27.01. 09:00"],
    ),
    "at once": (
        {"participants": ["cy", "bo"], "at_once": True},
        "07T11",
        ["ana 05.01. 09:00", "cy 07.01. 11:00", "bo 12.01. 09:00", "cy 19.01. 09:00", "bo 26.01. 09:00"],
    ),
    "what is there already": (
        {"every": 1, "time_zone": "UTC"},
        None,
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 09:00", "ana 26.01. 09:00"],
    ),
    "the name": (
        {"name": "First"},
        None,
        ["ana 05.01. 09:00", "bo 12.01. 09:00", "cy 19.01. 09:00", "ana 26.01. 09:00"],
    ),
}


@pytest.mark.parametrize(("body", "since", "expected"), EDITS.values(), ids=EDITS)
def test_an_edit_leaves_whoever_is_on_duty_until_the_turn_ends(week, coach, body, since, expected):
    """E12"""
    schedule, path = week
    answer = coach.patch(path, body)
    assert answer.status_code == 200, answer.json()
    assert turns(schedule, weeks=4) == expected
    assert answer.json()["holds_from"] == (f"2026-01-{since}:00:00Z" if since else None)
    assert RotationVersion.objects.count() == (1 if since else 0)


def test_a_second_edit_before_the_first_holds_replaces_it(week, coach):
    schedule, path = week
    coach.patch(path, {"participants": ["cy"]})
    coach.patch(path, {"every": 2, "participants": ["bo", "ana"]})
    assert turns(schedule)[:3] == ["ana 05.01. 09:00", "bo 12.01. 09:00", "ana 19.01. 09:00"]
    assert RotationVersion.objects.count() == 1


def test_an_edit_taken_back_before_it_holds_changes_nothing(week, coach):
    schedule, path = week
    before = turns(schedule)
    coach.patch(path, {"time_zone": "Asia/Kolkata", "participants": ["cy"]})
    assert turns(schedule) != before
    coach.patch(path, {"time_zone": "UTC", "participants": ["ana", "bo", "cy"]})
    assert turns(schedule) == before


def test_the_past_is_kept_through_several_edits(week, coach, clock):
    schedule, path = week
    coach.patch(path, {"participants": ["bo", "cy"]})
    clock.move_to(MONDAY + WEEK + HOUR)  # Bo, by the first edit
    coach.patch(path, {"participants": ["ana"]})
    clock.move_to(MONDAY + 2 * WEEK + HOUR)  # Ana, by the second
    coach.patch(path, {"participants": [], "at_once": True})
    clock.move_to(MONDAY + 3 * WEEK + HOUR)  # nobody, by the third
    coach.patch(path, {"participants": ["cy", "bo"]})
    assert turns(schedule, 5) == [
        *("ana 05.01. 09:00", "bo 12.01. 09:00", "ana 19.01. 09:00", "None 19.01. 10:00", "bo 26.01. 10:00"),
        "cy 02.02. 09:00",
    ]
    assert RotationVersion.objects.count() == 4


def test_an_edit_that_is_refused_changes_nothing(week, coach):
    schedule, path = week
    before = turns(schedule)
    assert coach.patch(path, {"participants": ["nobody"], "every": 2}).status_code == 400
    assert coach.patch(path, {"time_zone": "Europe/Nowhere"}).json().keys() == {"time_zone"}
    assert turns(schedule) == before
    assert not RotationVersion.objects.exists()


# --- two edits at once ------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("body", [{"name": "First"}, {"participants": ["bo", "cy"]}], ids=["the name", "other people"])
def test_an_edit_that_waits_for_another_one_does_not_undo_it(world, people, body):
    """The second one has read the rotation before the first one is committed."""
    now = timezone.now()
    [schedule] = world.weekly(*people, positions=1)
    rotation = Rotation.objects.get()
    on_duty = names(schedule, now)
    client = client_of(User.objects.create_superuser("coach"))

    def patch():
        try:
            return client.patch(f"rotations/{rotation.pk}/", body)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            before = replanning.plans(rotation)
            answer = other.submit(patch)
            assert eventually(waiting, 20)
            rotation.time_zone, rotation.every = ZoneInfo("Asia/Kolkata"), 2
            rotation.save()
            rotation.participants.filter(user__username="cy").delete()
            replanning.replan(rotation, before, now=now)
        assert answer.result().status_code == 200
    rotation.refresh_from_db()
    shown = answer.result().json()
    assert (str(rotation.time_zone), rotation.every) == ("Asia/Kolkata", 2) == (shown["time_zone"], shown["every"])
    assert shown["usernames"] == body.get("participants", ["ana", "bo"])
    assert names(schedule, now) == on_duty
    [version] = rotation.versions.all()
    assert (version.since, len(version.crews), version.every) == (None, 3, 1)
    assert sure(rotation.since) > now
