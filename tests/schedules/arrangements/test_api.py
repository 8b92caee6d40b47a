"""Absences, swap requests and handover notes over the REST API."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from schedules.models import Absence, HandoverNote, Override, SwapRequest, User
from tests.api import client_of
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
SPAN = {"start": "2026-01-06T09:00:00Z", "end": "2026-01-07T09:00:00Z"}


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + HOUR, tick=False)
    return clock


@pytest.fixture
def main(world, ana, bo):
    """Ana is on duty in the first week, Bo in the second, and so on."""
    return world.weekly(ana, bo, positions=1)[0]


def grant(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


# --- absences ---------------------------------------------------------------------------------------------------------


def test_everybody_enters_changes_and_deletes_their_own_absences(ana):
    """A8"""
    client = client_of(ana)
    made = client.post("absences/", {**SPAN, "reason": "holiday"})
    assert made.status_code == 201, made.json()
    shown = {"id": made.json()["id"], "user": ana.pk, "username": "ana", **SPAN, "reason": "holiday", "warnings": []}
    assert made.json() == client.get(f"absences/{shown['id']}/").json() == shown
    assert client.put(f"absences/{shown['id']}/", SPAN).json()["user"] == ana.pk
    assert client.patch(f"absences/{shown['id']}/", {"reason": "ill"}).json()["reason"] == "ill"
    assert client.delete(f"absences/{shown['id']}/").status_code == 204
    assert not Absence.objects.exists()


WRITES = [
    # right, method, path, body
    ("add_absence", "post", "absences/", {**SPAN, "user": "bo"}),
    ("change_absence", "patch", "absences/{bo}/", {"reason": "x"}),
    ("change_absence", "put", "absences/{bo}/", {**SPAN, "user": "bo"}),
    ("change_absence", "patch", "absences/{ana}/", {"user": "bo"}),
    ("delete_absence", "delete", "absences/{bo}/", None),
]


@pytest.mark.parametrize(("right", "method", "path", "body"), WRITES)
def test_absences_of_others_take_the_permission(ana, bo, right, method, path, body):
    """A8: and everybody may read them."""
    of = {user.username: Absence.objects.create(user=user, start=MONDAY, end=MONDAY + DAY).pk for user in (ana, bo)}
    client, path = client_of(ana), path.format(**of)
    assert [row["username"] for row in client.get("absences/").json()["results"]] == ["ana", "bo"]
    before = list(Absence.objects.values())
    assert getattr(client, method)(path, body).status_code == 403
    assert list(Absence.objects.values()) == before
    grant(ana, right)
    assert getattr(client, method)(path, body).status_code in (200, 201, 204)
    assert list(Absence.objects.values()) != before


def test_a_replacement_without_a_person_keeps_the_person(ana, bo):
    absence = Absence.objects.create(user=bo, start=MONDAY, end=MONDAY + DAY)
    client = client_of(grant(ana, "change_absence"))
    assert client.put(f"absences/{absence.pk}/", SPAN).json()["username"] == "bo"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**SPAN, "end": SPAN["start"]}, "end"),
        ({**SPAN, "start": "2026-01-06T09:00:00"}, "start"),
        ({**SPAN, "start": "2026-01-06T09:00:60Z"}, "start"),
        ({**SPAN, "user": "nobody"}, "user"),
        ({**SPAN, "reason": "x" * 201}, "reason"),
        ({**SPAN, "reason": "\0"}, "reason"),
        ({**SPAN, "until": "x"}, "until"),
        ({"start": SPAN["start"]}, "end"),
        ({}, "start"),
    ],
)
def test_a_wrong_absence_is_refused_by_the_name_of_the_field(ana, body, field):
    answer = client_of(ana).post("absences/", body)
    assert answer.status_code == 400
    assert field in str(answer.json())
    assert not Absence.objects.exists()


def test_absences_are_found_by_who_and_when(ana, bo):
    for n, user in enumerate((ana, bo)):
        Absence.objects.create(user=user, start=MONDAY + n * DAY, end=MONDAY + (n + 1) * DAY)
    client = client_of(ana)
    names = lambda **query: [row["username"] for row in client.get("absences/", query).json()["results"]]  # noqa: E731
    assert names(username="bo") == names(user=bo.pk) == names(since="2026-01-06T09:00:00Z") == ["bo"]
    assert names(until="2026-01-06T09:00:00Z") == ["ana"]


# --- swap requests ----------------------------------------------------------------------------------------------------


def test_a_shift_is_offered_and_taken(main, ana, bo):
    """A8"""
    made = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN, "asked": "bo", "note": "dentist"})
    assert made.status_code == 201, made.json()
    shown = made.json()
    assert (shown["asked_by"], shown["asked"], shown["asked_username"]) == ("ana", bo.pk, "bo")
    assert (shown["start"], shown["end"], shown["note"]) == (SPAN["start"], SPAN["end"], "dentist")
    assert (shown["state"], shown["answered_by"], shown["overrides"]) == ("offered", None, [])
    assert (shown["return_start"], shown["created_at"]) == (None, "2026-01-05T10:00:00Z")
    path = f"swap-requests/{shown['id']}/"
    assert client_of(bo).get(path).json() == shown
    answer = client_of(bo).post(f"{path}accept/")
    assert answer.status_code == 200, answer.json()
    [override] = Override.objects.all()
    answered = {"state": "accepted", "answered_by": "bo", "answered_at": "2026-01-05T10:00:00Z"}
    assert answer.json() == {**shown, **answered, "overrides": [override.pk]}
    on_call = client_of(ana).get(f"schedules/{main.pk}/on-call/", {"at": SPAN["start"]}).json()
    assert [(each["username"], each["why"]) for each in on_call["people"]] == [("bo", "swap: dentist, in place of Ana")]


def test_a_shift_in_return_is_named_by_its_span(main, ana, bo):
    """A8"""
    back = {"return_start": "2026-01-13T09:00:00Z", "return_end": "2026-01-14T09:00:00Z"}
    made = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN, "asked": bo.pk, **back}).json()
    assert made.items() >= back.items()
    assert len(client_of(bo).post(f"swap-requests/{made['id']}/accept/").json()["overrides"]) == 2


@pytest.mark.parametrize(
    ("verb", "by", "state"),
    [("accept", "bo", "accepted"), ("decline", "bo", "declined"), ("withdraw", "ana", "withdrawn")],
)
def test_a_request_is_settled_once_and_then_409_says_how(main, ana, bo, verb, by, state):
    """A8"""
    made = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN, "asked": "bo"}).json()
    client, path = client_of(User.objects.get(username=by)), f"swap-requests/{made['id']}/{verb}/"
    assert client.post(path).json()["state"] == state
    again = client.post(path)
    name = by.capitalize()
    assert (again.status_code, again.json()) == (409, {"detail": f"This request has already been {state} by {name}."})


@pytest.mark.parametrize(
    ("verb", "by", "sentence"),
    [
        ("accept", "ana", "Only Bo has been asked."),
        ("decline", "ana", "Only the person who has been asked can decline."),
        ("withdraw", "bo", "Only Ana can withdraw this request."),
    ],
)
def test_whoever_it_does_not_concern_is_refused_with_a_sentence(main, ana, bo, verb, by, sentence):
    made = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN, "asked": "bo"}).json()
    answer = client_of(User.objects.get(username=by)).post(f"swap-requests/{made['id']}/{verb}/")
    assert (answer.status_code, answer.json()) == (409, {"detail": sentence})
    assert SwapRequest.objects.get().state == "offered"


def test_a_shift_that_is_not_ones_own_cannot_be_offered(main, bo):
    answer = client_of(bo).post("swap-requests/", {"schedule": main.pk, **SPAN})
    sentence = "Bo is not on duty on rotation 0 main for all of that time."
    assert (answer.status_code, answer.json()) == (409, {"detail": sentence})


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schedule": 10**12}, "schedule"),
        ({"schedule": None}, "schedule"),
        ({"start": "tomorrow"}, "start"),
        ({"end": SPAN["start"]}, "end"),
        ({"asked": "bo", "return_start": SPAN["end"], "return_end": SPAN["start"]}, "return_end"),
        ({"asked": "bo", "return_start": SPAN["end"]}, "return_end"),
        ({"return_start": "2026-01-13T09:00:00Z", "return_end": "2026-01-14T09:00:00Z"}, "asked"),
        ({"asked": "nobody"}, "asked"),
        ({"note": "x" * 201}, "note"),
        ({"whom": "bo"}, "whom"),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_the_field(main, ana, bo, change, field):
    answer = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN} | change)
    assert answer.status_code == 400, answer.json()
    assert field in str(answer.json())
    assert not SwapRequest.objects.exists()


def test_nobody_asks_for_somebody_else_or_settles_a_request_by_writing_it(main, ana, bo):
    body, client = {"schedule": main.pk, **SPAN}, client_of(ana)
    settled = {"asked_by": "bo", "state": "accepted", "answered_by": "bo", "overrides": [1]}
    refused = client.post("swap-requests/", body | settled)
    assert refused.status_code == 400 and refused.json().keys() == settled.keys() and not SwapRequest.objects.exists()
    shown = client.post("swap-requests/", body).json()
    assert (shown["asked_by"], shown["state"], shown["answered_by"], shown["overrides"]) == ("ana", "offered", None, [])
    words, forged = {"schedule": main.pk, "text": "x"}, {"by": "bo", "at": SPAN["end"]}
    assert client.post("handover-notes/", words | forged).json().keys() == forged.keys()
    note = client.post("handover-notes/", words).json()
    assert (note["by"], note["at"]) == ("ana", "2026-01-05T10:00:00Z")


def test_a_request_is_neither_changed_nor_deleted(main, ana):
    client = client_of(User.objects.create_superuser("coach"))
    pk = client_of(ana).post("swap-requests/", {"schedule": main.pk, **SPAN}).json()["id"]
    for method in (client.put, client.patch, client.delete):
        assert method(f"swap-requests/{pk}/", {"state": "accepted"}).status_code == 405


def test_requests_are_found_by_who_where_when_and_state(main, ana, bo):
    client = client_of(ana)
    pk = client.post("swap-requests/", {"schedule": main.pk, **SPAN, "asked": "bo"}).json()["id"]
    ids = lambda **query: [row["id"] for row in client.get("swap-requests/", query).json()["results"]]  # noqa: E731
    for found in ({"asked": bo.pk}, {"asked_by": "ana"}, {"schedule": main.pk}, {"state": "offered"}):
        assert ids(**found) == [pk]
    for missed in ({"asked": ana.pk}, {"asked_by": "bo"}, {"state": "accepted"}, {"until": SPAN["start"]}):
        assert ids(**missed) == []


# --- handover notes --------------------------------------------------------------------------------------------------


def test_who_is_on_duty_leaves_a_note_that_everybody_reads(main, ana, bo):
    """A12"""
    made = client_of(ana).post("handover-notes/", {"schedule": main.pk, "text": "The disk is full."})
    note = {"schedule": main.pk, "by": "ana", "at": "2026-01-05T10:00:00Z", "text": "The disk is full."}
    assert (made.status_code, made.json()) == (201, {"id": HandoverNote.objects.get().pk, **note})
    assert client_of(bo).get("handover-notes/").json()["results"] == [made.json()]
    assert client_of(bo).get("handover-notes/", {"schedule": main.pk, "by": "bo"}).json()["results"] == []


def test_who_was_not_on_duty_within_a_day_leaves_none(main, bo):
    """A12"""
    answer = client_of(bo).post("handover-notes/", {"schedule": main.pk, "text": "x"})
    sentence = "Bo has not been on duty on rotation 0 main within the last day."
    assert (answer.status_code, answer.json()) == (409, {"detail": sentence})


@pytest.mark.parametrize(
    ("change", "field"),
    [({"text": ""}, "text"), ({"text": "x" * 4001}, "text"), ({"text": "\0"}, "text"), ({"schedule": 10**12}, "schedule"),
     ({"when": "now"}, "when")],
)  # fmt: skip
def test_a_wrong_note_is_refused_by_the_name_of_the_field(main, ana, change, field):
    answer = client_of(ana).post("handover-notes/", {"schedule": main.pk, "text": "x"} | change)
    assert answer.status_code == 400
    assert field in str(answer.json())
    assert not HandoverNote.objects.exists()


def test_a_note_is_neither_changed_nor_deleted(main, ana):
    client = client_of(ana)
    pk = client.post("handover-notes/", {"schedule": main.pk, "text": "x"}).json()["id"]
    for method in (client.put, client.patch, client.delete):
        assert method(f"handover-notes/{pk}/", {"text": "y"}).status_code == 405
