"""Permission to act on an alert, shared by the admin and the API."""

from dispatching.models import Alert, Page
from schedules.models import User
from schedules.surfaces import access


def may_act(user: User, alert: Alert) -> bool:
    """Whether the user may change any alert, is in the service's team, or was paged for this alert."""
    if access.may(user, "change", alert) or user.groups.filter(pk=alert.service.team_id).exists():
        return True
    return Page.objects.filter(alert=alert, recipient__user=user.pk).exists()
