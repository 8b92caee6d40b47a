"""Keeps track of media through which nothing gets out, for health: a mail server that is away leaves no row overdue."""

from datetime import datetime

from django.db import connection

from dispatching.models import Attempt, Delivery
from dispatching.models.sweep import FAILED_LATELY

Outcome = Attempt.Outcome

# A failure after a long silence begins anew.
FAILED = """
INSERT INTO dispatching_medium AS known (channel, failing_since, failed_at) VALUES (%(channel)s, %(now)s, %(now)s)
ON CONFLICT (channel) DO UPDATE SET failed_at = EXCLUDED.failed_at, failing_since = CASE
    WHEN known.failed_at > %(lately)s THEN coalesce(known.failing_since, EXCLUDED.failing_since)
    ELSE EXCLUDED.failing_since END
"""
# Part of the statement that records one attempt, so that a success costs no statement of its own.
WORKED = """
UPDATE dispatching_medium SET failing_since = NULL
WHERE %(outcome)s::text = 'accepted' AND channel = %(channel)s::text AND failing_since IS NOT NULL
RETURNING channel
"""


def at_fault(outcome: str | None, queue: str) -> bool:
    """Whether this outcome of an attempt may be the medium's fault and not the recipient's.

    Addresses of strangers can fail in many ways, so of messages other than pages only a provider that is away counts.
    """
    pages = (Outcome.TEMPORARY, Outcome.UNKNOWN) if queue == Delivery.Queue.PAGE else ()
    return outcome in (Outcome.AWAY, *pages)


def failed(channel: str, *, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(FAILED, {"channel": channel, "now": now, "lately": now - FAILED_LATELY})
