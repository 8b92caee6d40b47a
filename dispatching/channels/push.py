"""Browser notifications (Web Push).

They are handed to the browser's push service (RFC 8030), encrypted so that only the browser can read them (RFC 8291), and
signed so that the service knows the sender (RFC 8292). An address is the browser's PushSubscription, as JSON or in our short
form: ENDPOINT#P256DH.AUTH.
"""

import base64
import json
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ValidationError
from py_vapid import Vapid02

from dispatching.channels.base import Channel, ChannelError, Envelope, Outcome
from dispatching.channels.http.client import Client, clean_url
from dispatching.channels.http.replies import receipt
from dispatching.channels.text import shorten

CURVE = ec.SECP256R1()
TLS = ("https", 443)
KEY, SECRET = 65, 16  # bytes
TITLE, BODY = 200, 300  # characters; with the link far less than the 3,993 bytes that every service accepts
LONGEST = 500  # characters of an address
KEPT = 24 * 3600  # seconds for which the service keeps a message for a browser that is offline
GONE = {404, 410}  # the browser has ended the subscription (RFC 8030 7.3)
SIGNED_FOR = timedelta(hours=12)  # at most a day is allowed, and clocks differ


class PushChannel(Channel):
    kind = "push"
    label = "Notification in a browser"
    spoken = "browser notification"
    typed = False
    for_strangers = True

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or Client()

    def clean_address(self, address: str) -> str:
        try:
            endpoint, key, secret = _parts(address)
            place = urlsplit(endpoint)
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, key)
            if (len(key), len(secret)) != (KEY, SECRET) or "@" in place.netloc:
                raise ValueError
            # Those of browsers have no other address (RFC 8030 8.1); one that an operator entered may.
            if _one_of(place.hostname or "", settings.PUSH_OF_BROWSERS) and (place.scheme, place.port or 443) != TLS:
                raise ValueError
            # Strangers must not make us call any host they like.
            if not _one_of(place.hostname or "", settings.PUSH_SERVICES):
                raise ValidationError("We do not support the service that brings notifications to this browser.")
            cleaned = f"{clean_url(endpoint)}#{_encoded(key)}.{_encoded(secret)}"
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise ValidationError("This browser did not give a usable address for its notifications.") from None
        if len(cleaned) > LONGEST:
            raise ValidationError(f"The address of this browser is longer than {LONGEST} characters.")
        return cleaned

    def send(self, envelope: Envelope) -> str:
        try:
            endpoint, key, secret = _parts(envelope.address)
            body = http_ece.encrypt(
                content(envelope),
                private_key=ec.generate_private_key(CURVE),  # a new key for each message
                dh=key,
                auth_secret=secret,
                version="aes128gcm",
            )
        except (ValueError, TypeError, KeyError):
            raise ChannelError("this is not the address of a browser", outcome=Outcome.PERMANENT) from None
        headers = {
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT),
            "Urgency": "high",
            **_signed(endpoint, envelope.at),
        }
        return receipt(self._client.post(endpoint, body, headers, redirects=()), at=envelope.at, gone=GONE)


def content(envelope: Envelope) -> bytes:
    """The JSON that our worker in the browser reads (templates/stakeholders/worker.js); `id` is the same for every attempt."""
    title, body = notification(envelope)
    url = str(envelope.data.get("url", ""))
    message = {"id": envelope.key, "title": title, "body": body, "url": url}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def notification(envelope: Envelope) -> tuple[str, str]:
    """The (title, body) of the notification, each shortened to its limit."""
    title, _, body = envelope.brief.partition("\n")
    return shorten(title, TITLE), shorten(body, BODY)


def public_key() -> str:
    """The key that a browser needs when it subscribes; its service refuses messages that are signed with another key."""
    key = _vapid(settings.VAPID_PRIVATE_KEY).public_key
    return _encoded(key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


@lru_cache
def _vapid(private_key: str) -> Vapid02:
    return Vapid02.from_raw(private_key.encode())


def _signed(endpoint: str, at: datetime) -> dict[str, str]:
    place = urlsplit(endpoint)
    vapid = _vapid(settings.VAPID_PRIVATE_KEY)
    claims = {
        "aud": f"{place.scheme}://{place.netloc}",
        "sub": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}",
        "exp": int((at + SIGNED_FOR).timestamp()),
    }
    return vapid.sign(claims)


def _parts(address: str) -> tuple[str, bytes, bytes]:
    """(endpoint, the browser's public key, the secret that it shares with us); raises ValueError, TypeError or KeyError."""
    if address.lstrip().startswith("{"):
        subscription = json.loads(address)
        endpoint, key, secret = subscription["endpoint"], subscription["keys"]["p256dh"], subscription["keys"]["auth"]
    else:
        endpoint, _, keys = address.strip().rpartition("#")
        key, _, secret = keys.partition(".")
    return endpoint, _decoded(key), _decoded(secret)


def _one_of(host: str, services: list[str]) -> bool:
    return any(host == service or host.endswith(f".{service}") for service in services)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
