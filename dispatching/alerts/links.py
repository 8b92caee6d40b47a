"""The acknowledge link of a page: good for one alert and one recipient."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from dispatching.models import Alert, Recipient

LINK_AGE = 30 * 24 * 3600  # seconds
SALT = "dispatching.page"


def link(alert: Alert, recipient: Recipient) -> str:
    """The page's own link: shows the alert to this person and lets them acknowledge it; good for 30 days."""
    token = signing.dumps([alert.pk, recipient.pk], salt=SALT)
    return settings.PUBLIC_URL + reverse("alert_page", args=[token])


def read_token(token: str) -> tuple[int, int]:
    """(alert, recipient) of a link; raises signing.BadSignature if it is forged or too old."""
    alert_id, recipient_id = signing.loads(token, salt=SALT, max_age=LINK_AGE)
    return alert_id, recipient_id
