"""The REST API's wiring: one router, one way to page, one way to refuse."""

from typing import Any

from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.routers import DefaultRouter
from rest_framework.views import exception_handler

from dispatching.lifecycle import Refused


class Pages(LimitOffsetPagination):
    """`?limit=` (50, at most 500) and `?offset=`."""

    default_limit = 50
    max_limit = 500


def refusal(error: Exception, context: dict[str, Any]) -> Response | None:
    """A verb's refusal is a conflict with the state of things: 409 with the sentence."""
    if isinstance(error, Refused):
        return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
    return exception_handler(error, context)


router = DefaultRouter()
