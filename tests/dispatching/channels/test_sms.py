"""Text messages, over a real HTTP connection to a gateway."""

import json
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from dispatching.channels import ChannelError, Outcome
from dispatching.models import ContactPoint
from schedules.models import User
from tests.dispatching.media import KEY, envelope
from tests.dispatching.receivers import answer

LEAVE = "https://tocsin.example.org/unsubscribe/" + "x" * 52 + "/"
WRITTEN = ["+44 7700 900123", "+44 (7700) 900-123", " +44.7700.900123 ", "+447700900123"]
USELESS = [
    "07700900123",
    "00447700900123",
    "+0447700900123",
    "+4477009",
    "+4477009001234567",
    "+44 7700 90012x",
    "+٤٤٧٧٠٠٩٠٠١٢٣",
]


def texts(sms) -> list[str]:
    return [json.loads(request.body)["text"] for request in sms.server.requests]


def test_the_gateway_gets_the_number_the_sender_and_the_words(sms):
    """B112, B159"""
    sms.channel.send(envelope("+447700900123", short="Update: Uploads fail (US)\nWe are at it."))
    [request] = sms.server.requests
    assert json.loads(request.body) == {
        "id": KEY,
        "to": "+447700900123",
        "from": "Tocsin",
        "text": "Update: Uploads fail (US)\nWe are at it.",
    }
    assert (request.headers["authorization"], request.headers["idempotency-key"]) == ("Bearer hush", KEY)


@pytest.mark.parametrize("written", WRITTEN)
def test_a_number_is_kept_in_its_international_form(sms, written):
    assert sms.channel.clean_address(written) == "+447700900123"


@pytest.mark.parametrize("useless", USELESS)
def test_what_is_no_number_with_its_country_is_refused(sms, useless):
    with pytest.raises(ValidationError, match="phone number with its country"):
        sms.channel.clean_address(useless)


@pytest.mark.parametrize("words", [{"short": "s" * 300}, {"body": "b" * 5000}, {"subject": "t" * 5000, "body": ""}])
@pytest.mark.parametrize(
    "data", [{}, {"url": LEAVE}, {"unsubscribe_url": LEAVE, "url": "https://tocsin.example.org/m/"}]
)
def test_it_never_says_more_than_fits_and_the_link_stays_whole(sms, words, data):
    sms.channel.send(envelope(sms.address, data=data, **words))
    [text] = texts(sms)
    assert len(text) <= 300 and "…" in text or text == "s" * 300
    assert text.endswith(LEAVE) or not data


def test_a_link_that_stands_in_the_words_is_not_added_again(sms):
    sms.channel.send(envelope(sms.address, subject="Outages?", body=f"Yes: {LEAVE}", data={"url": LEAVE}))
    assert texts(sms) == [f"Outages?\nYes: {LEAVE}"]


def test_the_gateway_may_stand_in_the_own_network_where_webhooks_may_not(sms, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    sms.channel.send(envelope(sms.address))
    assert len(texts(sms)) == 1


def test_the_token_goes_to_the_gateway_only(sms):
    """K4: a redirect is not followed."""
    sms.server.script.append(answer(307, Location="/elsewhere"))
    with pytest.raises(ChannelError, match="307") as refused:
        sms.channel.send(envelope(sms.address))
    assert refused.value.final and len(sms.server.requests) == 1


def test_somebody_on_call_is_paged_by_text_message(world, sms):
    """A25: what is wrong and the link to acknowledge it."""
    recipient = world.person("ana").recipient
    recipient.contact_points.all().delete()
    ContactPoint.objects.create(recipient=recipient, channel="sms", address=sms.address, verified=True)
    world.trigger(world.service(world.policy((timedelta(minutes=5), User.objects.get())), name="Log-on"))
    [text] = texts(sms)
    assert "[Log-on] log-on is down" in text and "/a/" in text and len(text) <= 300


def test_it_is_offered_to_people_on_call_as_soon_as_there_is_a_gateway(admin_client, world, sms, settings):
    ana = world.person("ana").recipient
    page = f"/admin/dispatching/recipient/{ana.pk}/change/"
    assert "Text message (SMS)" in admin_client.get(page).content.decode()
    assert "Notification in a browser" not in admin_client.get(page).content.decode()
    settings.SMS_GATEWAY_URL = ""
    assert "Text message (SMS)" not in admin_client.get(page).content.decode()


def test_a_gateway_that_is_gone_blames_no_number(sms):
    """P10: what it answers is about our own URL."""
    sms.server.script.append(answer(410))
    with pytest.raises(ChannelError) as refused:
        sms.channel.send(envelope(sms.address))
    assert refused.value.outcome == Outcome.PERMANENT
