"""The acknowledge link of a page, valid for one alert and one recipient."""

from django.core import signing

from dispatching.models import Alert, Recipient
from schedules.surfaces.public_urls import public_url

LINK_AGE = 30 * 24 * 3600  # seconds
SALT = "dispatching.page"


def link(alert: Alert, recipient: Recipient) -> str:
    """The link that shows the alert to this person and lets them acknowledge it; valid for 30 days."""
    told = [alert.pk, recipient.pk]
    if recipient.user and recipient.user.leavings:
        told.append(recipient.user.leavings)
    return public_url("alert_page", signing.dumps(told, salt=SALT))


def read(token: str) -> tuple[Alert, Recipient] | None:
    """The alert and the recipient of a link.

    None if it is forged or too old, if either of them is deleted, or if the recipient's login is not active or was not since.
    """
    try:
        alert_id, recipient_id, *before = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    alert = Alert.objects.select_related("service__team", "priority", "acknowledged_by").filter(pk=alert_id).first()
    recipient = Recipient.objects.present().select_related("user").filter(pk=recipient_id).first()
    if alert is None or recipient is None:
        return None
    left = recipient.user.leavings if recipient.user else 0
    return (alert, recipient) if [left] == (before or [0]) else None
