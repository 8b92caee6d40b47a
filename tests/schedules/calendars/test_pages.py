"""Calendars and links to them over the API and in the admin (A10; F9, K13)."""

from datetime import timedelta

import pytest
from django.urls import reverse

from schedules.calendars import feeds
from schedules.calendars.export import calendar_link
from schedules.models import CalendarFeed, CalendarLink, Layer, Schedule, User
from tests.api import client_of
from tests.browser import browser_of, everything, form_in, text
from tests.schedules.ics import calendar, event
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
SECRET = "https://calendar.example.com/private-5ecret/basic.ics"
GOOD = calendar(
    event("DTSTART:20260106T200000Z", "DURATION:PT10H", "SUMMARY:Bo"),
    event("DTSTART:20260107T200000Z", "DURATION:PT10H", "SUMMARY:Zoe <b>"),
)


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY, tick=False)


@pytest.fixture
def ana(world):
    return world.person("ana", is_staff=True)


@pytest.fixture
def bo(world):
    return world.person("bo", is_staff=True)


@pytest.fixture
def team(world, ana):
    return world.team("Team 1", ana)


@pytest.fixture
def boss(db):
    return User.objects.create_superuser("coach")


@pytest.fixture
def coach(boss):
    return client_of(boss)


@pytest.fixture
def admin(boss):
    return browser_of(boss)


def admin_page(obj, page: str = "change") -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{page}", args=[obj.pk])


# --- feeds over the API -----------------------------------------------------------------------------------------------


def test_a_text_is_read_as_it_is_saved(coach, bo, team):
    answer = coach.post("calendar-feeds/", {"name": "f", "team": team.pk, "content": GOOD, "time_zone": "Asia/Tokyo"})
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert (made["entries"], made["error"], made["fetched_at"]) == (1, "", "2026-01-05T09:00:00Z")
    assert made["unknown"] == "“Zoe <b>” (07 Jan 2026) does not name anybody known here."
    schedule = Schedule.objects.create(name="s")
    Layer.objects.create(schedule=schedule, feed_id=made["id"])
    [duty] = coach.get(f"schedules/{schedule.pk}/on-call/?at=2026-01-06T22:00:00Z").json()["people"]
    assert (duty["username"], duty["why"]) == ("bo", "f")
    assert coach.delete(f"calendar-feeds/{made['id']}/").status_code == 409, "a schedule needs it"


@pytest.mark.parametrize("content", ["", "<html>", "x", calendar(), None])
def test_a_text_that_is_no_calendar_is_refused_by_name(coach, content):
    before = everything()
    answer = coach.post("calendar-feeds/", {"name": "f"} | ({} if content is None else {"content": content}))
    assert (answer.status_code, list(answer.json())) == (400, ["content"])
    assert everything() == before


def test_a_bad_text_in_place_of_a_good_one_changes_nothing(coach, bo):
    pk = coach.post("calendar-feeds/", {"name": "f", "content": GOOD}).json()["id"]
    before = everything()
    assert coach.patch(f"calendar-feeds/{pk}/", {"content": "x"}).status_code == 400
    assert everything() == before


def test_another_zone_moves_the_times_without_one(coach, bo):
    local = calendar(event("DTSTART:20260106T200000", "DURATION:PT1H", "SUMMARY:Bo"))
    pk = coach.post("calendar-feeds/", {"name": "f", "content": local}).json()["id"]
    assert CalendarFeed.objects.get().entries.get().start == MONDAY + timedelta(hours=35)
    assert coach.patch(f"calendar-feeds/{pk}/", {"time_zone": "Asia/Tokyo"}).status_code == 200
    assert CalendarFeed.objects.get().entries.get().start == MONDAY + timedelta(hours=26)


def test_a_url_is_due_at_once_and_takes_no_text_beside_it(coach):
    both = coach.post("calendar-feeds/", {"name": "f", "url": SECRET, "content": GOOD})
    assert (both.status_code, list(both.json())) == (400, ["content"])
    made = coach.post("calendar-feeds/", {"name": "f", "url": SECRET})
    assert made.status_code == 201, made.json()
    feed = CalendarFeed.objects.get()
    assert (feed.due_at, feed.fetched_at) == (MONDAY, None)
    CalendarFeed.objects.update(due_at=MONDAY + feeds.EVERY)
    assert coach.put(f"calendar-feeds/{feed.pk}/", made.json() | {"name": "g"}).status_code == 200
    assert coach.patch(f"calendar-feeds/{feed.pk}/", {"name": "g"}).status_code == 200
    assert CalendarFeed.objects.get().due_at == MONDAY


def test_the_address_is_shown_to_those_who_may_change_it(coach, ana, bo, team):
    """K13: with Google the address is the key to the calendar."""
    pk = coach.post("calendar-feeds/", {"name": "f", "url": SECRET, "team": team.pk}).json()["id"]
    CalendarFeed.objects.update(content=GOOD)
    for path in ("calendar-feeds/", f"calendar-feeds/{pk}/"):
        assert SECRET in client_of(ana).get(path).content.decode()
        shown = client_of(bo).get(path).content.decode()
        assert "5ecret" not in shown and "BEGIN" not in shown and "https://calendar.example.com/…" in shown
    assert client_of(bo).patch(f"calendar-feeds/{pk}/", {"name": "g"}).status_code == 403
    assert client_of(ana).patch(f"calendar-feeds/{pk}/", {"name": "g"}).status_code == 200


# --- links over the API -----------------------------------------------------------------------------------------------


def test_everybody_makes_and_revokes_links_of_their_own(ana, bo, team, client):
    mine, theirs = client_of(ana), client_of(bo)
    made = mine.post("calendar-links/", {"team": team.pk})
    assert made.status_code == 201, made.json()
    assert mine.post("calendar-links/", {"team": team.pk}).json() == made.json(), "asked again, the same one"
    path = made.json()["url"].removeprefix("http://127.0.0.1:8000")
    assert client.get(path).status_code == 200
    before = everything()
    assert [row["id"] for row in mine.get("calendar-links/").json()["results"]] == [made.json()["id"]]
    assert theirs.get("calendar-links/").json()["results"] == []
    assert everything() == before
    one = f"calendar-links/{made.json()['id']}/"
    assert (theirs.get(one).status_code, theirs.delete(one).status_code) == (404, 404)
    assert mine.patch(one, {"team": None}).status_code == 405
    assert mine.delete(one).status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{}, {"user": "ana", "team": 1}, {"user": "nobody"}, {"team": 99}, {"token": "x"}, {"owner": 1}, {"user": [1]}, []],
)
def test_a_link_is_for_one_thing_that_there_is(ana, team, body):
    body = {**body, "team": team.pk} if isinstance(body, dict) and body.get("team") == 1 else body
    assert client_of(ana).post("calendar-links/", body).status_code == 400
    assert not CalendarLink.objects.exists()


# --- the admin --------------------------------------------------------------------------------------------------------


def add(admin, **fields):
    path = reverse("admin:schedules_calendarfeed_add")
    return admin.post(path, form_in(admin.get(path), "calendarfeed_form") | fields)


def test_a_text_in_the_form_is_read_and_shown_with_what_nobody_understood(admin, bo, team):
    assert add(admin, name="f", team=team.pk, content=GOOD).status_code == 302
    feed = CalendarFeed.objects.get()
    before = everything()
    shown = text(admin.get(admin_page(feed)))
    assert "Tue 6 Jan 2026, 20:00 UTC" in shown and "<td>Bo</td>" in shown
    assert "“Zoe &lt;b&gt;” (07 Jan 2026) does not name anybody known here." in shown
    assert everything() == before
    form = form_in(admin.get(admin_page(feed)), "calendarfeed_form")
    assert admin.post(admin_page(feed), form).status_code == 302
    assert CalendarFeed.objects.get().entries.count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"content": "<html>"}, "It is a web page, not a calendar."),
        ({"content": ""}, "Enter a URL or the text of the calendar."),
        ({"content": GOOD, "url": SECRET}, "The calendar is read from its URL"),
        ({"url": "ftp://x/"}, "Enter a valid URL"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(admin, fields, sentence):
    shown = text(add(admin, name="f", **fields))
    assert sentence in shown or "valid" in sentence and "valid" in shown
    assert not CalendarFeed.objects.exists()


def test_a_stale_calendar_says_since_when_and_why(admin, bo):
    """F9"""
    assert add(admin, name="f", url=SECRET).status_code == 302
    feed = CalendarFeed.objects.get()
    assert feed.due_at == MONDAY
    assert "Not read yet" in text(admin.get(admin_page(feed)))
    feeds.take(feed, GOOD, MONDAY - timedelta(hours=2))
    feeds.failed(feed, "calendar.example.com answered 500", MONDAY - timedelta(hours=1))
    shown = text(admin.get(admin_page(feed)))
    assert (
        'Stale since <time datetime="2026-01-05T08:00:00Z">' in shown
        and "calendar.example.com answered 500. The copy read" in shown
    )
    assert 'The copy read on <time datetime="2026-01-05T07:00:00Z">' in shown and "<td>Bo</td>" in shown
    assert "stale" in text(admin.get(reverse("admin:schedules_calendarfeed_changelist")))


@pytest.mark.parametrize("scheme", ["webcal://", "WEBCALS://", " webcal://"])
def test_a_webcal_address_is_taken_as_https(admin, coach, scheme):
    """Case 47: form and API"""
    assert add(admin, name="f", url=f"{scheme}example.org/feed").status_code == 302
    made = coach.post("calendar-feeds/", {"name": "g", "url": f"{scheme}example.org/feed"})
    assert made.json()["url"] == "https://example.org/feed"
    assert set(CalendarFeed.objects.values_list("url", flat=True)) == {"https://example.org/feed"}


def test_a_calendar_without_its_url_any_more_goes_on_from_the_last_copy(admin, bo):
    add(admin, name="f", url=SECRET)
    feed = CalendarFeed.objects.get()
    form = form_in(admin.get(admin_page(feed)), "calendarfeed_form")
    assert "content" not in form
    assert "Enter a URL or the text of the calendar." in text(admin.post(admin_page(feed), form | {"url": ""}))
    feeds.take(feed, GOOD, MONDAY)
    assert admin.post(admin_page(feed), form | {"url": ""}).status_code == 302
    feed.refresh_from_db()
    assert (feed.url, feed.content, feed.entries.count()) == ("", GOOD, 1)


def test_what_the_fetching_writes_does_not_cross_an_edit(admin, bo):
    """F13 is about people: the calendar is read anew every quarter of an hour."""
    add(admin, name="f", url=SECRET)
    feed = CalendarFeed.objects.get()
    form = form_in(admin.get(admin_page(feed)), "calendarfeed_form")
    feeds.take(feed, GOOD, MONDAY)
    assert admin.post(admin_page(feed), form | {"name": "g"}).status_code == 302


def test_who_may_not_change_a_feed_sees_no_address_and_no_text(ana, bo, team, admin):
    """K13"""
    add(admin, name="f", url=SECRET, team=team.pk)
    feed = CalendarFeed.objects.get()
    CalendarFeed.objects.update(content=GOOD)
    assert SECRET in text(browser_of(ana).get(admin_page(feed)))
    shown = browser_of(bo).get(admin_page(feed))
    assert shown.status_code == 200 and "5ecret" not in text(shown) and "BEGIN:" not in text(shown)


def test_a_link_is_shown_to_its_owner_and_deleted_by_them(ana, bo, team, admin, client):
    link = calendar_link(ana, team=team)
    page = admin_page(link)
    for browser, sees in ((browser_of(ana), True), (browser_of(bo), False), (admin, True)):
        assert (link.token in text(browser.get(page))) == sees
        assert link.token not in text(browser.get(reverse("admin:schedules_calendarlink_changelist")))
    assert browser_of(bo).post(admin_page(link, "delete"), {"post": "yes"}).status_code == 403
    assert browser_of(ana).post(admin_page(link, "delete"), {"post": "yes"}).status_code == 302
    assert client.get(f"/calendar/{link.token}.ics").status_code == 404


def test_a_link_made_in_the_admin_belongs_to_whom_made_it(admin, boss, team):
    path = reverse("admin:schedules_calendarlink_add")
    form = form_in(admin.get(path), "calendarlink_form")
    assert "token" not in form and "owner" not in form
    assert "A calendar link is for one person, one schedule or one team." in text(admin.post(path, form))
    assert admin.post(path, form | {"team": team.pk, "token": "mine"}).status_code == 302
    link = CalendarLink.objects.get()
    assert (link.owner, link.team) == (boss, team) and link.token != "mine"
