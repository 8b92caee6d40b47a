"""The REST API's router and its exception handler."""

from typing import Any

import structlog
from django.db import IntegrityError, models
from django.db.models.deletion import ProtectedError, RestrictedError
from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect, JsonResponse
from django.urls import resolve
from django.views.decorators.csrf import csrf_exempt
from rest_framework import status
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.views import exception_handler

from dispatching.alerts import api as alerts
from dispatching.contact import api as contact
from dispatching.delivery import api as deliveries
from dispatching.inbound.endpoints import nothing_here
from dispatching.notices import api as notices
from dispatching.policies import api as policies
from dispatching.routing import api as routing
from schedules.arrangements import api as arrangements
from schedules.calendars import api as calendars
from schedules.people import api as people
from schedules.refused import Refused
from schedules.rota import api as rota
from stakeholders.definitions import api as definitions
from stakeholders.groups import api as groups
from stakeholders.news import api as outages
from stakeholders.subscriptions import api as subscriptions

log = structlog.get_logger(__name__)


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answers refusals and conflicts with 409 and a sentence, or 400 if a field of the request is at fault; leaves everything
    else to the framework.
    """
    if isinstance(error, Refused):
        return _refused(error, context.get("view"))
    if isinstance(error, ProtectedError | RestrictedError):
        objects = error.protected_objects if isinstance(error, ProtectedError) else error.restricted_objects
        return _conflict(f"It cannot be deleted because it is still used by: {_users(objects)}.")
    if isinstance(error, IntegrityError):
        # The checks before passed, so somebody else has written in between.
        log.warning("write_conflict", error=str(error).partition("\n")[0])
        return _conflict("Somebody changed the same thing at the same moment. Read it again, then retry.")
    return exception_handler(error, context)


def _refused(error: Refused, view: Any) -> Response:
    """Names the field at fault. If it is one of the request's own, the request itself is wrong, so the answer is 400."""
    if error.field in getattr(view, "inputs", ()):
        return Response({error.field: [str(error)]}, status=status.HTTP_400_BAD_REQUEST)
    return _conflict(str(error), **({"field": error.field} if error.field else {}))


def _conflict(sentence: str, **more: str) -> Response:
    return Response({"detail": sentence, **more}, status=status.HTTP_409_CONFLICT)


def _users(rows: set[models.Model]) -> str:
    names = sorted({_owner(row) for row in rows})
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _owner(row: models.Model) -> str:
    """The name of the object that a row is part of, such as the schedule of a layer, or else of the row itself."""
    for field in row._meta.fields:
        if field.remote_field and field.remote_field.on_delete is models.CASCADE:
            return str(getattr(row, field.name) or row)
    return f"{row._meta.verbose_name} {row}"


@csrf_exempt
def without_slash(request: HttpRequest) -> HttpResponseBase:
    """Names the right address to a program that leaves out the slash at its end: with a redirect, a POST would become a GET."""
    right = f"{request.path_info}/"
    if resolve(right).func == nothing_here:
        return nothing_here(request)
    if request.method in ("GET", "HEAD"):
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))
    sentence = f"Nothing was done: the address ends with a slash. Send this to {right}"
    return JsonResponse({"detail": sentence}, status=status.HTTP_404_NOT_FOUND)


router = DefaultRouter()
router.register("teams", people.TeamViewSet)
router.register("users", people.UserViewSet)
router.register("groups", people.GroupViewSet)
router.register("rotations", rota.RotationViewSet)
router.register("schedules", rota.ScheduleViewSet)
router.register("overrides", rota.OverrideViewSet)
router.register("absences", arrangements.AbsenceViewSet)
router.register("swap-requests", arrangements.SwapRequestViewSet)
router.register("handover-notes", arrangements.HandoverNoteViewSet)
router.register("calendar-feeds", calendars.CalendarFeedViewSet)
router.register("calendar-links", calendars.CalendarLinkViewSet)
router.register("priorities", routing.PriorityViewSet)
router.register("services", routing.ServiceViewSet)
router.register("integrations", routing.IntegrationViewSet)
router.register("contact-points", contact.ContactPointViewSet)
router.register("contact-rules", contact.ContactRuleViewSet)
router.register("escalation-policies", policies.EscalationPolicyViewSet)
router.register("alerts", alerts.AlertViewSet)
router.register("deliveries", deliveries.DeliveryViewSet)
router.register("notices", notices.NoticeViewSet)
router.register("notification-definitions", definitions.NotificationDefinitionViewSet)
router.register("outages", outages.OutageViewSet)
router.register("deployments", groups.DeploymentViewSet)
router.register("products", groups.ProductViewSet)
router.register("stakeholder-groups", groups.StakeholderGroupViewSet)
router.register("rings", groups.StakeholderRingViewSet)
router.register("subscriptions", subscriptions.SubscriptionViewSet)
