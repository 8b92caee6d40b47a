"""Answers senders of events without what only people need: sessions, messages, log-in, forms."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

INTAKE = ("/integrations/", "/v2/", "/generic/")


class Senders:
    """The middleware after this one serves people; intake knows no login, and each millisecond of it counts in a storm."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not single(request.path_info).startswith(INTAKE):
            return self.get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        request.resolver_match = match
        response = match.func(request, *match.args, **match.kwargs)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response


def single(path: str) -> str:
    """The path with single slashes, as intake reads it."""
    return re.sub("/{2,}", "/", path) if "//" in path else path
