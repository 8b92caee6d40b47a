"""The links to confirm a subscription and to say “this was not me”. They are valid for three days and can be opened repeatedly."""

from django.core import signing
from django.urls import reverse

from dispatching.contact import links as contact_links
from dispatching.models import ContactPoint
from schedules.surfaces.public_urls import public_url

AGE = 72 * 3600  # seconds
SALT = "tocsin.stakeholders."


def url(purpose: str, point: ContactPoint) -> str:
    """Returns the link for this contact point. `purpose` is the name of a URL pattern with the token as its only argument."""
    return public_url(purpose, _token(purpose, point))


def short(purpose: str, point: ContactPoint) -> str:
    """Returns a link to the same page under a shorter address, for text messages."""
    return public_url(f"{purpose}_short", _token(purpose, point))


def path(purpose: str, point: ContactPoint) -> str:
    return reverse(purpose, args=[_token(purpose, point)])


def _token(purpose: str, point: ContactPoint) -> str:
    return signing.dumps([point.pk, point.link_version], salt=SALT + purpose)


def read(purpose: str, given: str) -> ContactPoint | None:
    """Returns the contact point that the token is for; None if it is forged, for another purpose, too old, or revoked."""
    try:
        point_id, version = signing.loads(given, salt=SALT + purpose, max_age=AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return contact_links.of_token(point_id, version)
