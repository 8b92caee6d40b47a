"""The link of a page or of a message for information, valid for one alert and one recipient."""

from typing import NamedTuple

from django.core import signing

from dispatching.models import Alert, Recipient
from schedules.surfaces.public_urls import public_url

LINK_AGE = 30 * 24 * 3600  # seconds
SALT = "dispatching.page"
SHOWN = "dispatching.page.shown"  # the salt of links that only show the alert


class Link(NamedTuple):
    alert: Alert
    recipient: Recipient
    acts: bool  # False: it only shows the alert


def link(alert: Alert, recipient: Recipient, *, acts: bool = True) -> str:
    """The link that shows the alert to this person and, if it `acts`, lets them acknowledge it; valid for 30 days."""
    told = [alert.pk, recipient.pk]
    if recipient.user and recipient.user.leavings:
        told.append(recipient.user.leavings)
    return public_url("alert_page", signing.dumps(told, salt=SALT if acts else SHOWN))


def read(token: str) -> Link | None:
    """What a link says.

    None if it is forged or too old, if the alert or the recipient is deleted, or if the recipient's login is not active or was not
    since.
    """
    return _read(token, acts=True) or _read(token, acts=False)


def _read(token: str, *, acts: bool) -> Link | None:
    try:
        alert_id, recipient_id, *before = signing.loads(token, salt=SALT if acts else SHOWN, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    alert = Alert.objects.select_related("service__team", "priority", "acknowledged_by").filter(pk=alert_id).first()
    recipient = Recipient.objects.present().select_related("user").filter(pk=recipient_id).first()
    if alert is None or recipient is None:
        return None
    left = recipient.user.leavings if recipient.user else 0
    return Link(alert, recipient, acts) if [left] == (before or [0]) else None
