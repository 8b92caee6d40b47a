"""Addresses under which people on other machines reach our pages."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse


def public_url(name: str, *args: Any) -> str:
    """The full URL of the page with the URL pattern `name`."""
    return settings.PUBLIC_URL + reverse(name, args=args)


def public_host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
