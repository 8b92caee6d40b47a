"""The guide for everybody with a login: which groups there are, what they are for, what is told to whom."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from schedules import clock
from schedules.models import User
from stakeholders.definitions import defining
from stakeholders.groups import groups, joining, matrix
from stakeholders.models import StakeholderGroup


@login_required
@require_safe
def stakeholder_guide(request: HttpRequest) -> HttpResponse:
    """The groups and what they are for. Made from the rows each time it is read, so that it cannot go out of date (B43)."""
    assert isinstance(request.user, User)
    user, now = request.user, clock.now()
    known = StakeholderGroup.objects.select_related("parent", "owner")
    listed = known.prefetch_related("deployments", "products", "representatives")
    context = {
        "groups": [(group, groups.covers(group)) for group in listed],
        "past_review": {group.pk for group in StakeholderGroup.objects.past_review(now.date())},
        "picture": matrix.picture(),
        # What the people on call have to know; others are not shown runbooks.
        "definitions": defining.live() if joining.in_product_delivery(user) else [],
    }
    return render(request, "stakeholders/guide.html", context)
