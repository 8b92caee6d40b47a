"""What batches hold, as deliveries that wait: what a sender would find, without sending it."""

from typing import Any

from django.db import connection

from dispatching.delivery import batches_sql
from dispatching.models import Batch

UNPACK = f"""
WITH taken AS (DELETE FROM dispatching_batch WHERE id = %(id)s RETURNING content_id, contact_points, data, due_at){batches_sql.MAKE}"""


def unpack() -> None:
    for batch in Batch.objects.order_by("pk"):
        waiting: dict[str, Any] = {
            "state": "pending",
            "reason": "",
            "attempt": 0,
            "cancelled_at": None,
            "due_at": batch.due_at,
        }
        with connection.cursor() as cursor:
            cursor.execute(UNPACK, {"id": batch.pk, "now": batch.due_at, **waiting})
