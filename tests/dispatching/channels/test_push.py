"""Notifications in a browser: a push service on loopback, and a browser that reads what comes."""

import json
import time

import pytest
from django.core.exceptions import ValidationError

from dispatching.channels import ChannelError, Outcome
from dispatching.channels.push import content, public_key
from tests.dispatching.browsers import Browser, claims
from tests.dispatching.media import KEY, envelope
from tests.dispatching.receivers import answer

FCM = "https://fcm.googleapis.com/fcm/send/abc:def-123"


def test_the_browser_reads_the_short_words_and_nobody_on_the_way_does(push):
    """B112; RFC 8291"""
    short = "Update: Uploads fail (Production US)\nNext message by 1 December 2026, 19:00 UTC. Wir sind dran 🔥"
    push.channel.send(envelope(push.address, short=short, data={"url": "https://tocsin.example.org/s/t/"}))
    [request] = push.server.requests
    assert push.browser.read(request.body) == {
        "id": KEY,
        "title": "Update: Uploads fail (Production US)",
        "body": "Next message by 1 December 2026, 19:00 UTC. Wir sind dran 🔥",
        "url": "https://tocsin.example.org/s/t/",
    }
    assert b"Uploads" not in request.body
    assert request.headers["content-encoding"] == "aes128gcm" and int(request.headers["ttl"]) > 0


def test_each_message_is_encrypted_with_a_key_of_its_own(push):
    for _ in range(2):
        push.channel.send(envelope(push.address))
    first, second = (request.body for request in push.server.requests)
    assert first[:16] != second[:16] and first[21:86] != second[21:86]


def test_the_push_service_can_tell_who_sends(push, settings):
    """RFC 8292: for this service, for less than a day, with the key that the browser was told."""
    settings.DEFAULT_FROM_EMAIL = "Tocsin <alerts@example.org>"
    push.channel.send(envelope(push.address))
    said, key = claims(push.server.requests[0].headers["authorization"])
    assert key == public_key()
    assert (said["aud"], said["sub"]) == (push.server.url.removesuffix("/hook"), "mailto:alerts@example.org")
    assert time.time() < said["exp"] <= time.time() + 24 * 3600


@pytest.mark.parametrize(("status", "permanent"), [(404, True), (410, True), (413, True), (307, True), (429, False)])
def test_a_browser_that_is_gone_is_a_permanent_failure(push, status, permanent):
    push.server.script.append(answer(status, Retry_After="60", Location="/elsewhere"))
    with pytest.raises(ChannelError, match=str(status)) as refused:
        push.channel.send(envelope(push.address))
    assert refused.value.final is permanent
    assert (refused.value.outcome == Outcome.GONE) is (status in (404, 410)), "P10"
    assert refused.value.retry_after == (None if permanent else 60)
    assert len(push.server.requests) == 1


def test_the_longest_message_is_one_that_every_service_takes():
    """RFC 8030 7.2: 4,096 bytes, of which encryption takes 103."""
    words = {"subject": "🔥" * 5000, "body": "🔥" * 5000, "data": {"url": "https://tocsin.example.org/" + "x" * 150}}
    assert len(content(envelope("", **words))) <= 3993


def test_an_address_is_kept_in_a_short_form_with_the_keys(push):
    browser = Browser(push.server.url)
    assert push.channel.clean_address(browser.subscription) == browser.address
    assert push.channel.clean_address(browser.address) == browser.address


ELSEWHERE = {
    "anybody's server": "https://example.org/hook",
    "a look-alike": "https://fcm.googleapis.com.example.org/x",
    "another ending": "https://evilfcm.googleapis.com/x",
    "with a password": "https://fcm.googleapis.com@example.org/x",
    "without TLS": "http://fcm.googleapis.com/x",
    "metadata": "http://169.254.169.254/latest/",
    "no URL": "fcm.googleapis.com",
    "another scheme": "ftp://fcm.googleapis.com/x",
    "too long": f"{FCM}{'x' * 500}",
}


@pytest.mark.parametrize("endpoint", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_strangers_cannot_make_us_call_whomever_they_like(push, settings, endpoint):
    """K1, K2"""
    settings.WEBHOOK_ALLOW_PRIVATE = False
    settings.PUSH_SERVICES = ["fcm.googleapis.com"]
    push.channel.clean_address(Browser(FCM).subscription)
    with pytest.raises(ValidationError):
        push.channel.clean_address(Browser(endpoint).subscription)


@pytest.mark.parametrize("private", [True, False])
def test_a_browsers_service_is_reached_by_tls_only_and_an_operators_own_as_it_is(push, settings, private):
    """RFC 8030 8.1; also where webhooks may go into the private network, as in the embedded default."""
    settings.WEBHOOK_ALLOW_PRIVATE = private
    settings.PUSH_SERVICES = [*settings.PUSH_OF_BROWSERS, "push.internal.example"]
    for endpoint in (f"{FCM}", "https://fcm.googleapis.com:443/x"):
        push.channel.clean_address(Browser(endpoint).subscription)
    for endpoint in (
        "http://fcm.googleapis.com/x",
        "https://eu.fcm.googleapis.com:8299/x",
        "https://fcm.googleapis.com:x/",
    ):
        with pytest.raises(ValidationError):
            push.channel.clean_address(Browser(endpoint).subscription)
    if private:
        push.channel.clean_address(Browser("http://push.internal.example:8080/x").subscription)


JUNK = [
    "{",
    "[]",
    '{"endpoint": 1, "keys": {"p256dh": 2, "auth": 3}}',
    json.dumps({"endpoint": FCM}),
    json.dumps({"endpoint": FCM, "keys": "x"}),
    json.dumps({"endpoint": FCM, "keys": {"p256dh": "BAAA", "auth": "AAAA"}}),
    FCM,
    f"{FCM}#",
    f"{FCM}#x.y",
    f"{FCM}#☃.☃",
    "{" * 100_000,
    Browser(FCM).address[:-3],
    Browser("https://[::1").address,
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_is_no_address(push, settings, junk):
    settings.PUSH_SERVICES = ["fcm.googleapis.com"]
    with pytest.raises(ValidationError):
        push.channel.clean_address(junk)


def test_an_address_that_became_junk_is_a_permanent_failure(push):
    with pytest.raises(ChannelError) as refused:
        push.channel.send(envelope("junk"))
    assert refused.value.final
