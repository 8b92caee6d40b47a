"""A person's own account: the password, and tokens for programs. Every change is a POST; most redirect."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from schedules import clock
from schedules.models import ApiToken, User
from schedules.surfaces.access import person
from schedules.surfaces.pages import sent_once
from schedules.validators import PASSWORD

MOST = 20  # tokens of one person


class OwnPasswordForm(PasswordChangeForm):
    """Changes the password of a person who knows the old one, which counts as a guess like one at log-in (S8)."""

    def __init__(self, request: HttpRequest, data: Any = None):
        super().__init__(person(request), data, label_suffix="")
        self.request = request
        self.fields["new_password1"].help_text = PASSWORD
        self.fields["new_password2"].label, self.fields["new_password2"].help_text = "New password again", ""

    def clean_old_password(self) -> str:
        old = self.cleaned_data["old_password"]
        if not authenticate(self.request, username=self.user.get_username(), password=old):
            raise forms.ValidationError(self.error_messages["password_incorrect"], code="password_incorrect")
        return old


class TokenForm(forms.Form):
    """What a new token is for, what it may do, and for how long."""

    name = forms.CharField(max_length=100, label="Which program uses it?", help_text="For example: nightly export.")
    scope = forms.ChoiceField(choices=ApiToken.Scope.choices, label="What may it do?")
    days = forms.TypedChoiceField(
        choices=[(30, "30 days"), (90, "90 days"), (365, "1 year")],
        coerce=int,
        initial=90,
        label="How long is it valid?",
    )


@sensitive_post_parameters()
@login_required
@never_cache
@sent_once
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Shows what belongs to a person's login, and handles the page's buttons."""
    user, now = person(request), clock.now()
    if request.method != "POST":
        return _show(request, user, now)
    do = DO.get(request.POST.get("do", ""))
    if do is None:
        raise Http404
    return do(request, user, now) or redirect("account")


def _show(
    request: HttpRequest,
    user: User,
    now: datetime,
    *,
    password: OwnPasswordForm | None = None,
    token: TokenForm | None = None,
    key: str = "",
    status: int = 200,
) -> HttpResponse:
    """Renders the page; a form that was refused is shown instead of an empty one. `key` belongs to a new token."""
    context = {
        "password_form": (password or OwnPasswordForm(request)) if user.has_usable_password() else None,
        "token_form": token or TokenForm(label_suffix=""),
        "tokens": user.api_tokens.filter(expires_at__gt=now),
        "zone": user.time_zone,
        "key": key,
    }
    return render(request, "schedules/account.html", context, status=status)


def _change_password(request: HttpRequest, user: User, now: datetime) -> HttpResponse | None:
    form = OwnPasswordForm(request, request.POST)
    if not user.has_usable_password() or not form.is_valid():
        return _show(request, user, now, password=form, status=400)
    form.save()
    update_session_auth_hash(request, user)
    tokens = " Your tokens are still valid; revoke any that you do not trust." if user.api_tokens.exists() else ""
    messages.success(request, f"Your password is changed. You are logged out everywhere else.{tokens}")
    return None


def _make_token(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    """Answers with the page itself, because the key is shown this once and never stored."""
    form = TokenForm(request.POST, label_suffix="")
    if form.is_valid() and user.api_tokens.count() >= MOST:
        form.add_error(None, f"You have {MOST} tokens. Revoke one that is no longer needed.")
    if not form.is_valid():
        return _show(request, user, now, token=form, status=400)
    _, key = ApiToken.make(user, **form.cleaned_data, now=now)
    return _show(request, user, now, key=key, status=201)


def _revoke_token(request: HttpRequest, user: User, now: datetime) -> None:
    number = request.POST.get("id", "")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise Http404
    get_object_or_404(user.api_tokens, pk=number).delete()
    messages.success(request, "The token is revoked: no program can use it any more.")


DO: dict[str, Callable[[HttpRequest, User, datetime], HttpResponse | None]] = {
    "change-password": _change_password,
    "make-token": _make_token,
    "revoke-token": _revoke_token,
}
