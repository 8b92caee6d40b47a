"""Permissions on objects: for all objects of a model, or django-guardian's for a single object."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from guardian.shortcuts import assign_perm, remove_perm
from rest_framework.request import Request

from schedules.models import Team, User


def person(request: HttpRequest | Request) -> User:
    """The user who makes the request; use it only for pages that need a login."""
    assert isinstance(request.user, User)
    return request.user


def may(user: Any, verb: str, obj: Model) -> bool:
    """Whether `user` may do `verb` to `obj`; `verb` is one of Django's: add, change, delete, view."""
    permission = f"{obj._meta.app_label}.{verb}_{obj._meta.model_name}"
    return user.has_perm(permission) or user.has_perm(permission, obj)


def may_read_private(user: Any, model: type[Model], owner: int | None = None) -> bool:
    """Whether `user` may read what is private in a row of `model`: its `owner` (an id), and people who look after such rows."""
    if owner is not None and owner == user.pk:
        return True
    meta = model._meta
    return any(user.has_perm(f"{meta.app_label}.{verb}_{meta.model_name}") for verb in ("view", "change"))


def grant_to_team(obj: Any, *, before: Team | None = None) -> None:
    """Lets the team that owns `obj` change it, and takes that permission from `before`, the team that owned it before."""
    permission = f"change_{obj._meta.model_name}"
    if before and before != obj.team:
        remove_perm(permission, before, obj)
    if obj.team:
        assign_perm(permission, obj.team, obj)
