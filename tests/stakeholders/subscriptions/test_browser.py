"""Subscribing a browser: the script sends the browser's own address, so it holds at once, with consent on record."""

import pytest
from django.test import Client

from dispatching.models import ContactPoint, Delivery
from stakeholders.models import Subscription
from stakeholders.subscriptions import subscribing
from tests.browser import text
from tests.dispatching.browsers import Browser
from tests.dispatching.receivers import answer, http_receiver

pytestmark = pytest.mark.django_db


@pytest.fixture
def service(settings):
    settings.WEBHOOK_ALLOW_PRIVATE, settings.PUSH_SERVICES = True, ["127.0.0.1"]
    with http_receiver() as server:
        yield server


@pytest.fixture
def browser(service) -> Browser:
    return Browser(service.url)


def send(world, browser, *groups, **more):
    values = {"address": browser.subscription, "groups": [g.pk for g in groups or (world.open,)], **more}
    return Client(enforce_csrf_checks=True).post("/subscribe/browser/", values)


def shown(service, browser) -> list[tuple[str, str]]:
    said = [browser.read(request.body) for request in service.requests]
    return [(each["title"], each["body"]) for each in said]


def test_a_browser_hears_of_outages_without_an_account_and_without_a_confirmation(world, service, browser):
    """B112: consent is on record all the same."""
    answered = send(world, browser)
    assert answered.status_code == 200 and not answered.cookies
    row = Subscription.objects.get()
    assert (row.state, row.asked_from, row.confirmed_at) == ("active", "browser", world.now)
    assert row.consent == subscribing.CONSENT and not Delivery.objects.exists()
    point = ContactPoint.objects.get()
    assert (point.channel, point.address, point.verified) == ("push", browser.address, True)
    world.outage()
    world.work()
    [(title, body)] = shown(service, browser)
    assert title == "Announcement: Uploads fail (Production US)"
    assert body == "Next message by 5 January 2026, 11:00 UTC. We are at it."


def test_it_is_ended_on_the_page_that_it_leads_to(world, service, browser):
    """B13, P8: the browser's address is not on the page."""
    manage = send(world, browser).json()["manage"]
    page = text(Client().get(manage))
    assert "one of your browsers" in page and browser.endpoint not in page
    Client().post(manage, {"do": "leave"})
    world.outage()
    world.work()
    assert shown(service, browser) == []


def test_who_subscribes_in_the_middle_gets_the_state_as_of_now(world, service, browser):
    """B98"""
    world.outage()
    send(world, browser)
    world.work()
    assert len(shown(service, browser)) == 1


def test_a_second_time_changes_what_it_hears_of(world, service, browser):
    send(world, browser)
    send(world, browser, world.open, world.europe, kinds="ends")
    assert ContactPoint.objects.count() == 1
    assert set(Subscription.objects.values_list("group", "kinds")) == {
        (world.open.pk, "ends"),
        (world.europe.pk, "ends"),
    }


def test_groups_that_are_not_open_to_everyone_cannot_be_had(world, browser):
    """B123: also not by somebody who is logged in."""
    for group in (world.sales, world.inner):
        refused = send(world, browser, group)
        assert refused.status_code == 400 and "Select a valid choice" in refused.json()["wrong"]
    assert not ContactPoint.objects.exists()


WRONG = {
    "no group": ({"groups": []}, 400, "Please choose at least one."),
    "no address": ({"address": ""}, 400, "This field is required."),
    "junk": ({"address": "{"}, 400, "did not give a usable address"),
    "somebody else's server": (
        {"address": Browser("https://example.org/x").subscription},
        400,
        "do not support the service",
    ),
    "too long": ({"address": "x" * 3000}, 400, "at most 2000 characters"),
}


@pytest.mark.parametrize(("values", "status", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said(world, browser, values, status, sentence):
    refused = send(world, browser, **values)
    assert refused.status_code == status and sentence in refused.json()["wrong"]


def test_so_many_an_hour_as_of_every_public_form(world, service, settings):
    """P1"""
    settings.FORMS_PER_NETWORK = 2
    found = [send(world, Browser(service.url)).status_code for _ in range(3)]
    assert found == [200, 200, 429]


def test_a_browser_that_was_erased_stays_out(world, browser):
    """P11"""
    send(world, browser)
    subscribing.erase(ContactPoint.objects.get(), now=world.now)
    refused = send(world, browser)
    assert refused.status_code == 409 and "must not be written to" in refused.json()["wrong"]


def test_a_browser_that_is_gone_is_not_tried_again(world, service, browser):
    send(world, browser)
    service.always = answer(410)
    world.outage()
    world.work()
    assert Delivery.objects.get().state == "failed" and len(service.requests) == 1


def test_only_post_subscribes(world):
    """K11"""
    assert Client().get("/subscribe/browser/").status_code == 405


def test_the_page_offers_it_to_those_outside_only(world):
    page = Client().get("/subscribe/").content.decode()
    assert 'id="browser" hidden' in page and "<script src=" in page
    assert "onclick" not in page and page.count("<script") == 1
    worker = Client().get("/subscribe/worker.js")
    assert worker["Content-Type"].startswith("text/javascript") and b"showNotification" in worker.content
