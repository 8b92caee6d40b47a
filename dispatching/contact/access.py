"""Who may read addresses: one answer for the admin and the API."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from dispatching.models import ContactPoint
from schedules.models import User


def readable(points: QuerySet[ContactPoint], user: User | AnonymousUser) -> QuerySet[ContactPoint]:
    """One's own contact points; all of them for those who may read them all. A webhook's address can hold a secret."""
    mine = Q(recipient__user=user.pk)
    return points if user.has_perm("dispatching.view_contactpoint") else points.filter(mine)
