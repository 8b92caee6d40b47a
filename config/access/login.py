"""Limits on guessing passwords: what django-axes asks us (S8)."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from stakeholders.subscriptions import quota, sign_ups


def network(request: HttpRequest) -> str | None:
    """The network that guesses are counted by, as its first address; None if it is unknown."""
    counted = quota.network(sign_ups.sender(request.META))
    return None if counted == "unknown" else counted.partition("/")[0]


def locked(request: HttpRequest, answer: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME / timedelta(minutes=1))
    return render(request, "registration/locked.html", {"minutes": minutes}, status=429)
