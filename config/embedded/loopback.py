"""Whether only this machine can reach us."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def only_here(host: str, public_url: str) -> bool:
    """Whether we listen on loopback only, and no proxy in front of us has another address; an empty value is the default."""
    return is_loopback(host or "127.0.0.1") and is_loopback(urlsplit(public_url).hostname or "127.0.0.1")
