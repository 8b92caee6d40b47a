"""Links that are valid for one contact point and one purpose (manage, unsubscribe).

They contain no address, do not expire and can be revoked.
The purpose is the name of the URL pattern, which takes the token as its only argument.
"""

from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.urls import reverse

from dispatching.models import ContactPoint

SALT = "tocsin.personal."


def token(purpose: str, point: ContactPoint) -> str:
    return _signer(purpose, settings.SECRET_KEY).sign_object([point.pk, point.link_version])


def url(purpose: str, point: ContactPoint) -> str:
    return settings.PUBLIC_URL + path(purpose, point)


def path(purpose: str, point: ContactPoint) -> str:
    before, after = _around(purpose, settings.ROOT_URLCONF)
    return f"{before}{token(purpose, point)}{after}"


@lru_cache
def _signer(purpose: str, secret: str) -> signing.Signer:
    return signing.Signer(key=secret, salt=SALT + purpose)


@lru_cache
def _around(purpose: str, urlconf: str) -> tuple[str, str]:
    """The path before and after the token, looked up once, not for each of 100,000 mails."""
    before, _, after = reverse(purpose, urlconf, args=["TOKEN"]).partition("TOKEN")
    return before, after


def read(purpose: str, given: str) -> ContactPoint | None:
    """The contact point that the token is for; None if the token is forged, for another purpose, revoked, or of a person who left."""
    try:
        point_id, version = signing.Signer(salt=SALT + purpose).unsign_object(given)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return of_token(point_id, version)


def of_token(point_id: int, version: int) -> ContactPoint | None:
    """The contact point with this id and version of links, unless its person has left."""
    points = ContactPoint.objects.select_related("recipient__user").exclude(recipient__user__is_active=False)
    return points.filter(pk=point_id, link_version=version).first()


def mail_token(point: ContactPoint) -> str:
    """The token in the address for unsubscribing by mail, not signed yet (see `channels.email.tagged_addresses`)."""
    return f"{point.pk}-{point.link_version}"


def mail_reader(token: str) -> ContactPoint | None:
    """The contact point of a `mail_token` whose signature was checked; None if the token is revoked."""
    point_id, _, version = token.partition("-")
    return ContactPoint.objects.filter(pk=point_id, link_version=version).first()


def revoke(point: ContactPoint) -> None:
    """Makes all links void that were ever sent to this contact point."""
    point.link_version += 1
    point.save(update_fields=["link_version"])
