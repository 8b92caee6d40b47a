"""The guide for everybody with a login: the groups, their purposes, and what each is told."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from schedules import clock
from schedules.surfaces.access import person
from stakeholders.definitions import defining
from stakeholders.groups import groups, joining, matrix
from stakeholders.models import StakeholderGroup


@login_required
@require_safe
def stakeholder_guide(request: HttpRequest) -> HttpResponse:
    """Shows the groups and their purposes, read from the database each time, so that the guide cannot go out of date (B43)."""
    user, now = person(request), clock.now()
    all_groups = StakeholderGroup.objects.select_related("parent", "owner")
    listed = all_groups.prefetch_related("deployments", "products", "representatives")
    context = {
        "groups": [(group, groups.covers(group)) for group in listed],
        "past_review": {group.pk for group in StakeholderGroup.objects.past_review(now.date())},
        "picture": matrix.picture(),
        # For the people on call; people outside product delivery are not shown runbooks.
        "definitions": defining.live() if joining.in_product_delivery(user) else [],
    }
    return render(request, "stakeholders/guide.html", context)
