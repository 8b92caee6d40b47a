"""Calendars from outside: what they say is read exactly, and what is no calendar changes nothing (A10; E22, F9)."""

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from config.database.limits import JOBS
from schedules.calendars import feeds
from schedules.calendars.occurrences import BadCalendar, occurrences
from schedules.models import CalendarFeed, Layer, Schedule, User
from schedules.oncall import on_call
from schedules.surfaces import locks
from tests.api import client_of
from tests.browser import browser_of, everything, form_in, text
from tests.schedules.ics import calendar, event

pytestmark = pytest.mark.django_db
TEAM = Path(__file__).with_name("feeds").joinpath("team.ics").read_bytes().decode()
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")


@pytest.fixture
def people(world):
    world.person("ana", last_name="Ito", email="ana.ito@example.com")
    world.person("bo", email="bo@example.com")
    world.person("cy", last_name="Ortega")


def told(reading: feeds.Reading) -> list[str]:
    """Each entry as “ana 2026-03-02 17:00 – 2026-03-03 07:00”, UTC."""
    names = dict(User.objects.values_list("pk", "username"))
    return [f"{names[user]} {start:%m-%d %H:%M} – {end:%m-%d %H:%M}" for user, start, end in reading.entries]


def read(*events: str, zone: ZoneInfo = UTC_ZONE, days: int = 100, seconds=feeds.AT_LEISURE) -> feeds.Reading:
    return feeds.read(calendar(*events), zone, MARCH, MARCH + timedelta(days=days), seconds)


def spans(*lines: str, zone: ZoneInfo = UTC_ZONE) -> list[str]:
    """When one event takes place, without the process around it."""
    found, wrong = occurrences(calendar(event(*lines, "SUMMARY:Bo")), zone, MARCH, MARCH + timedelta(days=100))
    assert not wrong
    return [f"{each.start:%m-%d %H:%M} – {each.end:%m-%d %H:%M}" for each in found]


# --- what a calendar says ---------------------------------------------------------------------------------------------


def test_a_calendar_as_outlook_and_google_write_it_is_read_to_the_minute(people):
    """E22: folded lines, UNTIL in local time, EXDATE, a moved repetition, whole days, zones of its own, a clock change."""
    reading = feeds.read(TEAM, BERLIN, MARCH, MARCH + timedelta(days=100))
    assert told(reading) == [
        "ana 03-02 17:00 – 03-03 07:00",
        "bo 03-03 23:00 – 03-04 11:00",  # New York, before its clock change on 8 March
        "bo 03-10 19:00 – 03-11 07:00",  # moved, and given to Bo
        "bo 03-10 22:00 – 03-11 10:00",
        "bo 03-17 22:00 – 03-18 10:00",  # UNTIL names this very moment, on New York's clock
        "ana 03-23 17:00 – 03-24 07:00",
        "cy 03-27 23:00 – 03-29 22:00",  # two whole days in Berlin, 47 hours
        "ana 03-30 16:00 – 03-31 06:00",  # after Berlin's clock change
        "ana 04-06 16:00 – 04-07 06:00",
        "cy 04-12 22:00 – 04-13 22:00",
        "cy 04-19 22:00 – 04-20 22:00",
        "ana 05-01 04:00 – 05-01 12:00",  # a zone that only this file knows
        "bo 05-02 07:00 – 05-02 15:00",  # no zone: the feed's
    ]
    assert reading.unknown.splitlines() == [
        "“Zoe stands in for Boris, not-bo and bo-not” (first of 3 times on 04 May 2026) does not name anybody known here.",
        "“Hand-over to Bo” (05 May 2026) ends when it starts.",
    ]


def test_a_zone_that_one_calendar_defines_means_nothing_to_another(people):
    theirs = TEAM.replace("TZOFFSETFROM:+0500", "TZOFFSETFROM:+0300").replace("TZOFFSETTO:+0500", "TZOFFSETTO:+0300")
    assert "ana 05-01 06:00 – 05-01 14:00" in told(feeds.read(theirs, BERLIN, MARCH, MARCH + timedelta(days=100)))
    assert "ana 05-01 04:00 – 05-01 12:00" in told(feeds.read(TEAM, BERLIN, MARCH, MARCH + timedelta(days=100)))


@pytest.mark.parametrize(
    ("zone", "until", "last"),
    [
        ("America/New_York", "20260311T180000", "03-11 22:00"),
        ("America/New_York", "20260311T220000Z", "03-11 22:00"),
        ("America/New_York", "20260311", "03-11 22:00"),
        ("America/New_York", "20260311T175959", "03-10 22:00"),
        ("Asia/Tokyo", "20260311T180000", "03-11 09:00"),
        ("Asia/Tokyo", "20260311", "03-11 09:00"),
        ("Asia/Tokyo", "20260311T085959Z", "03-10 09:00"),
    ],
)
def test_until_counts_on_the_clock_on_which_it_is_written(zone, until, last):
    """E22"""
    found = spans(f"DTSTART;TZID={zone}:20260301T180000", "DURATION:PT1H", f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert found[-1].startswith(last)


@pytest.mark.parametrize(("until", "last"), [("20260311", 11), ("20260311T120000", 11), ("20260311T000000Z", 11)])
def test_until_of_whole_days_means_its_day(until, last):
    found = spans("DTSTART;VALUE=DATE:20260301", f"RRULE:FREQ=DAILY;UNTIL={until}")
    assert found[-1] == f"03-{last} 00:00 – 03-{last + 1} 00:00"


def test_a_shift_that_ends_in_another_zone_lasts_as_long_as_it_says():
    start, end = "DTSTART;TZID=Europe/Berlin:20260328T200000", "DTEND;TZID=America/New_York:20260329T060000"
    assert spans(start, end, "RRULE:FREQ=WEEKLY;COUNT=1") == ["03-28 19:00 – 03-29 10:00"]


def test_events_that_share_one_uid_are_all_read(people):
    first = event("UID:x", "DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "SUMMARY:Bo")
    second = event("UID:x", "DTSTART:20260303T090000Z", "DTEND:20260303T100000Z", "SUMMARY:Bo")
    assert len(read(first, second).entries) == 2


# --- whom it names ----------------------------------------------------------------------------------------------------


NAMED = [
    (["SUMMARY:Ana Ito"], "ana"),
    (["SUMMARY:ANA ITO / BO"], "ana bo"),
    (["SUMMARY:On call: cy."], "cy"),
    (["SUMMARY:on-call (bo@example.com)"], "bo"),
    (["SUMMARY:bob\\, boa\\, bo2\\, x.bo\\, bo@elsewhere.example"], ""),
    (["SUMMARY:night", "DESCRIPTION:ask Bo"], ""),
    (["SUMMARY:night", "DESCRIPTION:mail to bo@example.com\\, please"], "bo"),
    (["SUMMARY:night", "ORGANIZER:mailto:bo@example.com"], "bo"),
    (["SUMMARY:Ana Ito", "ORGANIZER:mailto:bo@example.com"], "ana"),
    (["SUMMARY:Cy", "ATTENDEE:mailto:bo@example.com"], "bo"),
    (["SUMMARY:Cy", "ATTENDEE:mailto:zoe@example.com"], "cy"),
    (["SUMMARY:night", "ATTENDEE:mailto:bo@example.com", "ATTENDEE:mailto:ana.ito@example.com"], "ana bo"),
    (["SUMMARY:Bo's night", "ATTENDEE:mailto:bo@example.com", "ATTENDEE:mailto:ana.ito@example.com"], "ana bo"),
    (["SUMMARY:night: Bo", "ATTENDEE:mailto:bo@example.com", "ATTENDEE:mailto:ana.ito@example.com"], "bo"),
    (
        ["SUMMARY:x", "ORGANIZER:mailto:bo@example.com"]
        + ["ATTENDEE:mailto:bo@example.com", "ATTENDEE:mailto:ana.ito@example.com"],
        "ana",
    ),
    (["SUMMARY:x", "ATTENDEE;EMAIL=bo@example.com:urn:uuid:1"], "bo"),
    (["SUMMARY:bo runs this – nobody", "X-TOCSIN-USERNAME:cy"], "cy"),
    (["SUMMARY:Anaïs"], ""),
    ([], ""),
]


def test_people_are_found_by_whole_names_and_addresses_only(people):
    """One event a day, each another case."""
    texts = [
        event(f"DTSTART;VALUE=DATE:{MARCH + timedelta(days=day):%Y%m%d}", *lines)
        for day, (lines, _) in enumerate(NAMED)
    ]
    reading = read(*texts)
    names = dict(User.objects.values_list("pk", "username"))
    for day, (lines, who) in enumerate(NAMED):
        start = MARCH + timedelta(days=day)
        assert " ".join(sorted(names[user] for user, at, _ in reading.entries if at == start)) == who, lines
        assert (f"{start:%d %b %Y}" in reading.unknown) == (not who), "nothing is dropped in silence"


def test_of_two_people_with_one_name_the_active_one_is_meant(people, world):
    world.person("bo-old", email="bo@example.com", is_active=False)
    assert told(read(event("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "SUMMARY:bo@example.com"))) == [
        "bo 03-02 09:00 – 03-02 10:00"
    ]


def test_the_list_of_the_unknown_stays_short(people):
    many = [event("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", f"SUMMARY:{n} {'x' * 500}") for n in range(100)]
    unknown = read(*many).unknown
    assert unknown.splitlines()[-1] == "And 80 more." and len(unknown) < 4000


# --- what is no calendar ----------------------------------------------------------------------------------------------

BAD = {
    "": "It is empty.",
    "  \r\n": "It is empty.",
    "<!DOCTYPE html>\n<html><body>Sign in</body></html>": "It is a web page, not a calendar.",
    "hello": "It is not a calendar in iCalendar form.",
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n": "It holds no event.",
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Bo\r\n": "",  # broken off
    TEAM[: len(TEAM) // 2]: "",
    "END:VCALENDAR\r\nBEGIN:VCALENDAR": "",
    "BEGIN:VCALENDAR\r\n" * 50_000: "",
    calendar(event("SUMMARY:Bo")): "“Bo” cannot be read: it is damaged (KeyError).",
    "BEGIN:VCALENDAR" + " " * (2 << 20): "It is longer than 2 MiB.",
    "\ud800": "It is not a calendar in iCalendar form.",
}


@pytest.mark.parametrize("text", BAD, ids=lambda text: repr(text[:20]))
def test_what_is_no_calendar_is_refused_with_a_sentence(text):
    """F9"""
    with pytest.raises(BadCalendar, match=r"^[A-Z“].*\.$") as refused:
        occurrences(text, UTC_ZONE, MARCH, MARCH + timedelta(days=100))
    assert BAD[text] in str(refused.value)


def test_a_text_is_never_taken_for_the_path_of_a_file(tmp_path, monkeypatch):
    """The library opens a file whose path it is given."""
    (tmp_path / "BEGIN:VCALENDAR").write_text(TEAM)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadCalendar):
        occurrences("BEGIN:VCALENDAR", UTC_ZONE, MARCH, MARCH + timedelta(days=100))


def test_events_that_cannot_be_read_do_not_hide_the_others(people):
    good = event("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "SUMMARY:Bo")
    bad = ["DTSTART:yesterday", "DTSTART:20260302T090000Z\r\nRRULE:FREQ=SOMETIMES", "X:y", "DTSTART:20260230T090000Z"]
    reading = read(good, *(event(line, f"SUMMARY:Ana Ito {n}") for n, line in enumerate(bad)))
    assert told(reading) == ["bo 03-02 09:00 – 03-02 10:00"]
    for n in range(len(bad)):
        assert f"“Ana Ito {n}” cannot be read" in reading.unknown


RULE = ["DTSTART:16010101T000000", "TZOFFSETFROM:+1000", "TZOFFSETTO:+1000"]
GOOD = event("DTSTART:20260302T090000Z", "DURATION:PT1H", "SUMMARY:Bo")
# What stands beside a good event: what else is read of it, and what is said of it.
BROKEN = {
    "zone without TZOFFSETFROM": (["zone", RULE[0], RULE[2]], ["03-02 08:00"], ""),
    "zone without TZOFFSETTO": (["zone", *RULE[:2]], ["03-02 08:00"], ""),
    "zone without DTSTART": (["zone", *RULE[1:]], ["03-02 08:00"], ""),
    "zone with a wrong offset": (["zone", *RULE[:2], "TZOFFSETTO:x"], [], "“NAME” cannot be read: Expected UTC offset"),
    "zone with a wrong rule": (
        ["zone", *RULE, "RRULE:FREQ=NEVER"],
        [],
        "time zone “NAME” cannot be read: Expected freq",
    ),
    "zone without rules": (["zone"], [], "“NAME” cannot be read"),
    "event without an end": (["BEGIN:VEVENT", "SUMMARY:Ana Ito"], [], "“Ana Ito” cannot be read: its end is missing."),
    "event without a start": (["BEGIN:VEVENT", "SUMMARY:Ana Ito", "END:VEVENT"], [], "“Ana Ito” cannot be read"),
    "event with an open alarm": (
        ["BEGIN:VEVENT", "SUMMARY:Ana Ito", "DTSTART:20260303T080000Z", "BEGIN:VALARM", "END:VEVENT"],
        ["03-03 08:00"],
        "",
    ),
    "line that is none": (["hello", "X-WR-TIMEZONE;=:x"], [], ""),
    "task that cannot be read": (["BEGIN:VTODO", "DUE:tomorrow", "END:VTODO"], [], ""),
    "free time that cannot be read": (["BEGIN:VFREEBUSY", "FREEBUSY:x", "END:VFREEBUSY"], [], ""),
}


def beside(name: str) -> tuple[list[str], list[str], str]:
    """The lines of BROKEN; a zone comes with an event in it, and with a name of its own, because the library keeps zones."""
    lines, starts, said = BROKEN[name]
    if lines[:1] != ["zone"]:
        return lines, starts, said
    zone = f"(UTC+10) {name}"
    rule = ["BEGIN:STANDARD", *lines[1:], "END:STANDARD"] if lines[1:] else []
    inside = [f'DTSTART;TZID="{zone}":20260302T180000', "DURATION:PT1H", "SUMMARY:Ana Ito"]
    events = ["BEGIN:VEVENT", *inside, "END:VEVENT"]
    return ["BEGIN:VTIMEZONE", f"TZID:{zone}", *rule, "END:VTIMEZONE", *events], starts, said.replace("NAME", zone)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*BROKEN, ""]), max_size=5, unique=True), st.integers(0, 5))
def test_what_is_broken_in_a_calendar_costs_nothing_else_and_is_named(names, at):
    """Case 35 and its kind, in any number and order: the good event is read, the others are mended or named."""
    texts, wanted, said = [], ["03-02 09:00"], []
    for name in filter(None, names):
        lines, starts, words = beside(name)
        texts.append("\r\n".join(lines) + "\r\n")
        wanted += starts
        said += [words] if words else []
    texts.insert(min(at, len(texts)), GOOD)
    found, wrong = occurrences(calendar(*texts), UTC_ZONE, MARCH, MARCH + timedelta(days=100))
    assert sorted(f"{each.start:%m-%d %H:%M}" for each in found) == sorted(wanted)
    for words in said:
        assert words in "\n".join(wrong)
    assert bool(said) == bool(wrong)


def test_a_calendar_that_breaks_off_is_not_taken_for_a_shorter_one():
    """F9: else the shifts that are missing would be gaps."""
    text = calendar(GOOD, GOOD)
    for end in (text.index("END:VCALENDAR"), text.rindex("BEGIN:VEVENT")):
        with pytest.raises(BadCalendar, match="It breaks off before its end"):
            occurrences(text[:end], UTC_ZONE, MARCH, MARCH + timedelta(days=100))


def test_a_time_zone_that_nobody_knows_is_not_guessed():
    with pytest.raises(BadCalendar, match="its time zone “Mars/Phobos” is unknown"):
        spans("DTSTART;TZID=Mars/Phobos:20260302T180000", "DURATION:PT1H")


@pytest.mark.parametrize(
    "rule", ["FREQ=SECONDLY", "FREQ=MINUTELY;INTERVAL=5", "FREQ=DAILY;BYMINUTE=0,1,2", "FREQ=DAILY;BYSECOND=1,2"]
)
def test_a_rule_that_repeats_more_often_than_hourly_is_refused_and_named(people, rule):
    good = event("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "SUMMARY:Bo")
    bomb = event("DTSTART:19700101T000000Z", "DURATION:PT1S", f"RRULE:{rule}", "SUMMARY:Ana Ito")
    reading = read(good, bomb)
    assert told(reading) == ["bo 03-02 09:00 – 03-02 10:00"]
    assert reading.unknown == "“Ana Ito” cannot be read: it repeats more often than every hour."


# A rule that never comes true would be tried until the year 9999, each time anew.
NEVER = [
    event("DTSTART:20260302T090000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "SUMMARY:Bo")
    for _ in range(3)
]
BRIEFLY = (1, 60)


def test_what_takes_too_long_is_given_up(people):
    with pytest.raises(BadCalendar, match="takes too long"):
        read(*NEVER, seconds=BRIEFLY)


def test_while_one_person_has_a_calendar_read_others_are_asked_to_wait(coach, people, monkeypatch):
    """S7: twenty of these at once held the web for a minute. Now one is read, for seconds, and the others are 429."""
    assert max(feeds.WHILE_WAITED_FOR) < JOBS["web"].idle, "the request's transaction would be ended"
    monkeypatch.setattr(feeds, "WHILE_WAITED_FOR", BRIEFLY)
    started, refused = threading.Event(), []
    first_look = feeds.check

    def look(text):
        started.set()
        return first_look(text)

    monkeypatch.setattr(feeds, "check", look)

    def read_the_bomb():
        with pytest.raises(BadCalendar, match="takes too long"):
            feeds.reading_at_once(calendar(*NEVER), UTC_ZONE, MARCH)
        refused.append("given up")

    thread = threading.Thread(target=read_the_bomb)
    thread.start()
    assert started.wait(10)
    new = {"name": "Ours", "content": calendar(*NEVER)}
    answers = [coach.post("calendar-feeds/", new) for _ in range(3)]
    thread.join()
    assert [answer.status_code for answer in answers] == [429] * 3
    assert "Another calendar is being read" in answers[0].json()["detail"]
    assert refused == ["given up"]
    monkeypatch.setattr(feeds, "WHILE_WAITED_FOR", feeds.AT_LEISURE)
    assert coach.post("calendar-feeds/", {**new, "content": TEAM}).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_who_finds_a_calendar_locked_is_told_at_once(world):
    """S7: twenty PATCHes of one calendar waited for its row and kept every thread of the pages."""
    coach = User.objects.create_superuser("coach")
    api, browser = client_of(coach), browser_of(coach)
    feed = CalendarFeed.objects.create(name="Ours", content=TEAM)
    locked, done = threading.Event(), threading.Event()

    def somebody_saves():
        with transaction.atomic():
            locks.hold(CalendarFeed, feed.pk)
            locked.set()
            done.wait(10)
        connection.close()

    thread = threading.Thread(target=somebody_saves)
    thread.start()
    assert locked.wait(10)
    answer = api.patch(f"calendar-feeds/{feed.pk}/", {"name": "Mine"})
    path = f"/admin/schedules/calendarfeed/{feed.pk}/change/"
    page = browser.post(path, form_in(browser.get(path), "calendarfeed_form") | {"name": "Mine"})
    done.set()
    thread.join()
    assert answer.status_code == 409 and "Somebody else is saving this" in answer.json()["detail"]
    assert page.status_code == 200 and "Somebody else is saving this" in text(page)
    assert CalendarFeed.objects.get().name == "Ours"
    assert api.patch(f"calendar-feeds/{feed.pk}/", {"name": "Mine"}).status_code == 200


def test_a_time_zone_that_never_settles_is_given_up(people):
    bomb = TEAM.replace("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "RRULE:FREQ=SECONDLY")
    with pytest.raises(BadCalendar, match="takes too long"):
        feeds.read(bomb, BERLIN, MARCH, MARCH + timedelta(days=100), BRIEFLY)


def test_more_than_5000_entries_are_refused(people):
    hourly = event("DTSTART:20260301T000000Z", "DURATION:PT30M", "RRULE:FREQ=HOURLY", "SUMMARY:Bo")
    assert len(read(hourly).entries) == 2400
    with pytest.raises(BadCalendar, match="more than 5000"):
        read(hourly, days=300)


def test_junk_raises_nothing_but_bad_calendar():
    """J8: a real calendar with parts lost, doubled, exchanged and overwritten."""
    chance = random.Random(22)
    lines = TEAM.split("\r\n")
    for _ in range(150):
        broken = list(lines)
        for _ in range(chance.randint(1, 8)):
            at, other = chance.randrange(len(broken)), chance.randrange(len(broken))
            line = broken[at]
            where = chance.randrange(len(line) + 1)
            broken[at] = chance.choice(
                [
                    "",
                    line[:where],
                    line[where:],
                    broken[other],
                    line + broken[other],
                    line[:where] + "\0\ud800;=:,\u2028",
                ]
            )
        try:
            found, _ = occurrences("\r\n".join(broken), BERLIN, MARCH, MARCH + timedelta(days=100))
        except BadCalendar as refused:
            assert str(refused).endswith(".")
        else:
            assert all(each.start.tzinfo is UTC or each.start.utcoffset() == timedelta(0) for each in found)


# --- kept -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def feed(people):
    return CalendarFeed.objects.create(name="Team 1 calendar", time_zone=BERLIN)


@pytest.fixture
def schedule(feed):
    schedule = Schedule.objects.create(name="Nights")
    Layer.objects.create(schedule=schedule, feed=feed)
    return schedule


def duties(schedule: Schedule, at: datetime) -> list[str]:
    return [each.user.username for each in on_call(schedule, at)]


def test_a_calendar_is_a_layer(feed, schedule):
    """A10"""
    feeds.take(feed, TEAM, MARCH)
    [ana] = on_call(schedule, datetime(2026, 3, 30, 22, tzinfo=UTC))
    assert (ana.user.username, ana.until, ana.why) == ("ana", datetime(2026, 3, 31, 6, tzinfo=UTC), "Team 1 calendar")
    assert duties(schedule, datetime(2026, 3, 10, 23, tzinfo=UTC)) == ["bo"]
    assert duties(schedule, datetime(2026, 3, 5, tzinfo=UTC)) == []


def test_a_broken_calendar_keeps_the_last_good_copy_until_a_good_one_comes(feed, schedule):
    """F9"""
    feeds.take(feed, TEAM, MARCH)
    for hours in (1, 2):
        with pytest.raises(BadCalendar) as refused:
            feeds.take(feed, "<html>", MARCH + timedelta(hours=hours))
        feeds.failed(feed, str(refused.value), MARCH + timedelta(hours=hours))
    feed.refresh_from_db()
    assert (feed.content, feed.fetched_at, feed.failing_since) == (TEAM, MARCH, MARCH + timedelta(hours=1))
    assert feed.error == "It is a web page, not a calendar."
    assert "Zoe" in feed.unknown
    assert duties(schedule, datetime(2026, 3, 30, 22, tzinfo=UTC)) == ["ana"]
    feeds.take(
        feed, calendar(event("DTSTART:20260330T090000Z", "DURATION:P1D", "SUMMARY:Bo")), MARCH + timedelta(days=1)
    )
    feed.refresh_from_db()
    assert (feed.error, feed.failing_since, feed.unknown) == ("", None, "")
    assert duties(schedule, datetime(2026, 3, 30, 22, tzinfo=UTC)) == ["bo"]


def test_a_copy_that_goes_on_for_ever_goes_on_while_its_source_fails(feed, schedule):
    """F9: entries are kept for 400 days ahead; a year later these are others."""
    nightly = event("DTSTART:20260302T200000Z", "DURATION:PT10H", "RRULE:FREQ=DAILY", "SUMMARY:Bo")
    feeds.take(feed, calendar(nightly), MARCH)
    late = datetime(2027, 6, 1, 23, tzinfo=UTC)
    assert duties(schedule, late) == []
    feeds.failed(feed, "no answer", datetime(2027, 3, 1, tzinfo=UTC))
    assert duties(schedule, late) == ["bo"]


def test_reading_the_same_again_leaves_the_entries_as_they_are(feed):
    feeds.take(feed, TEAM, MARCH)
    before = list(feed.entries.values_list())
    feeds.take(feed, TEAM, MARCH + timedelta(minutes=15))
    assert list(feed.entries.values_list()) == before


def test_what_somebody_changed_meanwhile_is_not_overwritten(feed):
    reading = feeds.reading_of(TEAM, feed.time_zone, MARCH)
    CalendarFeed.objects.update(url="https://elsewhere.example/team.ics")
    before = everything()
    assert feeds.keep(feed, TEAM, reading, MARCH) is False
    assert everything() == before


def test_what_the_database_does_not_take_is_left_out(feed):
    feeds.take(feed, TEAM.replace("Zoe", "Z\0o\x07e\ud800"), MARCH)
    feed.refresh_from_db()
    assert "\0" not in feed.content and feed.entries.count() == 13
