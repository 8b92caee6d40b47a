"""When people leave and return: the past of their schedules stays as it was, and what gave them access does not come back."""

from collections.abc import Callable
from datetime import datetime

from schedules.models import Absence, ApiToken, CalendarLink, User

End = Callable[[User], None]

_ends: list[End] = []


def register(end: End) -> None:
    """Adds what else ends when a person leaves; call it once, when the application starts."""
    if end not in _ends:
        _ends.append(end)


def note(user: User, *, now: datetime) -> None:
    """Notes in `user`, which the caller saves, that they leave now; or, if they return, that they were away in between.

    Who leaves loses their sessions, tokens and links for good. Call it before saving, in the same transaction. A person who
    never left, or whose `is_active` stays as it is, is not changed.
    """
    if not user.is_active and user.left_at is None:
        before = User.objects.filter(pk=user.pk, is_active=True).values_list("leavings", flat=True).first()
        if before is not None:
            user.left_at, user.leavings = now, before + 1
            _end_access(user)
    elif user.is_active and user.left_at is not None:
        if user.left_at < now:
            Absence.objects.create(user=user, start=user.left_at, end=now, reason="had left")
        user.left_at = None


def _end_access(user: User) -> None:
    ApiToken.objects.filter(user=user).delete()
    CalendarLink.objects.filter(owner=user).delete()
    for end in _ends:
        end(user)
