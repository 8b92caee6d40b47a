"""The acknowledge link of a page, valid for one alert and one recipient."""

from django.core import signing

from dispatching.models import Alert, Recipient
from schedules.surfaces.public_urls import public_url

LINK_AGE = 30 * 24 * 3600  # seconds
SALT = "dispatching.page"


def link(alert: Alert, recipient: Recipient) -> str:
    """The link that shows the alert to this person and lets them acknowledge it; valid for 30 days."""
    return public_url("alert_page", signing.dumps([alert.pk, recipient.pk], salt=SALT))


def read(token: str) -> tuple[Alert, Recipient] | None:
    """The alert and the recipient of a link.

    None if it is forged or too old, if either of them is deleted, or if the recipient's login is no longer active.
    """
    try:
        alert_id, recipient_id = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    except signing.BadSignature:
        return None
    alert = Alert.objects.select_related("service__team", "priority", "acknowledged_by").filter(pk=alert_id).first()
    recipient = Recipient.objects.present().select_related("user").filter(pk=recipient_id).first()
    return (alert, recipient) if alert and recipient else None
