"""What pages with forms share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from schedules import clock
from schedules.surfaces import once


def sent_once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page whose form is carried out once, however often it is sent (faults K29)."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return once.answer(request, lambda: view(request, *args, **kwargs), now=clock.now())

    return page
