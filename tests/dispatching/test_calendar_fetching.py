"""Calendars are fetched when they are due, from a real server; what goes wrong there stays there (A10; F9, K1)."""

import gzip
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from config.celery import app
from dispatching.calendar_fetching import fetch_due
from schedules.calendars import feeds
from schedules.calendars.arriving import text_of
from schedules.models import CalendarFeed, Layer, Schedule
from schedules.oncall import on_call
from tests.dispatching.receivers import answer, hang_up, http_receiver
from tests.schedules.ics import calendar, event
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
NIGHTLY = calendar(event("DTSTART:20260101T200000Z", "DURATION:PT10H", "RRULE:FREQ=DAILY", "SUMMARY:Ana"))
NIGHT = MONDAY + timedelta(hours=12)


@pytest.fixture
def server(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with http_receiver() as receiver:
        receiver.always = answer(200, NIGHTLY.encode(), Content_Type="text/calendar")
        yield receiver


@pytest.fixture
def feed(world, server):
    world.person("ana")
    return CalendarFeed.objects.create(name="Team 1 calendar", url=server.url, due_at=MONDAY)


@pytest.fixture
def schedule(feed):
    schedule = Schedule.objects.create(name="Nights")
    Layer.objects.create(schedule=schedule, feed=feed)
    return schedule


def on_duty(schedule, at=NIGHT) -> list[str]:
    return [each.user.username for each in on_call(schedule, at)]


def test_a_calendar_is_fetched_every_quarter_of_an_hour(feed, schedule, server):
    assert fetch_due(MONDAY - timedelta(seconds=1)) == 0
    assert fetch_due(MONDAY) == 1 and fetch_due(MONDAY) == 0
    assert on_duty(schedule) == ["ana"]
    feed.refresh_from_db()
    assert (feed.content, feed.fetched_at, feed.due_at) == (NIGHTLY, MONDAY, MONDAY + QUARTER)
    assert server.requests[0].headers["accept"] == "text/calendar"
    assert fetch_due(MONDAY + QUARTER) == 1


def breaks_off(handler):
    """Announces more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(NIGHTLY) + 1000))
    handler.end_headers()
    handler.wfile.write(NIGHTLY.encode())
    handler.close_connection = True


BROKEN = {
    "500": (answer(500, b"BEGIN:VCALENDAR"), "127.0.0.1 answered 500."),
    "404": (answer(404), "127.0.0.1 answered 404"),
    "page": (answer(200, b"<!doctype html><title>Sign in</title>"), "It is a web page, not a calendar."),
    "empty": (answer(200), "It is empty."),
    "no events": (answer(200, calendar().encode()), "It holds no event."),
    "junk": (answer(200, bytes(range(256)) * 40), "It is not a calendar in iCalendar form."),
    "gzip": (
        answer(200, gzip.compress(NIGHTLY.encode())),
        "It is compressed (gzip), not a calendar in iCalendar form.",
    ),
    "brotli": (answer(200, b"\x8b\x0f", Content_Encoding="br"), "It is compressed (br), not a calendar"),
    "zip": (answer(200, b"PK\x03\x04" + b"x" * 99), "It is a zip archive, not a calendar"),
    "hangs up": (hang_up, "127.0.0.1 did not answer"),
    "breaks off": (breaks_off, "127.0.0.1 did not answer"),
    "too long": (answer(200, NIGHTLY.encode() + b" " * (2 << 20)), "the answer is longer than 2048 KiB"),
    "inside": (answer(302, Location="http://169.254.169.254/"), "not public"),
}


@pytest.mark.parametrize(
    ("charset", "said"),
    [
        *((charset, "text/calendar") for charset in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")),
        *((charset, f"text/calendar; charset={charset}") for charset in ("utf-8", "iso-8859-1", "utf-16-be")),
        *(("utf-8", f"text/calendar; charset={wrong}") for wrong in ("iso-8859-1", "x-unknown", "rot13", '"')),
    ],
)
def test_a_calendar_is_read_in_the_charset_in_which_it_is_written(charset, said):
    """Its marks and its letters say more than the server does."""
    words = NIGHTLY.replace("SUMMARY:Ana", "SUMMARY:Zoë")
    assert text_of(words.encode(charset), content_type=said, encoding="identity") == words


@pytest.mark.parametrize("case", BROKEN)
def test_whatever_the_server_answers_the_last_good_copy_stays(feed, schedule, server, case):
    """F9, K4"""
    fetch_due(MONDAY)
    server.always, reason = BROKEN[case]
    for n in (1, 2):
        assert fetch_due(MONDAY + n * QUARTER) == 1
    feed.refresh_from_db()
    assert reason in feed.error and server.url not in feed.error
    assert (feed.content, feed.fetched_at, feed.failing_since) == (NIGHTLY, MONDAY, MONDAY + QUARTER)
    assert on_duty(schedule) == ["ana"]
    server.always = answer(200, NIGHTLY.encode())
    fetch_due(MONDAY + 3 * QUARTER)
    feed.refresh_from_db()
    assert (feed.error, feed.failing_since, feed.fetched_at) == ("", None, MONDAY + 3 * QUARTER)


def test_a_redirect_is_followed_and_a_byte_order_mark_is_none_of_our_business(feed, schedule, server):
    server.script += [answer(303, Location="/other"), answer(200, b"\xef\xbb\xbf" + NIGHTLY.encode())]
    fetch_due(MONDAY)
    assert [each.path for each in server.requests] == ["/hook", "/other"]
    assert on_duty(schedule) == ["ana"]


def test_a_calendar_on_the_own_network_is_not_fetched(feed, server, settings):
    """K1"""
    settings.WEBHOOK_ALLOW_PRIVATE = False
    fetch_due(MONDAY)
    feed.refresh_from_db()
    assert feed.error and feed.failing_since == MONDAY and server.requests == []


def test_a_calendar_without_a_url_goes_on_with_the_time(feed, schedule, server):
    """The entries reach 400 days ahead; there is nothing to fetch, and they are read anew all the same."""
    CalendarFeed.objects.update(url="")
    feed.refresh_from_db()
    feeds.take(feed, NIGHTLY, MONDAY)
    later = NIGHT + timedelta(days=430)
    assert on_duty(schedule, later) == []
    assert fetch_due(MONDAY + timedelta(days=31)) == 1
    assert on_duty(schedule, later) == ["ana"] and server.requests == []


def test_one_that_is_broken_does_not_keep_the_others_waiting(feed, schedule, server):
    bad = CalendarFeed.objects.create(name="bad", url=f"http://127.0.0.1:{server.port}/bad", due_at=MONDAY - QUARTER)
    server.script.append(answer(500))
    assert fetch_due(MONDAY) == 2
    bad.refresh_from_db()
    assert bad.failing_since == MONDAY and bad.fetched_at is None
    assert on_duty(schedule) == ["ana"]


def test_it_stops_when_the_worker_is_told_to_end(feed, server):
    assert fetch_due(MONDAY, going=lambda: False) == 0
    assert server.requests == []


@pytest.mark.django_db(transaction=True)
def test_while_the_server_thinks_nothing_is_locked_and_nobody_else_asks(feed, server):
    """D: no network in a transaction; two workers do not fetch one calendar twice."""
    seen: list[object] = []

    def think(handler):
        with transaction.atomic():
            seen.append(CalendarFeed.objects.select_for_update(nowait=True).get().due_at)
        seen.append(fetch_due(MONDAY))
        connection.close()
        answer(200, NIGHTLY.encode())(handler)

    def fetch():
        fetch_due(MONDAY)
        connection.close()

    server.always = think
    thread = threading.Thread(target=fetch)
    thread.start()
    thread.join(30)
    assert seen == [MONDAY + QUARTER, 0]
    assert CalendarFeed.objects.get().fetched_at == MONDAY


def test_it_has_a_queue_that_no_page_waits_in(settings):
    task = settings.CELERY_BEAT_SCHEDULE["calendars"]["task"]
    app.loader.import_default_modules()
    assert task in app.tasks
    assert app.amqp.router.route({}, task)["queue"].name == "housekeeping"
