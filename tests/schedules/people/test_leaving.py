"""People who leave and return, and names that differ only in their capitals (security, lows)."""

from datetime import timedelta
from importlib import import_module
from urllib.parse import urlsplit

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from dispatching.alerts import links
from dispatching.contact import links as contact_links
from schedules.calendars import export
from schedules.models import ApiToken, CalendarLink, User
from tests.api import client_of
from tests.browser import browser_of, form_in, text

pytestmark = pytest.mark.django_db


def by_api(coach: User, who: User, active: bool) -> None:
    assert client_of(coach).patch(f"users/{who.pk}/", {"is_active": active}).status_code == 200


def by_form(coach: User, who: User, active: bool) -> None:
    page, path = browser_of(coach), f"/admin/schedules/user/{who.pk}/change/"
    form = form_in(page.get(path), "user_form")
    form.pop("is_active", None)
    answer = page.post(path, form | ({"is_active": "on"} if active else {}))
    assert answer.status_code == 302, text(answer)


@pytest.mark.parametrize("turn", [by_api, by_form])
def test_what_gave_a_person_access_does_not_come_back_with_them(world, ana, turn):
    """A stolen session, token or link of somebody who left worked again when they returned."""
    coach = User.objects.create_superuser("coach")
    alert = world.trigger(world.service(world.policy((timedelta(hours=1), ana))))
    ana.refresh_from_db()
    browser, program, anybody = browser_of(ana), client_of(ana), Client()
    calendar = urlsplit(export.address(export.calendar_link(ana, user=ana))).path

    def secrets() -> list[str]:
        recipient = type(ana.recipient).objects.get(user=ana)
        return [
            urlsplit(links.link(alert, recipient)).path,
            contact_links.path("manage", recipient.contact_points.get()),
        ]

    def answers(paths: list[str]) -> list[int]:
        own = [browser.get("/account/").status_code, program.get("teams/").status_code]
        return own + [anybody.get(path).status_code for path in paths]

    old = [*secrets(), calendar]
    assert answers(old) == [200] * 5
    turn(coach, ana, False)
    assert answers(old) == [302, 401, 404, 404, 404]
    turn(coach, ana, True)
    assert answers(old) == [302, 401, 404, 404, 404]
    assert not ApiToken.objects.filter(user=ana).exists() and not CalendarLink.objects.exists()
    again = User.objects.get(pk=ana.pk)
    assert (again.is_active, browser_of(again).get("/account/").status_code) == (True, 200)
    assert [anybody.get(path).status_code for path in secrets()] == [200, 200]


def test_who_never_left_keeps_their_session_and_links(world, ana):
    """Also over an update: the count of leavings changes nothing while it is 0."""
    coach, browser = User.objects.create_superuser("coach"), browser_of(ana)
    before = ana.get_session_auth_hash()
    by_api(coach, ana, True)
    assert User.objects.get(pk=ana.pk).get_session_auth_hash() == before
    assert browser.get("/account/").status_code == 200


def test_a_username_is_taken_in_any_case_of_letters(world, ana):
    """COACH beside coach was shown as another person everywhere."""
    bo, coach = world.person("bo"), User.objects.create_superuser("coach")
    refused = client_of(coach).patch(f"users/{bo.pk}/", {"username": "ANA"})
    assert (refused.status_code, refused.json()) == (
        400,
        {"username": ["There is already a person with this username."]},
    )
    assert client_of(coach).post("users/", {"username": "Ana"}).status_code == 400
    page, path = browser_of(coach), f"/admin/schedules/user/{bo.pk}/change/"
    answer = text(page.post(path, form_in(page.get(path), "user_form") | {"username": "ANA"}))
    assert "There is already a person with this username." in answer
    assert client_of(coach).patch(f"users/{ana.pk}/", {"username": "ANA"}).status_code == 200, "their own"


def test_names_that_are_there_twice_are_set_apart_by_the_migration(db):
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX username_any_case")
    for name in ("coach", "COACH", "Coach", "COACH_2", "ana"):
        User.objects.create(username=name)
    migration = import_module("schedules.migrations.0012_leaving_for_good_and_usernames_in_any_case")
    migration.set_apart(apps, None)
    names = list(User.objects.order_by("pk").values_list("username", flat=True))
    assert names == ["coach", "COACH_3", "Coach_4", "COACH_2", "ana"]
    assert len({name.lower() for name in names}) == len(names)


def test_nobody_locks_themselves_out(world):
    """Walk: a coach switched off the own login, and was shown the login page."""
    coach = User.objects.create_superuser("boss")
    path = f"/admin/schedules/user/{coach.pk}/change/"
    page = browser_of(coach)
    shown = form_in(page.get(path), "user_form")
    assert not {"is_active", "is_staff", "is_superuser"} & shown.keys()
    page.post(path, shown)
    assert User.objects.filter(pk=coach.pk, is_active=True, is_staff=True, is_superuser=True).exists()
    assert page.post(f"/admin/schedules/user/{coach.pk}/delete/", {"post": "yes"}).status_code == 403
    answer = client_of(coach).patch(f"users/{coach.pk}/", {"is_active": False})
    assert (answer.status_code, answer.json()) == (400, {"is_active": ["Somebody else has to switch off your login."]})
