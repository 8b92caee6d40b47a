"""What colleagues see of each other, and what they do not (decision 18; S16, P10)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from schedules.calendars import export
from schedules.models import Absence, SwapRequest
from tests.api import client_of
from tests.browser import browser_of, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
ADDRESS, ILL, SECRET = "bo@private.example", "surgery", "my daughter is ill"
SPAN = {"start": MONDAY, "end": MONDAY + timedelta(days=1)}


@pytest.fixture
def bo(world):
    bo = world.person("bo", email=ADDRESS)
    bo.set_password("correct horse battery")
    bo.save()
    return bo


@pytest.fixture
def ana(world, bo):
    """Staff, and on the same schedule."""
    ana = world.person("ana", is_staff=True)
    main, _ = world.weekly(ana, bo)
    Absence.objects.create(user=bo, reason=ILL, **SPAN)
    swap = {"schedule": main, "asked_by": bo, "created_at": MONDAY, **SPAN}
    SwapRequest.objects.create(asked=world.person("cy"), note=SECRET, **swap)
    return ana


ADMIN = "/admin/schedules"
PLACES = {
    "API: people": ("/api/v1/users/", ADDRESS),
    "API: people by address": (f"/api/v1/users/?email={ADDRESS}", ADDRESS),
    "API: absences": ("/api/v1/absences/", ILL),
    "API: swap requests": ("/api/v1/swap-requests/", SECRET),
    "list of people": (f"{ADMIN}/user/", ADDRESS),
    "one person": (f"{ADMIN}/user/{{bo}}/change/", ADDRESS),
    "a password": (f"{ADMIN}/user/{{bo}}/change/", "algorithm"),
    "list of absences": (f"{ADMIN}/absence/", ILL),
    "one absence": (f"{ADMIN}/absence/{{absence}}/change/", ILL),
    "one swap request": (f"{ADMIN}/swaprequest/{{swap}}/change/", SECRET),
}
SPELLED = {
    "people by address": (f"/api/v1/users/?email={ADDRESS}", '"count":0'),
    "search of people": (f"{ADMIN}/user/?q={ADDRESS}", "0 results"),
    "search of absences": (f"{ADMIN}/absence/?q={ILL}", "0 results"),
    "search of swaps": (f"{ADMIN}/swaprequest/?q=daughter", "0 results"),
}


def test_what_is_private_is_seen_by_oneself_and_by_people_who_look_after_it(ana, bo):
    """S16, P10"""
    ids = {"bo": bo.pk, "absence": Absence.objects.get().pk, "swap": SwapRequest.objects.get().pk}
    bo.is_staff = True
    bo.save()

    def seen_by(user) -> set[str]:
        browser, answers = browser_of(user), {name: path.format(**ids) for name, (path, _) in PLACES.items()}
        pages = {name: browser.get(path) for name, path in answers.items()}
        assert {page.status_code for page in pages.values()} == {200}
        return {name for name, page in pages.items() if PLACES[name][1] in text(page)}

    assert seen_by(ana) == set()
    for path, nothing in SPELLED.values():
        assert nothing in text(browser_of(ana).get(path)), path
    mine = {"API: people", "API: people by address", "API: absences", "API: swap requests"}
    assert seen_by(bo) - {"list of people"} == mine | {"one person", "one absence", "one swap request"}
    ana.user_permissions.set(Permission.objects.filter(codename__in=("view_user", "view_absence", "view_swaprequest")))
    assert seen_by(type(ana).objects.get(pk=ana.pk)) == PLACES.keys() - {"a password"}
    ana.user_permissions.set(Permission.objects.filter(codename="change_user"))
    assert "a password" in seen_by(type(ana).objects.get(pk=ana.pk))


def test_a_calendar_names_colleagues_without_their_addresses(ana, bo):
    """S16: anybody may make a link to anybody's shifts."""
    assert ADDRESS.encode() not in export.export(MONDAY, user=bo).replace(b"\r\n ", b"")
    [first] = client_of(ana).get("users/?username=ana").json()["results"]
    assert first["email"] == ana.email
