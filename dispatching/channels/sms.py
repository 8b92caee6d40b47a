"""Text messages, sent as JSON by POST to the HTTP gateway that the operator configures (SMS_GATEWAY_URL)."""

import json
import re

from django.conf import settings
from django.core.exceptions import ValidationError

from dispatching.channels.base import Channel, Envelope
from dispatching.channels.http.client import Client
from dispatching.channels.http.replies import receipt
from dispatching.channels.text import shorten

LONGEST = 300  # characters; two parts in the phone's own alphabet
E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_between = re.compile(r"[\s().\-/]+")


class SmsChannel(Channel):
    kind = "sms"
    label = "Text message (SMS)"
    spoken = "text message"
    for_strangers = True

    def __init__(self, client: Client | None = None) -> None:
        # The operator chose the gateway, so it may be in the operator's own network.
        self._client = client or Client(private=True)

    @property
    def configured(self) -> bool:
        return bool(settings.SMS_GATEWAY_URL)

    def clean_address(self, address: str) -> str:
        number = _between.sub("", address)
        if not E164.fullmatch(number):
            raise ValidationError("Please enter one phone number with its country, such as +44 7700 900123.")
        return number

    def send(self, envelope: Envelope) -> str:
        message = {"id": envelope.key, "to": envelope.address, "from": settings.SMS_SENDER, "text": text(envelope)}
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": envelope.key,
        }
        if settings.SMS_GATEWAY_TOKEN:
            headers["Authorization"] = f"Bearer {settings.SMS_GATEWAY_TOKEN}"
        body = json.dumps(message, ensure_ascii=False).encode()
        # No redirects, because they would carry the token elsewhere.
        return receipt(self._client.post(settings.SMS_GATEWAY_URL, body, headers, redirects=()), at=envelope.at)


def text(envelope: Envelope) -> str:
    """The words in at most LONGEST characters; their link is never cut."""
    words = envelope.brief.rstrip()
    leave, url = envelope.data.get("unsubscribe_url"), envelope.data.get("url")
    tail = f"\nStop: {leave}" if leave else f"\n{url}" if url else ""
    if not tail or (url and url in words and len(words) <= LONGEST):
        return shorten(words, LONGEST)
    return shorten(words, LONGEST - len(tail)) + tail
