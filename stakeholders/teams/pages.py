"""The page on which a team that was told about an outage opens an outage of its own."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from schedules import clock
from schedules.refused import Refused
from schedules.surfaces.access import person
from schedules.surfaces.forms import blame
from schedules.surfaces.pages import sent_once
from stakeholders.groups.forms import OwnOutageForm
from stakeholders.models import Outage
from stakeholders.teams import dependents


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sent_once
def own_outage(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the form, filled in from the outage that caused it; POST opens the team's own outage.

    Only members of a team that was told about the outage have access.
    """
    user, now = person(request), clock.now()
    outage = get_object_or_404(Outage.objects.select_related("priority"), pk=pk)
    team = dependents.teams_of(user, outage).first()
    if team is None:
        raise PermissionDenied
    form = OwnOutageForm(request.POST if request.method == "POST" else None, cause=outage, team=team, auto_id="own_%s")
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        links = {name: list(data.pop(name)) for name in ("deployments", "products", "services")}
        own = Outage(started_at=now, high_profile=True, priority=outage.priority, **data)
        try:
            declared = dependents.open_own(outage, own, team=team, by=user, now=now, **links)
        except Refused as refused:
            blame(form, refused)
        else:
            messages.success(
                request, "The outage is open. Nobody has been told yet: announce it when you know what to say."
            )
            return redirect("admin:stakeholders_outage_change", declared.pk)
    context = {"form": form, "outage": outage, "team": team, "zone": user.time_zone, "updates": outage.updates.all()}
    return render(request, "stakeholders/own_outage.html", context, status=400 if form.errors else 200)
