"""The help page: in plain words, employees first; seen so often, and whether it helped, without a word on who."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from schedules.models import User
from stakeholders.models import PageAnswer, PageViews, Quota
from stakeholders.rules import plain
from tests.browser import browser_of, everything, text

pytestmark = pytest.mark.django_db
HELP = "/subscribe/help/"


def test_it_tells_employees_first_then_how_they_subscribe_people_outside(world):
    """B116, B121"""
    page = text(Client().get(HELP))
    order = ["If you work here</h2>", "How to subscribe a customer or partner</h2>", "yourself</h2>"]
    assert sorted(order, key=page.index) == order
    for link in ("/subscribe/", "/subscribe/invite/", "/subscriptions/new-link/", "/subscriptions/mine/"):
        assert f'href="{link}"' in page
    assert plain.jargon(page.partition("<main>")[2].partition("<script>")[0]) == {}


@pytest.mark.parametrize("page", ["/subscribe/", "/subscriptions/new-link/", "/subscriptions/x/"])
def test_every_public_page_leads_to_it(world, page):
    """B116"""
    assert f'href="{HELP}"' in text(Client().get(page))


@pytest.mark.parametrize(("pressed", "helped"), [("yes", True), ("no", False)])
def test_somebody_says_whether_it_helped(world, pressed, helped):
    """B117"""
    answer = Client(enforce_csrf_checks=True).post(HELP, {"helped": pressed, "comment": "What is a group?"})
    assert answer.status_code == 200 and "Thank you." in text(answer) and not answer.cookies
    row = PageAnswer.objects.get()
    assert (row.page, row.day, row.helped, row.comment) == ("help", world.now.date(), helped, "What is a group?")
    coach = browser_of(User.objects.create_superuser("coach"))
    assert "What is a group?" in text(coach.get("/admin/stakeholders/pageanswer/"))


@pytest.mark.parametrize(
    "filled", [{}, {"helped": "x"}, {"helped": "yes", "comment": "x" * 1001}, {"helped": "yes", "comment": "\0"}]
)
def test_what_is_wrong_is_said_and_nothing_is_kept(world, filled):
    answer = Client().post(HELP, filled)
    assert answer.status_code == 400 and 'role="alert"' in text(answer)
    assert not PageAnswer.objects.exists()


def test_views_are_counted_by_day_by_what_the_page_sends_and_not_by_opening_it(world, clock):
    """B118, K11: a GET changes nothing."""
    before = everything()
    for method in ("get", "head", "options"):
        getattr(Client(), method)(HELP)
    assert everything() == before
    assert "navigator.sendBeacon(location.pathname" in text(Client().get(HELP))
    for _ in range(3):
        assert Client(enforce_csrf_checks=True).post(HELP, {"seen": 1}).status_code == 204
    clock.shift(24 * 3600)
    Client().post(HELP, {"seen": 1})
    assert list(PageViews.objects.values_list("page", "views")) == [("help", 1), ("help", 3)]
    coach = browser_of(User.objects.create_superuser("coach"))
    assert coach.get("/admin/stakeholders/pageviews/").status_code == 200


def test_nothing_says_who_it_was(world):
    """B118: no address of the network, no name of a program, no cookie."""
    agent: dict[str, Any] = {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": "Browser of Vi"}
    Client().post(HELP, {"seen": 1}, **agent)
    Client().post(HELP, {"helped": "yes"}, **agent)
    with connection.cursor() as cursor:
        for model in (PageAnswer, PageViews, Quota):
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} t")
            for (row,) in cursor.fetchall():
                assert "203.0.113" not in row and "Vi" not in row


def test_one_network_answers_only_so_often(world, settings):
    """B117, P1: the same limit as that of the other forms."""
    settings.FORMS_PER_NETWORK = 2
    for _ in range(4):
        assert Client().post(HELP, {"helped": "no"}).status_code == 200
        Client().post(HELP, {"seen": 1})
    assert PageAnswer.objects.count() == 2 and PageViews.objects.get().views == 2
