"""Mail addresses of ours that carry their purpose and a signature, so that forgeries are recognised: NAME+WHAT-SIGNATURE@HOST.

Mail servers and providers change the case of the part before the @ (faults K30), so nothing depends on it.
"""

import hmac
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.utils.crypto import constant_time_compare

DIGITS = 10  # of the signature; settings.MAILBOX leaves room for it
BOUNCE, LEAVE = "bounce", "leave"


def address(mailbox: str, purpose: str, what: str) -> str:
    """A signed address for this purpose. `what` consists of small letters, digits and dashes."""
    local, _, domain = mailbox.rpartition("@")
    return f"{local}+{what}-{_signature(purpose, what, settings.SECRET_KEY)}@{domain}"


def read(mailbox: str, purpose: str, given: str) -> str | None:
    """The `what` of a given address. Empty if it is forged; None if it is no tagged address of `mailbox`."""
    local, _, domain = mailbox.lower().rpartition("@")
    name, _, host = given.strip().lower().rpartition("@")
    if not domain or host != domain or not name.startswith(f"{local}+"):
        return None
    what, _, signature = name.removeprefix(f"{local}+").rpartition("-")
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return what if any(constant_time_compare(signature, _signature(purpose, what, key)) for key in keys) else ""


def _signature(purpose: str, what: str, secret: str) -> str:
    return hmac.digest(_key(purpose, secret), what.encode(), "sha256").hex()[:DIGITS]


@lru_cache
def _key(purpose: str, secret: str) -> bytes:
    return sha256(f"tocsin.tagged.{purpose}:{secret}".encode()).digest()
