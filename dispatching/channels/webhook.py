"""Webhooks: signed JSON by POST, for receivers that are machines."""

import hashlib
import hmac
import http
import json
from collections.abc import Collection
from datetime import datetime
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.crypto import salted_hmac

from dispatching.channels.base import Channel, ChannelError, Envelope, Outcome
from dispatching.channels.http.client import Client, Reply, clean_url
from dispatching.channels.text import one_line, printable_data, shorten

TITLE, BODY = 1000, 100_000  # characters
LONGEST_WAIT = 24 * 3600
TRY_AGAIN = {408, 425, 429}
GONE = {410}
PROVED = "the challenge was answered"  # the receipt in that case


class WebhookChannel(Channel):
    kind = "webhook"
    label = "Webhook"

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
            "User-Agent": f"Tocsin (+{settings.PUBLIC_URL})",
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
    return getattr(settings, "WEBHOOK_SIGNING_SECRET", "") or own


def signature(body: bytes, timestamp: str, secret: str) -> str:
    """Hex HMAC-SHA256 over "timestamp.body"."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def receipt(reply: Reply, *, at: datetime, gone: Collection[int] = ()) -> str:
    """The provider's own id for the message that it accepted, which may be empty; raises ChannelError if it did not accept.

    `gone`: the statuses by which the provider says that there is no such address.
    """
    if 200 <= reply.status < 300:
        if _says_no(reply):
            raise ChannelError(f"{reply.host} answered {reply.status}, but with ok: false")
        return one_line(reply.headers.get("x-request-id", ""), 200)
    temporary = reply.status in TRY_AGAIN or reply.status >= 500
    raise ChannelError(
        f"{reply.host} answered {reply.status} {_phrase(reply.status)}".rstrip(),
        outcome=Outcome.TEMPORARY if temporary else Outcome.GONE if reply.status in gone else Outcome.PERMANENT,
        retry_after=_retry_after(reply, at) if temporary else None,
    )


def _answers(reply: Reply, challenge: str | None) -> bool:
    """Whether the body is the challenge and nothing else, as text or JSON. Many servers echo all that they get, which is no proof."""
    if not challenge:
        return False
    try:
        text = reply.body.decode().strip()
        return text == challenge or json.loads(text) in (challenge, {"challenge": challenge})
    except (ValueError, RecursionError):
        return False


def _says_no(reply: Reply) -> bool:
    """Whether an answer with status 200 is a refusal in fact, as Slack and Telegram send it (faults G4)."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ok") is False


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(reply: Reply, at: datetime) -> int | None:
    """The seconds of a Retry-After header in either of its forms (RFC 9110 10.2.3); None if it makes no sense."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(int(value[:9]), LONGEST_WAIT)
    try:
        seconds = (parsedate_to_datetime(value) - at).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0, min(round(seconds), LONGEST_WAIT))
