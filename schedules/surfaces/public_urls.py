"""Where people outside this machine find us."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse


def public_url(name: str, *args: Any) -> str:
    """The whole address of the page that the URL pattern `name` leads to."""
    return settings.PUBLIC_URL + reverse(name, args=args)


def public_host() -> str:
    return urlsplit(settings.PUBLIC_URL).hostname or "localhost"
