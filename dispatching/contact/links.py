"""Links that are valid for one contact point and one purpose. They contain no address and can be revoked.

The purpose is the name of the URL pattern, which takes the token as its only argument.
"""

from functools import lru_cache

from django.conf import settings
from django.core import signing
from django.db.models import F
from django.urls import reverse

from dispatching.models import ContactPoint
from schedules.models import User


class Links:
    """A kind of such links. `max_age`: the seconds for which they are valid; without it they do not expire."""

    def __init__(self, salt: str, max_age: int | None = None) -> None:
        self._salt, self._max_age = salt, max_age

    def token(self, purpose: str, point: ContactPoint) -> str:
        signer = _signer(self._salt + purpose, settings.SECRET_KEY, self._max_age is not None)
        return signer.sign_object([point.pk, point.link_version])

    def path(self, purpose: str, point: ContactPoint, *, page: str = "") -> str:
        """The path of the link; `page` is the name of the URL pattern if it is not that of the purpose."""
        before, after = _around(page or purpose, settings.ROOT_URLCONF)
        return f"{before}{self.token(purpose, point)}{after}"

    def url(self, purpose: str, point: ContactPoint, *, page: str = "") -> str:
        return settings.PUBLIC_URL + self.path(purpose, point, page=page)

    def read(self, purpose: str, given: str) -> ContactPoint | None:
        """The contact point that the token is for.

        None if the token is forged, for another purpose, too old, revoked, or of a person who left.
        """
        salt = self._salt + purpose
        try:
            if self._max_age is None:
                point_id, version = signing.Signer(salt=salt).unsign_object(given)
            else:
                point_id, version = signing.TimestampSigner(salt=salt).unsign_object(given, max_age=self._max_age)
        except (signing.BadSignature, ValueError, TypeError):
            return None
        points = ContactPoint.objects.select_related("recipient__user").exclude(recipient__user__is_active=False)
        return points.filter(pk=point_id, link_version=version).first()


@lru_cache
def _signer(salt: str, secret: str, timed: bool) -> signing.Signer:
    return (signing.TimestampSigner if timed else signing.Signer)(key=secret, salt=salt)


@lru_cache
def _around(page: str, urlconf: str) -> tuple[str, str]:
    """The path before and after the token, looked up once, not for each of 100,000 mails."""
    before, _, after = reverse(page, urlconf, args=["TOKEN"]).partition("TOKEN")
    return before, after


# To manage subscriptions, to end them, to read their feed.
personal = Links("tocsin.personal.")
token, path, url, read = personal.token, personal.path, personal.url, personal.read


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


def revoke_all(user: User) -> None:
    """Makes all links void that were ever sent to this person."""
    ContactPoint.objects.filter(recipient__user=user).update(link_version=F("link_version") + 1)
