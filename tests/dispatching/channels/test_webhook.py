"""Webhooks, over a real HTTP connection. Where they may go is in test_outbound."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from django.core.exceptions import ValidationError

from dispatching.channels import ChannelError, Outcome
from dispatching.channels.webhook import PROVED
from dispatching.inbound import alertmanager, generic, grafana, pagerduty
from dispatching.inbound.bad_input import BadInput
from tests.dispatching.media import KEY, envelope
from tests.dispatching.receivers import answer, hang_up
from tests.sure import sure


def test_a_webhook_holds_what_the_contract_names(webhook):
    data = {"kind": "page", "alert": {"id": 7}, "url": "https://tocsin.example.org/a/t/"}
    webhook.channel.send(envelope(webhook.address, data=data))
    assert json.loads(webhook.server.requests[0].body) == {
        "id": KEY,
        "title": "Checkout is slow",
        "body": "p99 is 3 s\n",
        "recipient": "Ana",
        **data,
    }


def test_a_webhook_is_signed_over_its_time_and_body(webhook):
    webhook.channel.send(envelope(webhook.address))
    [request] = webhook.server.requests
    timestamp = request.headers["x-tocsin-timestamp"]
    expected = hmac.new(b"shared", f"{timestamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-tocsin-signature"] == f"v1={expected}"
    assert abs(int(timestamp) - datetime.now(UTC).timestamp()) < 60


def test_without_a_secret_of_the_operator_the_signature_is_still_not_guessable(webhook, settings):
    settings.WEBHOOK_SIGNING_SECRET = ""
    webhook.channel.send(envelope(webhook.address))
    [request] = webhook.server.requests
    guessable = hmac.new(b"", request.headers["x-tocsin-timestamp"].encode() + b"." + request.body, hashlib.sha256)
    assert request.headers["x-tocsin-signature"] != f"v1={guessable.hexdigest()}"


@pytest.mark.parametrize(
    "parse", [generic.parse, alertmanager.parse, grafana.parse, pagerduty.parse, pagerduty.parse_v1]
)
def test_our_own_message_opens_no_alert_so_a_webhook_to_ourselves_makes_no_loop(webhook, parse):
    """S7"""
    webhook.channel.send(envelope(webhook.address, data={"alert": {"id": 1, "summary": "Log-on is down"}}))
    [request] = webhook.server.requests
    try:
        read = parse(json.loads(request.body))
    except BadInput as refused:
        read = [refused]
    assert all(isinstance(each, BadInput) for each in read)


def test_surrogates_deep_in_the_data_are_replaced(webhook):
    """G14"""
    webhook.channel.send(envelope(webhook.address, data={"alert": {"k\x00": ["\udfff", {"n": None}]}}))
    assert json.loads(webhook.server.requests[0].body)["alert"] == {"k�": ["�", {"n": None}]}


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_acceptance(webhook, status):
    webhook.server.script.append(answer(status))
    webhook.channel.send(envelope(webhook.address))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 303, 304])
def test_what_will_not_change_is_a_permanent_failure(webhook, status):
    webhook.server.script.append(answer(status, Location="/elsewhere", Retry_After="30"))
    with pytest.raises(ChannelError, match=str(status)) as refused:
        webhook.channel.send(envelope(webhook.address))
    assert (refused.value.final, refused.value.retry_after) == (True, None)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520])
def test_what_may_pass_is_a_temporary_failure(webhook, status):
    webhook.server.script.append(answer(status))
    with pytest.raises(ChannelError, match=str(status)) as refused:
        webhook.channel.send(envelope(webhook.address))
    assert (refused.value.final, refused.value.retry_after) == (False, None)


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [("300", 300), ("0", 0), ("9" * 5000, 86400), ("-5", None), ("soon", None), ("", None), ("²", None)],
)
def test_the_receivers_wish_to_wait_is_passed_on(webhook, wish, seconds):
    """G2"""
    webhook.server.script.append(answer(429, Retry_After=wish))
    with pytest.raises(ChannelError) as refused:
        webhook.channel.send(envelope(webhook.address))
    assert refused.value.retry_after == seconds


def test_the_wish_to_wait_may_be_a_date(webhook):
    """G2, RFC 9110 10.2.3"""
    later = datetime.now(UTC) + timedelta(seconds=300)
    webhook.server.script.append(answer(503, Retry_After=format_datetime(later, usegmt=True)))
    with pytest.raises(ChannelError) as refused:
        webhook.channel.send(envelope(webhook.address))
    assert 290 <= sure(refused.value.retry_after) <= 300


def test_a_200_that_says_no_is_a_failure(webhook):
    """G4"""
    webhook.server.script.append(answer(200, b'{"ok": false, "error": "channel_not_found"}'))
    with pytest.raises(ChannelError, match="ok: false"):
        webhook.channel.send(envelope(webhook.address))


@pytest.mark.parametrize("body", [b'{"ok": true}', b"ok", b"[", b"[" * 60_000, b"\xff", b"null"])
def test_any_other_words_with_a_200_are_acceptance(webhook, body):
    webhook.server.script.append(answer(200, body))
    webhook.channel.send(envelope(webhook.address))


def test_a_receiver_that_hangs_up_leaves_the_outcome_unknown(webhook):
    """G1"""
    webhook.server.script.append(hang_up)
    with pytest.raises(ChannelError) as refused:
        webhook.channel.send(envelope(webhook.address))
    assert refused.value.outcome == Outcome.UNKNOWN


def test_a_receiver_that_never_answers_costs_no_more_than_the_time_out(webhook, settings):
    """A14, G9"""
    settings.PROVIDER_TIMEOUT = 0.1
    webhook.server.script.append(webhook.server.silence)
    with pytest.raises(ChannelError, match="too long") as refused:
        webhook.channel.send(envelope(webhook.address))
    assert refused.value.outcome == Outcome.UNKNOWN


ASKS = {"kind": "confirm", "challenge": "s3cret"}


@pytest.mark.parametrize(
    "body", [b"s3cret", b" s3cret\n", b'"s3cret"', b'{"challenge": "s3cret"}'], ids=["text", "space", "JSON", "object"]
)
def test_who_answers_the_challenge_proves_that_they_read(webhook, body):
    """Part C, webhooks"""
    webhook.server.script.append(answer(200, body))
    assert webhook.channel.send(envelope(webhook.address, data=ASKS)) == PROVED


@pytest.mark.parametrize(
    "body",
    [b"", b"ok", b"other", b'{"challenge": "other"}', b"null", b"\xff", b"[" * 5000],
    ids=["nothing", "ok", "another", "another in JSON", "null", "no text", "deep"],
)
def test_who_answers_otherwise_proves_nothing(webhook, body):
    webhook.server.script.append(answer(200, body))
    assert webhook.channel.send(envelope(webhook.address, data=ASKS)) == ""


def test_who_sends_back_whatever_they_get_proves_nothing(webhook):
    """A stranger's echo service must not be subscribed."""

    def echo(handler):
        answer(200, webhook.server.requests[-1].body)(handler)

    webhook.server.script.append(echo)
    assert webhook.channel.send(envelope(webhook.address, data=ASKS)) == ""


def test_gone_is_for_good(webhook):
    """P10"""
    webhook.server.script += [answer(410), answer(404)]
    for gone in (True, False):
        with pytest.raises(ChannelError) as refused:
            webhook.channel.send(envelope(webhook.address))
        assert refused.value.outcome == (Outcome.GONE if gone else Outcome.PERMANENT)


def test_an_address_that_no_operator_entered_never_leads_into_our_own_network(webhook):
    """S3: not even where the operator's own webhooks may; not by a kept connection, a name or a plain http URL either."""
    webhook.channel.send(envelope(webhook.address))
    here = webhook.address.replace("http://127.0.0.1", "https://localhost")
    for address in (webhook.address, here, "https://127.1/", "http://example.org/hook"):
        with pytest.raises(ValidationError):
            webhook.channel.clean_outside_address(address)
        with pytest.raises(ChannelError) as refused:
            webhook.channel.send(envelope(address, outside=True))
        assert refused.value.outcome == Outcome.PERMANENT
    assert len(webhook.server.requests) == 1
