"""A form or a request that arrives several times is carried out once (faults K29, S11).

A form is known by what it sends, of which the token against forgery is a part: each rendering of a page has another one. A request
to the API is known by its header `Idempotency-Key`. The first one is carried out in a transaction with its record; the others wait
for it and get the same answer. If it is refused, there is no record, and it can be sent again.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from schedules.models import Submission, User
from schedules.surfaces.access import person

TOKEN = "csrfmiddlewaretoken"
HEADER = "Idempotency-Key"
LONGEST = 255
KEPT = timedelta(days=1)


class OtherContent(APIException):
    status_code = 422
    default_detail = f"Another request was sent with this {HEADER}. Use a new key for each request."


def answer(request: HttpRequest, act: Callable[[], HttpResponse], *, now: datetime) -> HttpResponse:
    """Returns what `act` answers to this form; if the form was carried out before, leads to where it led then.

    A form counts as carried out if the answer leads to another page, or shows once what was created (201).
    """
    if request.method != "POST" or TOKEN not in request.POST or not request.user.is_authenticated:
        return act()
    key = _hash(request.path, request.POST.urlencode())
    with _claimed(person(request), key, key, now) as record:
        if record.answer:
            return redirect(record.answer["url"])
        response = act()
        if response.status_code in (201, 302):
            record.answer = {"url": response.get("Location", request.path)}
        return response


def replayed(user: User, request: Request, act: Callable[[], Response], *, now: datetime) -> Response:
    """Returns what `act` answers to this request; if it was carried out before under the same key, what it answered then."""
    key = request.headers.get(HEADER, "")
    if request.method != "POST" or not key:
        return act()
    if len(key) > LONGEST:
        raise ValidationError({HEADER: [f"At most {LONGEST} characters."]})
    content = _hash(request.path, json.dumps(request.data, sort_keys=True, default=str))
    with _claimed(user, _hash(key), content, now) as record:
        if record.answer is None:
            response = act()
            body = json.loads(JSONRenderer().render(response.data))
            record.answer = {"status": response.status_code, "body": body}
        return Response(record.answer["body"], status=record.answer["status"])


@contextmanager
def _claimed(user: User, key: str, content: str, now: datetime) -> Iterator[Submission]:
    """Opens a transaction with the record of this key, new or from before. It is kept if it has an answer by then."""
    with transaction.atomic():
        # Waits for a transaction that has added the same key and has not ended.
        Submission.objects.bulk_create([Submission(user=user, key=key, content=content, at=now)], ignore_conflicts=True)
        record = Submission.objects.get(user=user, key=key)
        if record.content != content:
            raise OtherContent
        new = record.answer is None
        yield record
        if record.answer is None:
            record.delete()
        elif new:
            record.save(update_fields=["answer"])


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def clear(now: datetime) -> int:
    """Deletes the records that are older than a day; returns how many."""
    return Submission.objects.filter(at__lt=now - KEPT).delete()[0]
