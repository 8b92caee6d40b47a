"""A template filter for URLs from outside: makes a link only if following it is harmless (faults K8)."""

from urllib.parse import urlsplit

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def web_link(address: str) -> SafeString | str:
    """A link if the text is an http or https URL; any other text stays text, and is escaped as such."""
    if not is_web(address):
        return address
    return format_html('<a href="{0}" rel="noreferrer noopener">{0}</a>', address)


def is_web(address: str) -> bool:
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
