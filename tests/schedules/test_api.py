"""People, teams, rotations, schedules and overrides over the REST API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from schedules.models import Layer, Override, Rotation, Schedule, Team, User
from tests.api import client_of
from tests.browser import everything

pytestmark = pytest.mark.django_db
DAY = {"start": "2026-01-06T09:00:00Z", "end": "2026-01-07T09:00:00Z"}


def grant(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


# --- people -----------------------------------------------------------------------------------------------------------


def test_nobody_sees_a_password_or_who_is_an_administrator_k14(coach, ana):
    shown = client_of(ana).get(f"users/{ana.pk}/").json()
    about = {"username", "name", "first_name", "last_name", "email", "time_zone"}
    assert shown.keys() == {"id", "is_active", "warnings", *about}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\u2028"])
def test_what_is_one_line_has_no_line_ends_s19(coach, ana, end):
    """A name could bring along what looks like a header of a mail; longer texts have lines, and edges are cut off."""
    name = f"Ana{end}Bcc: x@example.com"
    answers = [coach.patch(f"users/{ana.pk}/", {"first_name": name}), coach.post("teams/", {"name": name})]
    answers += [coach.post("groups/", {"name": name}), coach.post("rotations/", {"name": name})]
    assert [(a.status_code, next(iter(a.json().values()))) for a in answers] == [(400, ["Write this in one line."])] * 4
    made = coach.post("teams/", {"name": f"Team 9{end}", "description": f"one{end}two"})
    assert (made.status_code, made.json()["name"]) == (201, "Team 9")


@pytest.mark.parametrize("field", ["password", "is_staff", "is_superuser", "groups", "user_permissions"])
def test_nobody_makes_an_administrator_over_the_api_k14(coach, ana, field):
    before = User.objects.filter(pk=ana.pk).values().get()
    answer = coach.patch(f"users/{ana.pk}/", {field: True, "first_name": "Anna"})
    assert answer.status_code == 400
    assert field in answer.json()
    assert User.objects.filter(pk=ana.pk).values().get() == before


def test_a_new_person_cannot_log_in_with_a_password_k14(coach):
    made = coach.post("users/", {"username": "cy", "first_name": "Cy", "time_zone": "Asia/Tokyo"})
    assert made.status_code == 201, made.json()
    user = User.objects.get(pk=made.json()["id"])
    assert not user.has_usable_password()
    assert str(user.time_zone) == "Asia/Tokyo"


def test_only_an_administrator_changes_an_administrator_k14(coach, ana):
    clerk = client_of(grant(ana, "change_user", "delete_user"))
    boss = User.objects.get(username="coach")
    assert clerk.patch(f"users/{boss.pk}/", {"email": "ana@example.com"}).status_code == 403
    assert clerk.delete(f"users/{boss.pk}/").status_code == 403
    assert coach.patch(f"users/{boss.pk}/", {"email": "c@example.com"}).status_code == 200


def test_nobody_joins_a_group_that_holds_more_than_they_do_o5(coach, ana):
    strong = Group.objects.create(name="administrators")
    strong.permissions.add(*Permission.objects.filter(codename="delete_service"))
    weak = Group.objects.create(name="experts")
    clerk = client_of(grant(ana, "change_group"))
    assert clerk.patch(f"groups/{strong.pk}/", {"members": ["ana"]}).status_code == 403
    assert clerk.patch(f"groups/{weak.pk}/", {"members": ["ana"]}).json()["usernames"] == ["ana"]
    assert not strong.user_set.exists()


def test_a_team_takes_its_people_by_id_or_by_username(coach, ana, bo):
    made = coach.post(
        "teams/", {"name": "Team 1", "manager": "bo", "time_zone": "Europe/Berlin", "members": [ana.pk, "bo"]}
    )
    assert made.status_code == 201, made.json()
    shown = coach.get(f"teams/{made.json()['id']}/").json()
    assert shown["members"] == [ana.pk, bo.pk]
    assert shown["usernames"] == ["ana", "bo"]
    assert (shown["manager"], shown["manager_username"]) == (bo.pk, "bo")


def test_a_username_of_digits_is_not_taken_for_an_id(coach, ana, world):
    double = world.person(str(ana.pk))
    made = coach.post("groups/", {"name": "experts", "members": [str(ana.pk)]})
    assert made.json()["members"] == [double.pk]


@pytest.mark.parametrize("who", ["nobody", 10**15, True, None, {"id": 1}, 1.5, ""])
def test_an_unknown_person_is_refused_by_name(coach, who):
    answer = coach.post("groups/", {"name": "experts", "members": [who]})
    assert answer.status_code == 400
    assert "members" in answer.json()


def test_a_team_is_not_listed_among_the_groups(coach):
    Team.objects.create(name="Team 1")
    Group.objects.create(name="experts")
    assert [row["name"] for row in coach.get("groups/").json()["results"]] == ["experts"]
    assert coach.get(f"groups/{Team.objects.get().pk}/").status_code == 404


def test_people_are_found_by_team_and_by_whether_they_are_active(coach, ana, bo, world):
    team = world.team("Team 1", ana, bo)
    bo.is_active = False
    bo.save()
    names = lambda query: [row["username"] for row in coach.get(f"users/?{query}").json()["results"]]  # noqa: E731
    assert names(f"group={team.pk}&is_active=true") == ["ana"]
    assert names("is_active=false") == ["bo"]
    assert names("username=ana") == ["ana"]


# --- rotations and schedules ------------------------------------------------------------------------------------------


def main_schedule(coach, *people, position=0):
    rotation = {
        "name": "Team 1",
        "every": 1,
        "unit": "weeks",
        "first_day": "2026-01-05",
        "handover": "09:00:00",
        "time_zone": "Europe/Berlin",
        "participants": list(people),
    }
    made = coach.post("rotations/", rotation)
    assert made.status_code == 201, made.json()
    layers = [{"rotation": made.json()["id"], "position": position}]
    schedule = coach.post("schedules/", {"name": "Team 1 main", "time_zone": "Europe/Berlin", "layers": layers})
    assert schedule.status_code == 201, schedule.json()
    return made.json(), schedule.json()


def test_a_rotation_keeps_the_order_of_its_people(coach, ana, bo):
    rotation, _ = main_schedule(coach, "bo", ana.pk)
    assert rotation["participants"] == [bo.pk, ana.pk]
    turned = coach.patch(f"rotations/{rotation['id']}/", {"participants": ["ana", "bo"]}).json()
    assert turned["usernames"] == ["ana", "bo"]
    assert coach.get(f"rotations/{rotation['id']}/").json() == turned


def test_c18_the_answer_says_what_a_rotation_or_a_schedule_lacks(coach, ana):
    """C18: the API said nothing; the forms did."""
    rotation, schedule = main_schedule(coach, position=1)
    empty = ["Nobody takes turns in Team 1: it has no people."]
    assert (rotation["warnings"], schedule["warnings"]) == (empty, empty)
    twice = ["Team 1 puts the same person on duty as main and as backup at once: Ana."]
    assert coach.patch(f"rotations/{rotation['id']}/", {"participants": ["ana"]}).json()["warnings"] == twice
    path = f"schedules/{schedule['id']}/"
    assert coach.patch(path, {"description": "x"}).json()["warnings"] == twice
    main = [{"rotation": rotation["id"], "position": 0}]
    assert coach.patch(path, {"layers": main}).json()["warnings"] == []
    assert coach.get(path).json()["warnings"] == []
    bare = coach.post("schedules/", {"name": "Bare", "layers": []}).json()["warnings"]
    assert bare == ["Nobody is on duty on Bare: it has no layers."]


def test_a_change_of_the_name_keeps_the_people(coach, ana, bo):
    rotation, _ = main_schedule(coach, "bo", "ana")
    assert coach.patch(f"rotations/{rotation['id']}/", {"name": "First"}).json()["usernames"] == ["bo", "ana"]


def test_a_rotation_by_days_of_duty_keeps_its_past_through_an_edit(coach, ana, bo, clock):
    """Case 70: in the API, with refusals that name the field; earlier plans keep their own days."""
    rotation, schedule = main_schedule(coach, "ana", "bo")
    path = f"rotations/{rotation['id']}/"
    for body in ({"duty_days": "Mon-Fri"}, {"unit": "days", "duty_days": "Moonday"}):
        refused = coach.patch(path, body)
        assert (refused.status_code, [*refused.json()]) == (400, ["duty_days"])
    changed = coach.patch(path, {"unit": "days", "duty_days": "Mon-Fri", "at_once": True}).json()
    assert changed["duty_days"] == "Mon-Fri"
    assert coach.patch(path, {"duty_days": "", "at_once": True}).json()["duty_days"] == ""
    versions = Rotation.objects.get().versions.values_list("unit", "duty_days")
    assert [*versions][-1] == ("days", "Mon-Fri")
    assert coach.get(f"schedules/{schedule['id']}/on-call/").status_code == 200


def test_what_was_read_can_be_written_back(coach, ana, bo):
    rotation, schedule = main_schedule(coach, "bo", "ana")
    assert coach.put(f"rotations/{rotation['id']}/", rotation).json() == rotation
    assert coach.put(f"schedules/{schedule['id']}/", schedule).json() == schedule


@pytest.mark.parametrize(
    ("path", "body", "wrong", "sentence"),
    [
        ("absences/", {"username": "bo", **DAY}, "username", "“username” can only be read. Set “user” instead."),
        ("absences/{absence}/", {"username": "bo"}, "username", "“username” can only be read. Set “user” instead."),
        ("teams/{team}/", {"usernames": ["bo"]}, "usernames", "“usernames” can only be read. Set “members” instead."),
        ("teams/{team}/", {"manager_username": "bo"}, "manager_username", "Set “manager” instead."),
        ("users/{ana}/", {"name": "Else"}, "name", "Set “first_name” and “last_name” instead."),
        ("teams/{team}/", {"id": 10**6}, "id", "“id” can only be read."),
        ("absences/", {"id": 10**6, "warnings": ["x"], "username": "", **DAY}, "", ""),
        ("absences/", {"username": "ana", "user": "ana", **DAY}, "", ""),
        ("absences/{absence}/", {"username": "ana", "warnings": ["x"], "reason": "ill"}, "", ""),
        ("teams/{team}/", {"usernames": ["ana"], "members": ["ana", "bo"]}, "", ""),
    ],
)
def test_a_field_that_can_only_be_read_is_not_silently_ignored(coach, ana, bo, path, body, wrong, sentence):
    """Field F4: an absence for Ana became the caller's own."""
    absence = coach.post("absences/", {"user": "ana", **DAY}).json()["id"]
    team = coach.post("teams/", {"name": "T", "members": ["ana"], "manager": "ana"}).json()["id"]
    before, there = everything(), path.format(absence=absence, team=team, ana=ana.pk)
    answer = (coach.post if path == there else coach.patch)(there, body)
    if wrong:
        assert answer.status_code == 400 and sentence in answer.json()[wrong][0] and everything() == before
    else:
        assert answer.status_code in (200, 201), answer.json()


def test_a_schedule_says_who_is_on_call_until_when_and_why(coach, ana, bo):
    _, schedule = main_schedule(coach, "ana", "bo")
    answer = coach.get(f"schedules/{schedule['id']}/on-call/?at=2026-01-12T09:00:00%2B01:00").json()
    why = "Team 1, main"
    person = {"username": "bo", "name": "Bo", "until": "2026-01-19T08:00:00Z", "why": why}
    assert answer == {"at": "2026-01-12T08:00:00Z", "people": [person]}


def test_without_a_moment_on_call_means_now(coach, ana):
    _, schedule = main_schedule(coach, "ana")
    before = timezone.now()
    answer = coach.get(f"schedules/{schedule['id']}/on-call/").json()
    assert before.isoformat()[:16] <= answer["at"][:16] <= timezone.now().isoformat()[:16]
    assert [person["username"] for person in answer["people"]] == ["ana"]


def test_nobody_is_on_call_in_an_empty_schedule(coach):
    schedule = coach.post("schedules/", {"name": "Empty"}).json()
    assert coach.get(f"schedules/{schedule['id']}/on-call/").json()["people"] == []


def test_shifts_come_with_their_gaps(coach, ana):
    schedule = coach.post("schedules/", {"name": "Empty"}).json()
    span = {"start": "2026-01-05T10:00:00Z", "end": "2026-01-05T12:00:00Z"}
    coach.post("overrides/", {"schedule": schedule["id"], "user": "ana", "reason": "concert", **span})
    shifts = coach.get(f"schedules/{schedule['id']}/shifts/?from=2026-01-05T09:00:00Z&to=2026-01-05T12:00:00Z").json()
    gap = {
        "username": None,
        "name": None,
        "start": "2026-01-05T09:00:00Z",
        "end": span["start"],
        "why": "nobody is on duty: the schedule has no layers",
    }
    assert shifts == [gap, {"username": "ana", "name": "Ana", **span, "why": "override: concert"}]


BAD_MOMENTS = {
    "garbage": "garbage",
    "e18-naive": "2024-03-10T02:30:00",
    "e18-date-only": "2024-03-10",
    "e19-second-60": "2024-03-10T02:30:60Z",
    "e19-year-0": "0000-01-01T00:00:00Z",
    "year-1": "0001-01-01T00:00:00Z",
    "j7-year-10000": "10000-01-01T00:00:00Z",
    "e19-last-day": "9999-12-31T23:59:59-12:00",
    "j6-nul": "\0",
    "arabic-digits": "٢٠٢٤-03-10T02:30:00Z",
}
moments = pytest.mark.parametrize("text", BAD_MOMENTS.values(), ids=BAD_MOMENTS.keys())


@moments
@pytest.mark.parametrize("path", ["on-call/?at", "shifts/?from", "shifts/?to"])
def test_a_moment_in_a_query_that_is_none_is_refused_by_name(coach, path, text):
    schedule = Schedule.objects.create(name="Empty")
    route, name = path.split("?")
    answer = coach.get(f"schedules/{schedule.pk}/{route}", {name: text})
    assert answer.status_code == 400
    assert name in answer.json()


@moments
def test_a_moment_in_a_body_that_is_none_is_refused_by_name(coach, ana, text):
    schedule = Schedule.objects.create(name="Empty")
    body = {"schedule": schedule.pk, "user": "ana", "start": "2024-03-10T01:00:00Z", "end": text}
    answer = coach.post("overrides/", body)
    assert answer.status_code == 400
    assert "end" in str(answer.json())
    assert not Override.objects.exists()


def test_a_local_time_is_told_that_it_needs_an_offset_e18(coach):
    schedule = Schedule.objects.create(name="Empty")
    answer = coach.get(f"schedules/{schedule.pk}/on-call/", {"at": "2024-03-10T02:30:00"})
    assert "The offset is missing" in answer.json()["at"][0]


def test_an_offset_whose_plus_became_a_space_is_understood(coach):
    schedule = Schedule.objects.create(name="Empty")
    answer = coach.get(f"schedules/{schedule.pk}/on-call/?at=2026-01-12T09:00:00.5+01:00")
    assert answer.json()["at"] == "2026-01-12T08:00:00.500000Z"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z"), ("2026-01-05T00:00:00Z", "2027-01-06T00:00:01Z")],
    ids=["empty", "longer than 366 days"],
)
def test_a_span_that_is_empty_or_too_long_is_refused(coach, start, end):
    schedule = Schedule.objects.create(name="Empty")
    answer = coach.get(f"schedules/{schedule.pk}/shifts/", {"from": start, "to": end})
    assert answer.status_code == 400
    assert answer.json().keys() == {"to"}


def test_366_days_of_shifts_are_answered(coach, ana, bo):
    _, schedule = main_schedule(coach, "ana", "bo")
    query = {"from": "2026-01-05T08:00:00Z", "to": "2027-01-06T08:00:00Z"}
    assert len(coach.get(f"schedules/{schedule['id']}/shifts/", query).json()) == 53


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "S", "layers": [{"rotation": 10**12}]}, "layers"),
        ({"name": "S", "layers": [{"rotation": None}]}, "layers"),
        ({"name": "S", "layers": "main"}, "layers"),
        ({"name": "S", "layers": [{"rotation": 1, "positon": 1}]}, "layers"),
        ({"name": "S", "time_zone": "Mars/Olympus"}, "time_zone"),
        ({"name": "S", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"name": "S", "team": 10**12}, "team"),
        ({"name": "x" * 101}, "name"),
        ({"name": ""}, "name"),
        ({"name": "S\0"}, "name"),
        ({"name": "S", "descripton": "typo"}, "descripton"),
        ({}, "name"),
    ],
)
def test_a_wrong_schedule_is_refused_by_the_name_of_the_field(coach, body, field):
    answer = coach.post("schedules/", body)
    assert answer.status_code == 400
    assert field in str(answer.json())
    assert not Schedule.objects.exists()


def test_a_position_that_is_too_far_is_refused_and_changes_nothing(coach, ana):
    rotation, schedule = main_schedule(coach, "ana")
    layers = [{"rotation": rotation["id"], "position": 1}, {"rotation": rotation["id"], "position": 21}]
    answer = coach.patch(f"schedules/{schedule['id']}/", {"name": "New", "layers": layers})
    assert answer.status_code == 400
    assert coach.get(f"schedules/{schedule['id']}/").json() == schedule


def test_a_name_that_is_taken_is_refused_by_name(coach):
    Schedule.objects.create(name="Main")
    assert "name" in coach.post("schedules/", {"name": "Main"}).json()


def test_an_override_must_end_after_it_starts(coach, ana):
    schedule = Schedule.objects.create(name="Main")
    body = {"schedule": schedule.pk, "user": "ana", "start": "2026-01-05T10:00:00Z", "end": "2026-01-05T10:00:00Z"}
    assert coach.post("overrides/", body).json() == {"end": ["An override must end after it starts."]}
    made = coach.post("overrides/", {**body, "end": "2026-01-05T11:00:00Z"}).json()
    moved = coach.patch(f"overrides/{made['id']}/", {"start": "2026-01-05T12:00:00Z"})
    assert (moved.status_code, moved.json().keys()) == (400, {"end"})


def test_overrides_are_found_by_who_where_and_when(coach, ana, bo):
    schedule = Schedule.objects.create(name="Main")
    start = datetime(2026, 1, 5, tzinfo=UTC)
    for days, user in enumerate([ana, bo]):
        span = {"start": start + timedelta(days=days), "end": start + timedelta(days=days + 1)}
        Override.objects.create(schedule=schedule, user=user, **span)
    names = lambda query: [row["username"] for row in coach.get("overrides/", query).json()["results"]]  # noqa: E731
    assert names({"since": "2026-01-06T00:00:00Z"}) == ["bo"]
    assert names({"until": "2026-01-06T00:00:00Z"}) == ["ana"]
    assert names({"username": "bo", "schedule": schedule.pk}) == ["bo"]


def test_what_is_still_used_is_not_deleted_and_the_answer_says_by_what(coach, ana):
    rotation, _ = main_schedule(coach, "ana")
    answer = coach.delete(f"rotations/{rotation['id']}/")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "It cannot be deleted because it is still used by: Team 1 main."
    assert Layer.objects.count() == 1
    assert coach.delete(f"users/{ana.pk}/").status_code == 409


def test_reading_needs_a_login_and_writing_the_permission(coach, ana):
    client = client_of(ana)
    assert client.get("schedules/").status_code == 200
    assert client.post("schedules/", {"name": "Mine"}).status_code == 403
    assert client_of(grant(ana, "add_schedule")).post("schedules/", {"name": "Mine"}).status_code == 201
    pk = Schedule.objects.get().pk
    assert client.patch(f"schedules/{pk}/", {"name": "X"}).status_code == 403
    assert client.delete(f"schedules/{pk}/").status_code == 403


# --- gaps and load ----------------------------------------------------------------------------------------------------


def test_gaps_say_when_and_why(coach, ana, world):
    """A9"""
    schedule = coach.post("schedules/", {"name": "Empty"}).json()
    span = {"start": "2026-01-05T10:00:00Z", "end": "2026-01-05T12:00:00Z"}
    coach.post("overrides/", {"schedule": schedule["id"], "user": "ana", **span})
    why = "nobody is on duty: the schedule has no layers"
    query = {"from": "2026-01-05T09:00:00Z", "to": "2026-01-05T13:00:00Z"}
    assert coach.get(f"schedules/{schedule['id']}/gaps/", query).json() == [
        {"start": query["from"], "end": span["start"], "why": why},
        {"start": span["end"], "end": query["to"], "why": why},
    ]


def test_load_is_counted_for_each_person_on_the_clock_of_the_schedule(coach, ana, bo):
    """A12, A14, E16: in the week in which Berlin's clock is set back, Bo has 169 hours."""
    _, schedule = main_schedule(coach, "ana", "bo")
    coach.patch(f"schedules/{schedule['id']}/", {"longest_shift": "7 00:30:00"})
    query = {"from": "2026-10-12T09:00:00+02:00", "to": "2026-10-27T09:00:00+01:00"}
    found = coach.get(f"schedules/{schedule['id']}/load/", query).json()
    keys = ("username", "name", "hours", "night_hours", "weekend_hours", "shifts", "longest_hours", "over_limit")
    assert [tuple(row) for row in found] == [keys, keys]
    assert [tuple(row.values()) for row in found] == [
        ("ana", "Ana", 192.0, 64.0, 48.0, 2, 168.0, False),
        ("bo", "Bo", 169.0, 57.0, 49.0, 1, 169.0, True),
    ]
    coach.patch(f"schedules/{schedule['id']}/", {"longest_shift": None})
    assert not any(row["over_limit"] for row in coach.get(f"schedules/{schedule['id']}/load/", query).json())


def test_nobody_has_a_load_in_an_empty_schedule(coach):
    schedule = coach.post("schedules/", {"name": "Empty"}).json()
    assert coach.get(f"schedules/{schedule['id']}/load/").json() == []
    assert len(coach.get(f"schedules/{schedule['id']}/gaps/").json()) == 1


@pytest.mark.parametrize("what", ["gaps", "load", "shifts"])
def test_a_span_is_read_alike_wherever_it_is_asked_for(coach, ana, what):
    schedule = Schedule.objects.create(name="Empty")
    assert coach.get(f"schedules/{schedule.pk}/{what}/?from=2024-03-10T02:30:00").json().keys() == {"from"}
    assert coach.get(f"schedules/{schedule.pk}/{what}/?to=2024-03-10T02:30:00Z").json().keys() == {"to"}
    assert coach.get(f"schedules/999999/{what}/").status_code == 404
    assert client_of(ana).get(f"schedules/{schedule.pk}/{what}/").status_code == 200
