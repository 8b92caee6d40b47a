"""Who is on call now: the one page that everybody opens."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from schedules.models import Override, Schedule, User
from tests.browser import browser_of, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + timedelta(hours=1), tick=False)
    return clock


@pytest.fixture
def reader(world):
    return browser_of(world.person("reader"))


def cards(response) -> list[str]:
    """Each schedule's part of the page."""
    return [part.partition("</article>")[0] for part in text(response).split("<article")[1:]]


def test_a_stranger_is_asked_to_log_in():
    answer = Client().get("/on-call/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/on-call/")


def test_main_and_backup_are_shown_with_until_when_who_then_and_why(world, reader):
    world.weekly(world.person("ana"), world.person("bo"))
    main, backup = cards(reader.get("/on-call/"))
    assert "rotation 0 main" in main and "</span> Ana</p>" in main
    assert "until <time" in main and "Mon 12 Jan 2026, 09:00 UTC</time>, then Bo" in main
    assert "Why:" not in main + backup, "it would repeat the name of the schedule"
    assert "rotation 0 backup 1" in backup and "</span> Bo</p>" in backup
    assert "Mon 12 Jan 2026, 09:00 UTC</time>, then Ana" in backup


def test_main_comes_before_backup_whatever_they_are_called(world, reader):
    main, backup = world.weekly(world.person("ana"), world.person("bo"))
    Schedule.objects.filter(pk=main.pk).update(name="Z main")
    Schedule.objects.filter(pk=backup.pk).update(name="A backup")
    first, second = cards(reader.get("/on-call/"))
    assert "Z main" in first and "A backup" in second


def test_a_gap_is_said_plainly(world, reader):
    Schedule.objects.create(name="Nights")
    [card] = cards(reader.get("/on-call/"))
    assert card.lower().count("nobody is on duty") == 1, "P27"
    assert "An alert goes straight to the next step of its policy." in card


def test_somebody_who_has_left_is_a_gap(world, reader):
    """O3"""
    ana = world.person("ana", is_active=False)
    world.weekly(ana, world.person("bo"), positions=1)
    [card] = cards(reader.get("/on-call/"))
    assert "Nobody is on duty" in card and '<p class="quiet">Ana is no longer active' in card
    assert "until <time" in card and "then Bo" in card


def test_an_override_is_shown_with_its_reason_and_its_end(world, reader):
    [main] = world.weekly(world.person("ana"), world.person("bo"), positions=1)
    until = MONDAY + timedelta(hours=3)
    Override.objects.create(schedule=main, user=world.person("cy"), start=MONDAY, end=until, reason="dentist")
    [card] = cards(reader.get("/on-call/"))
    assert "</span> Cy</p>" in card and "Why: override: dentist" in card
    assert "Mon 5 Jan 2026, 12:00 UTC</time>, then Ana" in card


def test_times_are_on_the_readers_own_clock_and_in_utc(world):
    world.weekly(world.person("ana"), world.person("bo"), positions=1)
    [card] = cards(browser_of(world.person("reader", time_zone="Europe/Berlin")).get("/on-call/"))
    assert "Mon 12 Jan 2026, 10:00 CET" in card and "(09:00 UTC)" in card


def test_schedules_stand_under_their_teams(world, reader):
    ana = world.person("ana")
    [main] = world.weekly(ana, positions=1)
    Schedule.objects.filter(pk=main.pk).update(team=world.team("Team 1", ana))
    Schedule.objects.create(name="Nights")
    page = text(reader.get("/on-call/"))
    assert page.index("<h2>Team 1</h2>") < page.index("rotation 0 main")
    assert page.index("<h2>Schedules without a team</h2>") < page.index("Nights")


def test_no_schedule_is_said_plainly(reader):
    assert "There are no schedules yet." in text(reader.get("/on-call/"))


def test_a_name_with_markup_is_only_text(world, reader):
    """K9"""
    evil = "<img src=x onerror=alert(1)>"
    [main] = world.weekly(world.person("ana", last_name=evil), positions=1)
    Schedule.objects.filter(pk=main.pk).update(name=evil)
    page = text(reader.get("/on-call/"))
    assert "<img" not in page and page.count("&lt;img src=x") >= 2


def test_the_page_takes_the_same_number_of_queries_for_3_and_for_30_schedules(world, reader):
    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            assert reader.get("/on-call/").status_code == 200
        return len(taken)

    people = [world.person(f"person-{n}") for n in range(4)]
    schedules = world.weekly(*people, positions=3)
    Override.objects.create(schedule=schedules[0], user=people[3], start=MONDAY, end=MONDAY + timedelta(hours=3))
    few = queries()
    for n in range(9):
        own = world.weekly(*people, positions=3)
        Schedule.objects.filter(pk__in=[s.pk for s in own]).update(team=world.team(f"Team {n}", *people))
        Override.objects.create(schedule=own[0], user=people[3], start=MONDAY, end=MONDAY + timedelta(hours=3))
    assert Schedule.objects.count() == 30
    assert queries() == few <= 8


def test_somebody_who_is_no_staff_logs_in_and_reads_who_is_on_call(client, db):
    """A5: anyone in the organisation."""
    User.objects.create_user("sales", password="example")
    answer = client.get("/on-call/", follow=True)
    assert answer.redirect_chain == [("/login/?next=/on-call/", 302)]
    form = {"username": "sales", "password": "wrong", "next": "/on-call/"}
    assert "do not match" in client.post("/login/", form).content.decode()
    answer = client.post("/login/", {**form, "password": "example"}, follow=True)
    assert "Who is on call now" in answer.content.decode()


def test_the_log_in_leads_to_no_other_site(client, db):
    """K10"""
    User.objects.create_user("sales", password="example")
    form = {"username": "sales", "password": "example", "next": "//evil.example/"}
    assert client.post("/login/", form)["Location"] == "/on-call/"
