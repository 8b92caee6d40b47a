"""Counts what was not understood in events that were accepted all the same, for the page of their integration (P16)."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from dispatching.channels.text import printable
from dispatching.inbound.refusals import NUMBERED, SUMMED
from dispatching.models import Integration
from dispatching.rules.event import Event

MONTH = timedelta(days=30)
MOST = 20

RECORD = f"""
INSERT INTO dispatching_unread AS known (integration_id, since, last_at, count, reasons)
VALUES (%(integration)s, %(now)s, %(now)s, %(count)s, %(reasons)s::jsonb)
ON CONFLICT (integration_id) DO UPDATE SET last_at = EXCLUDED.last_at,
    since = CASE WHEN known.last_at < %(old)s THEN EXCLUDED.since ELSE known.since END,
    count = CASE WHEN known.last_at < %(old)s THEN EXCLUDED.count ELSE known.count + EXCLUDED.count END,
    reasons = CASE WHEN known.last_at < %(old)s THEN EXCLUDED.reasons ELSE ({SUMMED}) END
"""


def record(integration: Integration, events: Iterable[Event], about: Iterable[str] = (), *, now: datetime) -> list[str]:
    """Counts the events with something that was not understood, and the sentences `about` the body as a whole.

    Returns all sentences for the answer, at most MOST.
    """
    odd = [
        sentences
        for sentences in (*([sentence] for sentence in about), *(event.unread for event in events))
        if sentences
    ]
    if not odd:
        return []
    sentences = [printable(sentence) for each in odd for sentence in each]
    reasons = Counter(NUMBERED.sub("[]", sentence) for sentence in sentences)
    values: dict[str, Any] = {
        "integration": integration.pk,
        "now": now,
        "old": now - MONTH,
        "count": len(odd),
        "reasons": json.dumps(dict(reasons.most_common(MOST))),
    }
    with connection.cursor() as cursor:
        cursor.execute(RECORD, values)
    return sentences[:MOST]
