"""What people reported of other tools (`tests/cases/`): each input by its own interface, with the outcome of its note."""

import asyncio
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from config.serving import gate
from dispatching.models import Alert, ContactPoint, Delivery
from schedules.calendars.export import calendar_link
from schedules.calendars.occurrences import occurrences
from schedules.models import CalendarFeed, Rotation, User
from stakeholders.subscriptions import subscribing
from tests.browser import browser_of, form_in, text
from tests.dispatching.media import Mail
from tests.dispatching.receivers import mail_receiver
from tests.stakeholders.subscriptions.conftest import Audience
from tests.sure import sure

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
GONE = ("messages could not be delivered", "failed")
CASES = Path(__file__).with_name("cases")
ELSEWHERE = {"75-heartbeat"}  # issue 14 owns heartbeats


@pytest.fixture
def admin(db):
    return browser_of(User.objects.create_superuser("coach"))


def inputs(case: str) -> dict[str, str]:
    """The inputs of a case: file name → text."""
    [folder] = CASES.glob(f"{case}-*")
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.name != "note.md"}


def test_every_case_has_a_test():
    tested = {match[1] for match in re.finditer(r"^def test_case_(\d\d)_", Path(__file__).read_text(), re.M)}
    assert tested == {path.name[:2] for path in CASES.iterdir() if path.name not in ELSEWHERE}


# --- calendars --------------------------------------------------------------------------------------------------------


def test_case_35_a_zone_without_an_offset(db):
    start = datetime(2026, 11, 1, tzinfo=UTC)
    [feed] = inputs("35").values()
    found, wrong = occurrences(feed, ZoneInfo("UTC"), start, start + timedelta(days=90))
    assert [(each.title, each.start) for each in found] == [
        ("ana", datetime(2026, 12, 1, tzinfo=UTC)),
        ("bo", datetime(2026, 12, 2, tzinfo=UTC)),
    ]
    assert wrong == []


def test_case_47_a_webcal_address(admin):
    [url] = (content.strip() for content in inputs("47").values())
    add = reverse("admin:schedules_calendarfeed_add")
    form = form_in(admin.get(add), "calendarfeed_form") | {"name": "f", "time_zone": "UTC", "url": url}
    assert admin.post(add, form).status_code == 302
    assert CalendarFeed.objects.get().url == url.replace("webcal://", "https://")


def test_case_48_our_own_calendar_invites_nobody(world, client):
    ana = world.person("ana", email="ana@example.org")
    [schedule] = world.weekly(ana, positions=1)
    answer = client.get(f"/calendar/{calendar_link(ana, schedule=schedule).token}.ics")
    calendar = Calendar.from_ical(answer.content)
    assert "METHOD" not in calendar and calendar.walk("VEVENT")
    assert not [each for each in calendar.walk("VEVENT") if "ATTENDEE" in each]


def test_case_70_a_daily_rotation_on_weekdays(admin, world):
    [setup] = map(json.loads, inputs("70").values())
    rotation = setup["rotation"] | {"participants-TOTAL_FORMS": "14", "make": "1", "hours": setup["layer"]["hours"]}
    people = {f"participants-{n}-user": world.person(f"p{n}").pk for n in range(14)}
    add = reverse("admin:schedules_rotation_add")
    form = form_in(admin.get(add), "rotation_form") | rotation | people
    del form["participants"]
    assert "4 of 14 in the list never have a shift" in text(admin.post(add, form | {"duty_days": "Mon-Sun"}))
    assert admin.post(add, form).status_code == 302
    assert Rotation.objects.get().duty_days == "Mon-Fri"


# --- mail -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def audience(db, clock) -> Audience:
    audience = Audience()
    clock.move_to(audience.now, tick=False)
    return audience


@pytest.fixture
def bounced(audience, settings, monkeypatch) -> Iterator[Callable[[str], dict[str, tuple[str, str]]]]:
    """Sends a message to one reader for each mail of a case; the mail comes back to the envelope sender, by the command.

    The answer says for each mail why the address is suspended, if it is, and what became of the delivery.
    """

    def bring_back(case: str) -> dict[str, tuple[str, str]]:
        mails = inputs(case)
        points = {name: reader(audience, f"{name.removesuffix('.eml')}@example.org") for name in mails}
        audience.outage()
        audience.work()
        sent = {mail.rcpt_tos[0]: mail.mail_from for mail in server.mails}
        for name, point in points.items():
            to = sent[point.address]
            raw = mails[name].replace("ADDRESS", point.address).replace("BOUNCE", to).encode()
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
            call_command("receive_mail", to=to)
        audience.work()
        found = ContactPoint.objects.in_bulk([point.pk for point in points.values()])
        states = dict(Delivery.objects.filter(content__isnull=False).values_list("contact_point", "state"))
        return {name: (found[point.pk].disabled_reason, states[point.pk]) for name, point in points.items()}

    with mail_receiver() as server:
        settings.BOUNCE_ADDRESS = "bounces@returns.example.org"
        Mail(server, settings)
        yield bring_back


def reader(audience: Audience, address: str) -> ContactPoint:
    point = sure(subscribing.ask("email", address, [audience.open], now=audience.now))
    Delivery.objects.all().delete()
    subscribing.confirm(point, now=audience.now)
    return point


def test_case_51_soft_words_under_a_hard_code(bounced):
    assert set(bounced("51").values()) == {("", "failed")}


def test_case_52_the_reason_is_in_another_field(bounced, settings):
    assert bounced("52") == {"ironport.eml": GONE, "yahoo.eml": GONE, "nodomain.eml": ("", "failed")}


def test_case_52_a_domain_that_is_not_found_is_given_up_after_some_days(bounced, settings):
    settings.SOFT_BOUNCES = 1
    assert bounced("52")["nodomain.eml"] == GONE


def test_case_53_bounces_that_are_no_report(bounced):
    assert set(bounced("53").values()) == {GONE}


# --- what senders send ------------------------------------------------------------------------------------------------


@pytest.fixture
def key(world) -> str:
    return world.service(world.policy((HOUR, world.person("ana"))), name="Shop").key


def post(client, path: str, body: str, key: str, **more):
    """A request as a server sees it: two slashes at the start of a path are not a host."""
    return client.post("/", body.replace("KEY", key), "application/json", PATH_INFO=path.replace("KEY", key), **more)


def test_case_01_a_source_that_is_a_number(client, key):
    [event] = inputs("01").values()
    assert post(client, "/v2/enqueue", event, key).status_code == 202
    assert Alert.objects.get().source == "1"


def test_case_02_some_are_refused_and_the_owner_is_told(client, world, key):
    """Also while other events of the same integration are accepted."""
    sent = inputs("02")
    answers = {name: post(client, "/v2/enqueue", sent[name], key) for name in ("http_down.json", "push_down.json")}
    assert [answer.status_code for answer in answers.values()] == [202, 400]
    assert answers["push_down.json"].json()["errors"] == ["payload.source: is required"]
    assert post(client, "/v2/enqueue", sent["http_up.json"], key).status_code == 202
    world.now = timezone.now()
    world.sweep()
    world.told()
    world.advance(minutes=11)
    assert world.told() == ["ana"]


def test_case_03_a_severity_that_is_none(client, key):
    """A page is not lost over a label, and an end never."""
    for name, state in (("trigger", "triggered"), ("trigger_ok", "triggered"), ("resolve", "resolved")):
        assert post(client, "/v2/enqueue", inputs("03")[f"{name}.json"], key).status_code == 202
        assert Alert.objects.get().state == state


def test_case_06_numbers_beyond_signed_64_bits(client, key):
    [event] = inputs("06").values()
    assert post(client, "/v2/enqueue", event, key).status_code == 202
    assert Alert.objects.get().details["dd.trace_id"] == 13043817825332782212


def test_case_10_a_deployment_is_no_alert(client, key):
    [event] = inputs("10").values()
    answer = post(client, "/v2/change/enqueue", event, key)
    assert 200 <= answer.status_code < 500 and answer.json()["status"]
    assert not Alert.objects.exists()


def test_case_11_version_1_of_the_events(client, key):
    [event] = inputs("11").values()
    assert post(client, "/generic/2010-04-15/create_event.json", event, key).status_code == 200
    assert Alert.objects.get().dedup_key == "abc123"


def test_case_12_slashes(client, key, settings):
    settings.DEBUG = True  # the way in which a POST without its slash was answered 500
    bodies = {
        "alertmanager": {"status": "firing", "alerts": [{"labels": {"a": "b"}}]},
        "grafana": {"status": "firing", "alerts": [{"labels": {"a": "b"}}]},
        "events": {"summary": "s"},
        "enqueue": {"routing_key": "KEY", "event_action": "trigger"}
        | {"payload": {"summary": "s", "source": "h", "severity": "error"}},
    }
    for path in inputs("12")["paths.txt"].split():
        body = json.dumps(bodies[path.strip("/").split("/")[-1]])
        assert post(client, path, body, key).status_code == 202, path


class Chunks:
    """The server's side of a request whose length was not announced."""

    def __init__(self, body: bytes):
        self.parts = [body[:7], body[7:]]

    async def __aiter__(self):
        for part in self.parts:
            yield part


def test_case_13_a_body_without_a_length(client, key, settings):
    """RFC 9112 7.1: the gate reads the chunks and tells Django their length; over a socket in tests/config/test_gate.py."""
    [event] = inputs("13").values()
    environ = {"HTTP_TRANSFER_ENCODING": "chunked"}
    body = asyncio.run(gate.read(Chunks(event.encode()), environ, settings.INTAKE_LIMIT))
    assert environ == {"CONTENT_LENGTH": str(len(event))}
    assert post(client, "/v2/enqueue", body.decode(), key).status_code == 202
    assert Alert.objects.get().dedup_key == "chunked-1"


def test_case_18_no_data_names_its_rule(client, key):
    for name, rule in (("nodata.json", "Service failed"), ("nodata_with_summary.json", "Checkout")):
        assert post(client, "/integrations/KEY/grafana/", inputs("18")[name], key).status_code == 202
        subject = Alert.objects.latest("pk").summary
        assert rule in subject and "no data" in subject.lower(), subject


def test_case_22_it_fires_again_with_the_old_start(client, key):
    start, end = (f"{timezone.now() - timedelta(minutes=m):%Y-%m-%dT%H:%M:%SZ}" for m in (20, 1))
    for content in inputs("22").values():
        body = content.replace("STARTS", start).replace("ENDS", end)
        assert post(client, "/integrations/KEY/alertmanager/", body, key).status_code == 202
    assert Alert.objects.latest("pk").state == "triggered"


def test_case_24_it_gets_worse_under_the_same_key(client, world, key):
    told = []
    for name in ("warning", "critical"):
        assert post(client, "/integrations/KEY/events/", inputs("24")[f"{name}.json"], key).status_code == 202
        world.now = timezone.now()
        world.sweep()
        told.append(world.told())
    alert = Alert.objects.get()
    assert (alert.severity, alert.summary) == ("critical", "disk 100% on db1, database stopped")
    assert told == [["ana"], ["ana"]], "a rise is not silent"
