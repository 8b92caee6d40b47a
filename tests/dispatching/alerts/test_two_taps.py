"""Two taps, two people: what is undone, and who it was (P2, P3, bA6)."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client

from dispatching.alerts import intake, lifecycle, links, timeline
from dispatching.models import Alert, Recipient
from dispatching.rules.event import Event
from schedules.models import User
from schedules.refused import Refused
from tests.api import client_of
from tests.browser import browser_of, text
from tests.world import World

HOUR = timedelta(hours=1)


@pytest.fixture
def source(world: World, ana: User, bo: User):
    return world.service(world.policy((HOUR, ana), (HOUR, bo)), "Log-on")


@pytest.fixture
def alert(world: World, source) -> Alert:
    alert = world.trigger(source)
    world.told()
    return alert


def link(alert: Alert, recipient: Recipient) -> str:
    return urlsplit(links.link(alert, recipient)).path


def last(alert: Alert) -> timeline.Entry:
    return timeline.of(Alert.objects.get(pk=alert.pk))[-1]


def test_p2_a_resolve_can_be_undone_by_the_link(world, alert, ana, clock):
    clock.move_to(world.now, tick=False)
    phone = Client()
    path = link(alert, ana.recipient)
    phone.post(path)
    phone.post(path, {"do": "resolve"})
    shown = text(phone.get(path))
    assert "Undo: open it again" in shown and "Is it over" not in shown
    assert phone.post(path, {"do": "reopen"}).status_code == 302
    alert.refresh_from_db()
    assert (alert.state, alert.resolved_at, alert.acknowledged_by) == ("acknowledged", None, ana)
    world.advance(hours=5)
    assert world.told() == [], "Ana has it again"
    phone.post(path, {"do": "resolve"})
    clock.shift(timedelta(days=1, seconds=1))
    assert "Undo" not in text(phone.get(path))


def test_p2_what_nobody_had_acknowledged_pages_again_from_the_start(world, alert, ana):
    lifecycle.resolve(alert, by=ana, now=world.now)
    world.advance(hours=2)
    assert world.told() == []
    lifecycle.reopen(alert, by=ana, now=world.now)
    world.sweep()
    assert world.told() == ["ana"]
    world.advance(hours=1)
    assert world.told() == ["bo"]


def test_p2_what_came_again_meanwhile_is_not_opened_twice(world, source, alert, ana):
    lifecycle.resolve(alert, by=ana, now=world.now)
    again = world.trigger(source)
    with pytest.raises(Refused, match=f"as alert #{again.pk}"):
        lifecycle.reopen(alert, by=ana, now=world.now)
    assert Alert.objects.exclude(state="resolved").get() == again
    lifecycle.resolve(again, by=ana, now=world.now)
    with pytest.raises(Refused, match=f"as alert #{again.pk}"):
        lifecycle.reopen(alert, by=ana, now=world.now)


def test_p2_a_reopened_alert_is_an_alert_like_any_other(world, source, alert, ana):
    """Repeats are counted on it, and the end that the source had given is forgotten, so that it can end it again."""
    event = Event(action="resolve", dedup_key="k", occurred_at=world.now)
    intake.accept(source, [event], now=world.now)
    lifecycle.reopen(alert, by=ana, now=world.now)
    assert world.trigger(source).pk == alert.pk
    assert world.send(source, "resolve").outcome == "resolved"
    assert client_of(User.objects.create_superuser("coach")).post(f"alerts/{alert.pk}/reopen/").status_code == 200


def test_p3_a_login_wins_over_the_link(alert, ana, bo):
    """Bo opened the link that Ana had forwarded, and the timeline said that Ana had resolved it."""
    path = link(alert, ana.recipient)
    phone = browser_of(bo)
    assert "you are logged in as Bo; this link was sent to Ana" in text(phone.get(path))
    phone.post(path)
    assert (last(alert).by, last(alert).text.partition(";")[0]) == (bo, "acknowledged by Bo via link")
    alert.refresh_from_db()
    assert (alert.acknowledged_by, alert.acknowledged_name) == (bo, "Bo")
    assert "Acknowledged by Bo via link" in text(Client().get(path))
    # Field F3: the page of another site cannot act in Bo's name, only by the link that it has.
    for foreign in ({"Origin": "http://evil.example"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}):
        phone.post(path, {"do": "resolve"}, headers=foreign)
        assert (last(alert).by, last(alert).text.partition(";")[0]) == (ana, "resolved through Ana’s link")
        phone.post(path, {"do": "reopen"}, headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"})
        assert last(alert).by == bo
    assert "this link was sent to" not in text(browser_of(ana).get(path))


def test_p3_without_a_login_it_was_the_link(alert, ana):
    """Whoever Ana gave it to may have used it."""
    path = link(alert, ana.recipient)
    Client().post(path)
    assert (last(alert).by, last(alert).text.partition(";")[0]) == (ana, "acknowledged through Ana’s link")
    Client().post(path, {"do": "resolve"})
    assert last(alert).text == "resolved through Ana’s link"


@pytest.mark.parametrize("do", ["acknowledge", "resolve"])
def test_ba6_a_person_without_a_login_is_not_the_source(world, alert, do):
    """An acknowledgement by a last resort without a login looked automatic in the API."""
    room = world.last_resort("Control room")
    Client().post(link(alert, room), {"do": do})
    api = client_of(User.objects.create_superuser("coach"))
    line = api.get(f"alerts/{alert.pk}/timeline/").json()["results"][-1]
    assert (line["by"], line["who"]) == (None, "Control room")
    assert "through Control room’s link" in line["text"] and "the source" not in line["text"]
    named = "Control room" if do == "acknowledge" else ""
    assert api.get(f"alerts/{alert.pk}/").json()["acknowledged_name"] == named
    page = browser_of(User.objects.get(username="coach")).get(f"/admin/dispatching/alert/{alert.pk}/change/")
    assert "Control room" in text(page)


def test_ba6_what_the_source_did_names_nobody(world, source, alert):
    world.send(source, "acknowledge")
    api = client_of(User.objects.create_superuser("coach"))
    lines = api.get(f"alerts/{alert.pk}/timeline/").json()["results"]
    [line] = [line for line in lines if line["kind"] == "acknowledged"]
    assert (line["by"], line["who"], line["text"]) == (None, None, "acknowledged by the source")
    page = browser_of(User.objects.get(username="coach")).get(f"/admin/dispatching/alert/{alert.pk}/change/")
    assert "the source, " in text(page)
