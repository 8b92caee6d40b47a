"""Two plain pages for everybody with a login: which groups there are, and asking for a change of one."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from schedules.models import User
from stakeholders.definitions import defining
from stakeholders.groups import changing, groups, joining, matrix
from stakeholders.groups.forms import ChangeForm
from stakeholders.models import ChangeRequest, StakeholderGroup


def guide(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    """Made from the rows each time it is read, so that it cannot go out of date (B43)."""
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


def change(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    posted = request.POST if request.method == "POST" else None
    form = ChangeForm(posted, zone=user.time_zone, now=now, initial={"group": request.GET.get("group", "")})
    if posted is not None and form.is_valid():
        changing.submit(**form.cleaned_data, by=user, now=now)
        messages.success(request, "You have asked for it. You are told when it is answered, and when it is done.")
        return redirect("change_groups")
    requests = ChangeRequest.objects.filter(requested_by=user).select_related("group", "answered_by")
    context = {
        "form": form,
        "requests": requests.order_by("-pk"),
        "late": set(requests.past_due(now).values_list("pk", flat=True)),
        "now": now,
        "zone": user.time_zone,
    }
    return render(request, "stakeholders/change.html", context, status=400 if form.errors else 200)
