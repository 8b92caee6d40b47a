"""Subscribing a phone: off unless the operator wants it, to named countries only, and capped (P2)."""

import json
import re

import pytest
from django.test import Client
from django.urls import reverse

from schedules.models import User
from stakeholders.models import SignUp, Subscription, Suppression
from stakeholders.subscriptions import subscribing
from tests.browser import browser_of, text
from tests.dispatching.receivers import http_receiver
from tests.sure import sure

pytestmark = pytest.mark.django_db
VI = "+447700900123"


@pytest.fixture
def gateway(settings):
    """A gateway, and an operator who wants phones of two countries."""
    with http_receiver() as server:
        settings.SMS_GATEWAY_URL, settings.SMS_COUNTRIES = server.url, ["+44", "+353"]
        yield server


def send(world, address=VI, **more):
    values = {"channel": "sms", "address": address, "groups": [world.open.pk], **more}
    return Client(enforce_csrf_checks=True).post("/subscribe/", values)


def said(gateway) -> list[tuple[str, str]]:
    posts = [json.loads(request.body) for request in gateway.requests]
    return [(post["to"], post["text"]) for post in posts]


def link(text: str) -> str:
    return sure(re.search(r"https?://[^/\s]+(/\S+)", text))[1]


def numbers(count: int) -> list[str]:
    return [f"+4477009001{number:02}" for number in range(count)]


@pytest.mark.parametrize(("url", "countries"), [("", ["+44"]), ("http://127.0.0.1:1/", [])])
def test_phones_are_not_offered_unless_there_is_a_gateway_and_the_operator_wants_it(world, settings, url, countries):
    """P2"""
    settings.SMS_GATEWAY_URL, settings.SMS_COUNTRIES = url, countries
    assert "phone" not in text(Client().get("/subscribe/"))
    assert send(world).status_code == 400 and not SignUp.objects.exists()


def test_somebody_outside_subscribes_a_phone_without_an_account(world, gateway):
    """B2, B112: one message with a short link to a page with a button; then the short form of the news."""
    assert "Text message (SMS) to a phone" in text(Client().get("/subscribe/"))
    page = text(send(world, "+44 7700 900 123"))
    assert "Check your phone" in page
    world.work()
    [(number, asked)] = said(gateway)
    assert number == VI and len(asked) <= 160 and link(asked).startswith("/c/")
    shown = text(Client().get(link(asked)))
    assert "Do you want these messages?" in shown and "This was not you?" in shown
    assert Subscription.objects.get().state == "asked", "opening the link changes nothing (P3)"
    Client().post(link(asked))
    world.outage()
    world.work()
    number, news = said(gateway)[-1]
    assert number == VI and len(news) <= 300
    assert news.startswith("Announcement: Uploads fail (Production US)\nNext message by 5 January 2026, 11:00 UTC.")
    assert link(news).startswith("/unsubscribe/")
    Client().post(link(news))
    assert Subscription.objects.get().state == "ended"


def test_whose_number_it_is_can_say_that_it_was_not_them(world, gateway):
    """P1"""
    send(world)
    world.work()
    shown = Client().get(link(said(gateway)[0][1])).content.decode()
    Client().post(sure(re.search(r'href="(/subscriptions/not-me/[^"]+)"', shown))[1])
    assert Suppression.objects.exists() and Subscription.objects.get().state == "ended"


@pytest.mark.parametrize("address", ["+12025550123", "+35270000000"])
def test_a_number_of_another_country_is_refused_with_a_sentence(world, gateway, address):
    """P2: Luxembourg's +352 is not Ireland's +353."""
    page = send(world, address)
    assert page.status_code == 400 and "We do not send text messages to this country." in text(page)
    assert not SignUp.objects.exists()


def test_a_number_of_another_country_gets_nothing_whichever_way_it_comes_in(world, gateway):
    """P2"""
    subscribing.ask("sms", "+12025550123", [world.open], now=world.now)
    world.work()
    assert said(gateway) == []
    values = {"channel": "sms", "address": "+12025550123", "groups": [world.open.pk]}
    invited = browser_of(world.colleague()).post("/api/v1/subscriptions/invite/", values, "application/json")
    assert invited.status_code == 400 and "this country" in invited.content.decode()


def test_a_number_is_asked_once_a_day_however_often_it_is_entered(world, gateway):
    """P1, P2"""
    for _ in range(3):
        send(world)
        send(world, "+44 (7700) 900-123", groups=[world.europe.pk])
        world.work()
    assert len(said(gateway)) == 1
    world.advance(days=1, minutes=1)
    world.clock.move_to(world.now, tick=False)
    send(world)
    world.work()
    assert len(said(gateway)) == 2


@pytest.fixture
def coach(world) -> Client:
    return browser_of(User.objects.create_superuser("coach"))


def warning(coach) -> str:
    found = re.search(
        r"No text messages are sent to new phone numbers.*?confirmed\.", text(coach.get(reverse("admin:index")))
    )
    return found[0] if found else ""


def test_after_so_many_in_an_hour_no_more_are_sent_and_the_admin_is_told(world, gateway, settings, coach, caplog):
    """P2: the cap stops it, and says how many of the numbers said yes."""
    settings.SMS_PER_HOUR = 2
    for number in numbers(2):
        send(world, number)
    world.work()
    Client().post(link(said(gateway)[0][1]))
    assert warning(coach) == ""
    send(world, numbers(3)[-1])
    world.work()
    assert [number for number, _ in said(gateway)] == numbers(2)
    assert "more than 2 were requested within one hour (SMS_PER_HOUR)" in warning(coach)
    assert "Of 3 new numbers in the last day, 1 confirmed." in warning(coach)
    assert "text_messages_stopped" in caplog.text
    world.advance(hours=1, minutes=1)
    world.clock.move_to(world.now, tick=False)
    assert warning(coach) == ""
    send(world, VI)
    world.work()
    assert said(gateway)[-1][0] == VI


def test_after_so_many_in_a_day_no_more_are_sent_and_what_was_refused_does_not_count(world, gateway, settings, coach):
    """P2"""
    settings.SMS_PER_HOUR, settings.SMS_PER_DAY = 2, 3
    for number in numbers(4):
        send(world, number)
    world.work()
    assert len(said(gateway)) == 2
    world.advance(hours=1, minutes=1)
    world.clock.move_to(world.now, tick=False)
    for number in numbers(6)[4:]:
        send(world, number)
    world.work()
    assert len(said(gateway)) == 3
    assert "more than 3 were requested within one day (SMS_PER_DAY)" in warning(coach)


def test_news_and_pages_do_not_count(world, gateway, settings):
    """P2: the cap is on what strangers set off."""
    settings.SMS_PER_HOUR = 1
    send(world)
    world.work()
    Client().post(link(said(gateway)[0][1]))
    world.outage()
    world.work()
    assert len(said(gateway)) == 2


def test_a_lost_link_comes_by_text_message(world, gateway):
    """P5"""
    send(world)
    world.work()
    Client().post(link(said(gateway)[0][1]))
    answer = Client().post("/subscriptions/new-link/", {"channel": "sms", "address": VI})
    assert "Check your phone" in text(answer)
    world.work()
    number, found = said(gateway)[-1]
    assert number == VI and Client().get(link(found)).status_code == 200
    assert found.count("http") == 1


def test_no_number_on_the_log(world, gateway, caplog):
    """K13"""
    send(world)
    world.work()
    assert VI not in caplog.text and VI[1:] not in caplog.text
