from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from schedules.models import User
from stakeholders import group_pages


@login_required
@require_safe
def stakeholder_guide(request: HttpRequest) -> HttpResponse:
    """The groups and what they are for, as they are now."""
    assert isinstance(request.user, User)
    return group_pages.guide(request, request.user, timezone.now())


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def change_groups(request: HttpRequest) -> HttpResponse:
    """Asks for a change of a group; shows one's own requests."""
    assert isinstance(request.user, User)
    return group_pages.change(request, request.user, timezone.now())
