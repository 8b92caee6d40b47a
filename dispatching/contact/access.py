"""Permission to read addresses, shared by the admin and the API."""

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q, QuerySet

from dispatching.models import ContactPoint
from schedules.models import User


def readable(points: QuerySet[ContactPoint], user: User | AnonymousUser) -> QuerySet[ContactPoint]:
    """The contact points that the user may read: their own, or all with permission, because a webhook's address can be secret."""
    mine = Q(recipient__user=user.pk)
    return points if user.has_perm("dispatching.view_contactpoint") else points.filter(mine)
