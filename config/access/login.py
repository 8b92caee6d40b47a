"""The forms to log in, and the limits on guessing passwords: what django-axes asks us (S8)."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from unfold.forms import AuthenticationForm as AdminAuthenticationForm

from stakeholders.subscriptions import quota, sign_ups


class LoginForm(AuthenticationForm):
    """Refuses a user name that is too long for anybody to have it, and for the record of guesses, which Django does not."""

    def clean_username(self) -> str:
        name, most = self.cleaned_data["username"], self.username_field.max_length
        if most and len(name) > most:
            raise ValidationError(f"A user name has at most {most} characters.")
        return name


class AdminLoginForm(LoginForm, AdminAuthenticationForm):
    """The same in the admin's style."""


def network(request: HttpRequest) -> str | None:
    """The network that guesses are counted by, as its first address; None if it is unknown."""
    counted = quota.network(sign_ups.sender(request.META))
    return None if counted == "unknown" else counted.partition("/")[0]


def locked(request: HttpRequest, answer: HttpResponse | None = None, credentials: Any = None) -> HttpResponse:
    minutes = int(settings.AXES_COOLOFF_TIME / timedelta(minutes=1))
    return render(request, "registration/locked.html", {"minutes": minutes}, status=429)
