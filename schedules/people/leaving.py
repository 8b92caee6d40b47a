"""When people leave and return, so that a change of `is_active` leaves the past of their schedules alone."""

from datetime import datetime

from schedules.models import Absence, User


def note(user: User, *, now: datetime) -> None:
    """Notes in `user`, which the caller saves, that they leave now; or, if they return, that they were away in between.

    Call it before saving. A person who never left, or whose `is_active` stays as it is, is not changed.
    """
    if not user.is_active and user.left_at is None:
        before = User.objects.filter(pk=user.pk).values_list("is_active", flat=True).first()
        user.left_at = now if before else None
    elif user.is_active and user.left_at is not None:
        if user.left_at < now:
            Absence.objects.create(user=user, start=user.left_at, end=now, reason="had left")
        user.left_at = None
