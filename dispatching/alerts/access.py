"""Who may act on an alert: one answer for the admin and the API."""

from dispatching.models import Alert, Page
from schedules.models import User
from schedules.surfaces import access


def may_act(user: User, alert: Alert) -> bool:
    """Those who may change any alert, the team of the service, and everyone who was paged for it."""
    if access.may(user, "change", alert) or user.groups.filter(pk=alert.service.team_id).exists():
        return True
    return Page.objects.filter(alert=alert, recipient__user=user.pk).exists()
