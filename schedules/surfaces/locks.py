"""The lock that every edit takes before it reads the row that it will write.

A form or a serializer writes whole rows. Read before the lock, a row would bring back what a verb or another edit has changed
in the meantime: an outage that has ended would be open again (faults F13, S5).
"""

from typing import Any

from django.db import connection
from django.db.models import Model
from django.http import HttpRequest


def hold(model: type[Model], pk: Any) -> None:
    """Locks this row until the end of the transaction; a row that is gone is no error. Read the row after this call.

    Rows that refer to it can still be added meanwhile.
    """
    model._base_manager.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()


def edits(request: HttpRequest) -> bool:
    """Whether rows that are read now may be written in the same transaction, so that they must be locked."""
    return request.method == "POST" and connection.in_atomic_block
