"""The lock that every edit takes before it reads the row that it will write.

A form or a serializer writes whole rows. Read before the lock, a row would bring back what a verb or another edit has changed
in the meantime: an outage that has ended would be open again (faults F13, S5).
"""

from typing import Any

from django.db import OperationalError, connection
from django.db.models import Model
from django.http import HttpRequest
from psycopg.errors import LockNotAvailable

from schedules.refused import Refused


def hold(model: type[Model], pk: Any) -> None:
    """Locks this row until the end of the transaction; a row that is gone is no error. Read the row after this call.

    Rows that refer to it can still be added meanwhile. Refused at once if the model is `held_long` and somebody else holds the
    row: whoever waited would keep a thread from all other pages (S7).
    """
    rows = model._base_manager.select_for_update(of=("self",), no_key=True, nowait=getattr(model, "held_long", False))
    try:
        rows.filter(pk=pk).first()
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise Refused("Somebody else is saving this just now. Try again in some seconds.") from None
        raise


def edits(request: HttpRequest) -> bool:
    """Whether rows that are read now may be written in the same transaction, so that they must be locked."""
    return request.method == "POST" and connection.in_atomic_block
