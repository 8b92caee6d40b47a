"""Who may do what to which object: the permission for all objects of a kind, or django-guardian's for this one."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest
from guardian.models import GroupObjectPermission
from guardian.shortcuts import assign_perm, remove_perm
from rest_framework.request import Request

from schedules.models import Team, User


def person(request: HttpRequest | Request) -> User:
    """The user whose request this is; only for pages that nobody sees without a login."""
    assert isinstance(request.user, User)
    return request.user


def may(user: Any, verb: str, obj: Model) -> bool:
    """`verb` is one of Django's: add, change, delete, view."""
    permission = f"{obj._meta.app_label}.{verb}_{obj._meta.model_name}"
    return user.has_perm(permission) or user.has_perm(permission, obj)


def grant_to_team(obj: Any, *, before: Team | None = None) -> None:
    """The team that owns `obj` may change it from now on; the team that owned it before may not any more."""
    permission = f"change_{obj._meta.model_name}"
    if before and before != obj.team:
        remove_perm(permission, before, obj)
    if obj.team:
        assign_perm(permission, obj.team, obj)


def forget(obj: Model) -> None:
    """To be called before `obj` is deleted: guardian would keep its grants for whatever gets the same id one day."""
    content_type = ContentType.objects.get_for_model(obj)
    GroupObjectPermission.objects.filter(content_type=content_type, object_pk=obj.pk).delete()
