"""Our shifts as iCalendar, under secret links (A10; E22, K13)."""

from datetime import date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from schedules.calendars import feeds
from schedules.calendars.export import address, calendar_link, export
from schedules.models import (
    Absence,
    CalendarFeed,
    CalendarLink,
    Layer,
    Override,
    Participant,
    Rotation,
    Schedule,
    User,
)
from schedules.oncall import shifts_of
from schedules.rules.hours import joined
from tests.browser import browser_of, everything
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def nights(world):
    """Ana, then Bo and Cy together, then Dee; nights in Berlin; Bo is away once, Eve steps in once."""
    ana = world.person("ana", last_name="Ito", email="ana@example.com")
    bo, cy = world.person("bo", email="bo@example.com"), world.person("cy", last_name="Ortega")
    dee, eve = world.person("dee", email="shared@example.com"), world.person("eve", email="shared@example.com")
    berlin = ZoneInfo("Europe/Berlin")
    rotation = Rotation.objects.create(name="Nights", unit="days", first_day=date(2026, 1, 5), time_zone=berlin)
    for order, (user, partner) in enumerate([(ana, None), (bo, cy), (dee, None)]):
        Participant.objects.create(rotation=rotation, user=user, partner=partner, order=order)
    schedule = Schedule.objects.create(name="bo, dee & friends; “Nights”", team=world.team("Team 1", ana, bo))
    Layer.objects.create(schedule=schedule, rotation=rotation, hours="Mon-Sun 18:00-08:00")
    Absence.objects.create(user=bo, start=MONDAY + 30 * DAY, end=MONDAY + 40 * DAY)
    Absence.objects.create(user=ana, start=MONDAY + 50 * DAY, end=MONDAY + 53 * DAY)
    reason = {"reason": "dentist"}
    Override.objects.create(schedule=schedule, user=eve, start=MONDAY + 9 * DAY, end=MONDAY + 10.5 * DAY, **reason)
    start, end = MONDAY + 20 * DAY, MONDAY + 26 * DAY
    Override.objects.create(schedule=schedule, user=eve, instead_of=cy, start=start, end=end)
    return schedule


def events(content: bytes) -> list:
    return Calendar.from_ical(content).walk("VEVENT")


def times(schedule: Schedule, start: datetime, end: datetime) -> dict[str, list]:
    """When each person is on duty; None: the gaps."""
    found: dict = {}
    for duty in shifts_of(schedule, start, end):
        found.setdefault(duty.user and duty.user.username, []).append((duty.start, duty.end))
    return {who: joined(spans) for who, spans in found.items()}


# --- there and back ---------------------------------------------------------------------------------------------------


def test_what_is_exported_and_read_again_is_the_same_over_90_days(nights):
    """A10: with pairs, an override, a place taken, absences and a clock change; people with and without an address."""
    feed = CalendarFeed.objects.create(name="Nights as read")
    copy = Schedule.objects.create(name="copy")
    Layer.objects.create(schedule=copy, feed=feed)
    feeds.take(feed, export(MONDAY, schedule=nights).decode(), MONDAY)
    theirs, ours = (times(each, MONDAY, MONDAY + 90 * DAY) for each in (copy, nights))
    assert feed.unknown == ""
    assert set(ours) == {None, "ana", "bo", "cy", "dee", "eve"}
    assert theirs == ours


def test_a_shift_looks_like_this(nights):
    content = export(MONDAY, schedule=nights)
    assert b"\r\n" in content and max(map(len, content.split(b"\r\n"))) <= 75
    calendar = Calendar.from_ical(content)
    assert calendar["VERSION"] == "2.0"
    assert calendar["X-WR-CALNAME"] == f"On call: {nights}"
    assert b"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in content
    first = events(content)[0]
    assert first["SUMMARY"] == f"On call: {nights} – Ana Ito"
    assert (first["DTSTART"].dt, first["DTEND"].dt) == (MONDAY + timedelta(hours=8), MONDAY + timedelta(hours=22))
    assert b"\r\nDTSTART:20260105T170000Z\r\n" in content
    assert first["X-TOCSIN-USERNAME"] == "ana"
    assert first["DESCRIPTION"] == "Nights, main"
    assert any("dentist" in each["DESCRIPTION"] for each in events(content))


def test_it_is_a_calendar_that_validators_accept(nights):
    """Case 48. RFC 5545 3.6 and 3.6.1, RFC 5546 3.2.1, as ical4j and sabre/vobject check them.

    Nobody is invited, so nothing may say so; one component at least, also if nobody has a shift; what may stand once stands once.
    """
    empty = export(MONDAY, user=User.objects.create(username="nobody"))
    for content in (export(MONDAY, schedule=nights), empty):
        calendar = Calendar.from_ical(content)
        assert not {"METHOD", "ATTENDEE", "ORGANIZER"} & {line.split(":")[0] for line in content.decode().split("\r\n")}
        assert calendar.subcomponents and not calendar.errors
        assert {"PRODID", "VERSION"} <= set(calendar)
        for each in events(content):
            assert {"UID", "DTSTAMP", "DTSTART", "DTEND"} <= set(each) and not each.errors
            assert not any(isinstance(value, list) for value in each.values())
            assert each["DTEND"].dt > each["DTSTART"].dt
    assert events(empty) == [] and b"mailto:" not in export(MONDAY, schedule=nights)


def test_gaps_are_no_events(nights):
    spans = [(each["DTSTART"].dt, each["DTEND"].dt) for each in events(export(MONDAY, schedule=nights))]
    noon = datetime(2026, 1, 7, 12, tzinfo=MONDAY.tzinfo)
    assert not [start for start, end in spans if start <= noon < end]


def test_from_30_days_ago_to_180_days_ahead(nights):
    now = MONDAY + 100 * DAY
    found = events(export(now, schedule=nights))
    assert min(each["DTEND"].dt for each in found) < now - 29 * DAY
    assert min(each["DTEND"].dt for each in found) > now - 31 * DAY
    assert now + 180 * DAY <= max(each["DTEND"].dt for each in found) < now + 182 * DAY


def test_a_shift_keeps_its_uid_from_export_to_export(world):
    """Also one that has begun long ago, and one person's that never ends."""
    [weekly, _] = world.weekly(world.person("ana"), world.person("bo"))
    [alone] = world.weekly(world.person("cy"), positions=1)
    Rotation.objects.filter(layers__schedule=alone).update(first_day=date(2020, 1, 6))
    for schedule in (weekly, alone):
        seen: dict = {}
        for days in (0, 0.1, 1, 3, 29, 33, 60):
            for each in events(export(MONDAY + days * DAY, schedule=schedule)):
                start = None if schedule is alone else each["DTSTART"].dt
                assert seen.setdefault(str(each["UID"]), start) == start
        starts = [start for start in seen.values() if start]
        assert len(starts) == len(set(starts))
        assert schedule is weekly or len(seen) == 1
    assert export(MONDAY, schedule=weekly) == export(MONDAY + timedelta(hours=14), schedule=weekly)


def test_names_with_anything_in_them_do_no_harm(world):
    """J8: neither another line nor what no calendar program reads."""
    [schedule] = world.weekly(world.person("bo"), positions=1)
    evil = 'Ana\r\nX-EVIL:1\x07\u2028;,\\"^'
    User.objects.update(first_name=evil, username='a"\r\nX-EVIL:1', email='"a\r\nX-EVIL:1"@example.com')
    Schedule.objects.update(name=f"x\r\nEND:VCALENDAR\r\n{evil}")
    content = export(MONDAY, schedule=Schedule.objects.get(pk=schedule.pk))
    [shift] = events(content)
    assert str(shift["SUMMARY"]).endswith('– Ana  X-EVIL:1  ;,\\"^')
    assert not any(line.startswith((b"X-EVIL", b"END:VCAL")) for line in content.split(b"\r\n")[:-2])
    assert not any(character in content for character in (b"\x07", "\u2028".encode()))


# --- of a person, a team ----------------------------------------------------------------------------------------------


def test_a_person_gets_the_shifts_of_every_schedule_and_nobody_elses(nights, world):
    eve, cy = User.objects.get(username="eve"), User.objects.get(username="cy")
    [main, backup] = world.weekly(world.person("fay"), cy)
    for user, schedules in ((eve, {nights}), (cy, {nights, main, backup})):
        found = events(export(MONDAY, user=user))
        assert {str(each["X-TOCSIN-USERNAME"]) for each in found} == {user.username}
        assert {str(each["SUMMARY"]).split(" – ")[0] for each in found} == {f"On call: {each}" for each in schedules}


def test_a_person_named_only_by_an_outside_calendar_or_a_former_plan_is_found(world):
    gil, hal = world.person("gil"), world.person("hal")
    feed = CalendarFeed.objects.create(name="f")
    feed.entries.create(user=gil, start=MONDAY, end=MONDAY + DAY)
    schedule = Schedule.objects.create(name="s")
    Layer.objects.create(schedule=schedule, feed=feed)
    [weekly] = world.weekly(world.person("ivy"), positions=1)
    rotation = weekly.layers.get().rotation
    plan = {"every": 1, "unit": "weeks", "first_day": date(2026, 1, 5), "handover": clock(9), "time_zone": "UTC"}
    rotation.versions.create(crews=[[hal.pk]], **plan)
    Rotation.objects.filter(pk=rotation.pk).update(since=MONDAY + 14 * DAY)
    assert [each["DTSTART"].dt for each in events(export(MONDAY, user=gil))] == [MONDAY]
    assert [each["DTEND"].dt for each in events(export(MONDAY, user=hal))] == [MONDAY + 14 * DAY]


def test_a_team_gets_the_shifts_of_all_its_schedules(nights, world):
    [main, _] = world.weekly(world.person("fay"), world.person("gus"))
    Schedule.objects.filter(pk=main.pk).update(team=nights.team)
    names = {str(each["SUMMARY"]).split(" – ")[0] for each in events(export(MONDAY, team=nights.team))}
    assert names == {f"On call: {nights}", f"On call: {main}"}


def test_the_number_of_queries_does_not_grow(nights, world, django_assert_num_queries):
    ana = User.objects.get(username="ana")
    for schedule in world.weekly(ana, world.person("fay"), positions=4):
        Schedule.objects.filter(pk=schedule.pk).update(team=nights.team)
    for whose in ({"user": ana}, {"team": nights.team}, {"schedule": nights}):
        with django_assert_num_queries(4):
            export(MONDAY, **whose)


# --- the link ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def link(nights, clock):
    clock.move_to(MONDAY, tick=False)
    return calendar_link(User.objects.get(username="ana"), schedule=nights)


def path(link: CalendarLink) -> str:
    return f"/calendar/{link.token}.ics"


def test_a_link_opens_without_log_in_and_changes_nothing(link, client):
    assert address(link).endswith(path(link)) and len(link.token) >= 32
    before = everything()
    answer = client.get(path(link))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert "private" in answer["Cache-Control"] and answer["Referrer-Policy"] == "no-referrer"
    assert answer.content == export(MONDAY, schedule=link.schedule)
    head = client.head(path(link))
    assert (head.status_code, head.content, head["ETag"]) == (200, b"", answer["ETag"])
    again = client.get(path(link), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.post(path(link)).status_code == 405
    assert everything() == before


def test_the_answer_is_another_as_soon_as_a_shift_is(link, client):
    tag = client.get(path(link))["ETag"]
    Override.objects.all().delete()
    assert client.get(path(link), headers={"If-None-Match": tag}).status_code == 200


def test_a_link_that_is_revoked_unknown_or_of_somebody_who_left_is_not_found(link, client):
    User.objects.filter(pk=link.owner_id).update(is_active=False)
    assert client.get(path(link)).status_code == 404
    User.objects.filter(pk=link.owner_id).update(is_active=True)
    assert client.get(path(link)).status_code == 200
    link.delete()
    for wrong in (path(link), "/calendar/x.ics", "/calendar/%00.ics", "/calendar/.ics", "/calendar/é.ics"):
        assert client.get(wrong).status_code == 404, wrong


def test_there_is_one_link_for_each_owner_and_subject(nights):
    ana, bo = User.objects.get(username="ana"), User.objects.get(username="bo")
    links = [
        calendar_link(ana, schedule=nights),
        calendar_link(ana, user=ana),
        calendar_link(ana, team=nights.team),
        calendar_link(bo, schedule=nights),
    ]
    assert len({link.token for link in links}) == 4
    assert calendar_link(ana, schedule=nights) == links[0]


def test_a_link_to_many_shifts_opens(nights, world, client):
    """40 schedules of one team."""
    people = [world.person(f"p{n}") for n in range(6)]
    for _ in range(10):
        for schedule in world.weekly(*people, positions=4):
            Schedule.objects.filter(pk=schedule.pk).update(team=nights.team)
    answer = browser_of(people[0]).get(path(calendar_link(people[0], team=nights.team)))
    assert answer.status_code == 200 and answer.content.count(b"BEGIN:VEVENT") > 1000
