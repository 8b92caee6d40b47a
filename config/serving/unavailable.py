"""Answers 503 if the database is away or took too long, so that people and programs know that trying again may help."""

from collections.abc import Callable

import structlog
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse

log = structlog.get_logger(__name__)
SENTENCE = "The database did not answer in time. Look whether your change is there, then try again."


class Unavailable:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, OperationalError | InterfaceError | InternalError):
            return None
        log.warning("database_unavailable", error=type(error.__cause__ or error).__name__)
        is_api = request.path.startswith("/api/")
        answer = JsonResponse({"detail": SENTENCE}) if is_api else HttpResponse(SENTENCE, content_type="text/plain")
        answer.status_code = 503
        answer["Retry-After"] = "5"
        return answer
