"""The only parser of the REST API."""

from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser

from dispatching.inbound.bad_input import BadInput
from dispatching.inbound.body import read_json


class BadBody(APIException):
    """BadInput as an answer of the API: its status, and `{"detail": …, "errors": […]}`."""

    def __init__(self, bad: BadInput):
        super().__init__({"detail": bad.errors[0], "errors": bad.errors}, code="bad_input")
        self.status_code = bad.status


class StrictJSONParser(BaseParser):
    """Parses JSON strictly, so that later code gets only safe values: 400 names the field, 413 the limit, 415 the character set."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        request = parser_context["request"]
        try:
            return read_json(getattr(request, "_request", request))
        except BadInput as bad:
            raise BadBody(bad) from None
