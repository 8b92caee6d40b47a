"""A person's own account: the password. Every change is a POST, then a redirect."""

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from schedules.models import User
from schedules.surfaces.access import person


@sensitive_post_parameters()
@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Shows what belongs to a person's login, and handles the page's buttons."""
    user = person(request)
    if request.method != "POST":
        return _show(request, user)
    do = DO.get(request.POST.get("do", ""))
    if do is None:
        raise Http404
    return do(request, user) or redirect("account")


def _show(
    request: HttpRequest, user: User, *, password: PasswordChangeForm | None = None, status: int = 200
) -> HttpResponse:
    """Renders the page; a form that was refused is shown instead of an empty one."""
    form = (password or PasswordChangeForm(user, label_suffix="")) if user.has_usable_password() else None
    return render(request, "schedules/account.html", {"password_form": form}, status=status)


def _change_password(request: HttpRequest, user: User) -> HttpResponse | None:
    form = PasswordChangeForm(user, request.POST, label_suffix="")
    if not user.has_usable_password() or not form.is_valid():
        return _show(request, user, password=form, status=400)
    form.save()
    update_session_auth_hash(request, user)
    messages.success(request, "Your password is changed. You are logged out everywhere else.")
    return None


DO: dict[str, Callable[[HttpRequest, User], HttpResponse | None]] = {"change-password": _change_password}
