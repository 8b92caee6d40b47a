"""Who may act on an alert, and who may read addresses: one answer for the admin and the API."""

from django.db.models import Q, QuerySet

from dispatching.models import Alert, ContactPoint, Page
from schedules.models import User
from schedules.surfaces import access


def may_act(user: User, alert: Alert) -> bool:
    """Those who may change any alert, the team of the service, and everyone who was paged for it."""
    if access.may(user, "change", alert) or user.groups.filter(pk=alert.service.team_id).exists():
        return True
    return Page.objects.filter(alert=alert, recipient__user=user.pk).exists()


def readable(points: QuerySet[ContactPoint], user: User) -> QuerySet[ContactPoint]:
    """One's own contact points; all of them for those who may read them all. A webhook's address can hold a secret."""
    mine = Q(recipient__user=user.pk)
    return points if user.has_perm("dispatching.view_contactpoint") else points.filter(mine)
