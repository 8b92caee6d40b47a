"""Webhooks: signed JSON by POST, for receivers that are machines."""

import hashlib
import hmac
import json

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from dispatching.channels.base import Channel, Envelope
from dispatching.channels.http.client import Client, Reply, clean_url
from dispatching.channels.http.replies import receipt
from dispatching.channels.text import one_line, printable_data, shorten

TITLE, BODY = 1000, 100_000  # characters
GONE = {410}
PROVED = "the challenge was answered"  # the receipt in that case


class WebhookChannel(Channel):
    kind = "webhook"
    label = "Webhook"
    spoken = "webhook"
    for_strangers = True

    def __init__(self, client: Client | None = None, outside: Client | None = None) -> None:
        self._client, self._outside = client or Client(), outside or Client(private=False)

    def clean_address(self, address: str) -> str:
        return _clean(address)

    def clean_outside_address(self, address: str) -> str:
        return _clean(address, private=False)

    def send(self, envelope: Envelope) -> str:
        body = content(envelope)
        timestamp = str(int(envelope.at.timestamp()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": envelope.key,
            "X-Tocsin-Timestamp": timestamp,
            "X-Tocsin-Signature": "v1=" + signature(body, timestamp, signing_secret()),
        }
        client = self._outside if envelope.outside else self._client
        reply = client.post(envelope.address, body, headers)
        provider_id = receipt(reply, at=envelope.at, gone=GONE)
        return PROVED if _answers(reply, envelope.data.get("challenge")) else provider_id


def _clean(address: str, **how: bool) -> str:
    try:
        return clean_url(address, **how)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def content(envelope: Envelope) -> bytes:
    """The JSON that is posted: the envelope's data, completed with the names that the contract promises."""
    data = {
        "id": envelope.key,
        "kind": "notice",
        "title": envelope.subject,
        "body": envelope.body,
        "url": "",
        "recipient": envelope.recipient,
        **envelope.data,
    }
    data["title"] = one_line(str(data["title"]), TITLE)
    data["body"] = shorten(str(data["body"]), BODY)
    return json.dumps(printable_data(data), ensure_ascii=False, separators=(",", ":")).encode()


def signing_secret() -> str:
    """The secret with which receivers check our signature: the operator's own, or one derived from SECRET_KEY."""
    own = salted_hmac("tocsin.webhook", "", algorithm="sha256").hexdigest()
    return settings.WEBHOOK_SIGNING_SECRET or own


def signature(body: bytes, timestamp: str, secret: str) -> str:
    """Hex HMAC-SHA256 over "timestamp.body"."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _answers(reply: Reply, challenge: str | None) -> bool:
    """Whether the body is the challenge and nothing else, as text or JSON. Many servers echo all that they get, which is no proof."""
    if not challenge:
        return False
    try:
        text = reply.body.decode().strip()
        return text == challenge or json.loads(text) in (challenge, {"challenge": challenge})
    except (ValueError, RecursionError):
        return False
