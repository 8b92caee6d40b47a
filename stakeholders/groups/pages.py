"""The page on which anybody with a login can ask for a change to a group."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from schedules import clock
from schedules.surfaces.access import person
from schedules.surfaces.pages import sent_once
from stakeholders.groups import changing
from stakeholders.groups.forms import ChangeForm
from stakeholders.models import ChangeRequest


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sent_once
def change_groups(request: HttpRequest) -> HttpResponse:
    """Shows the reader's own requests and the form; POST submits a request to change a group."""
    user, now = person(request), clock.now()
    posted = request.POST if request.method == "POST" else None
    form = ChangeForm(posted, zone=user.time_zone, now=now, initial={"group": request.GET.get("group", "")})
    if posted is not None and form.is_valid():
        changing.submit(**form.cleaned_data, by=user, now=now)
        messages.success(
            request, "Your request is saved. You are told when it is answered and when the change is made."
        )
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
