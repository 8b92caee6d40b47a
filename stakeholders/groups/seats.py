"""How many people get messages, by who may join their groups, and how that grows (B119)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from stakeholders.models import StakeholderGroup

# Somebody in several groups counts once in each row, at each of the times.
COUNT = """
SELECT groups.openness, ago.days, count(DISTINCT point.recipient_id)
FROM unnest(%(days)s::int[]) AS ago (days)
JOIN stakeholders_subscription subscription ON subscription.confirmed_at <= %(now)s - make_interval(days => ago.days)
    AND (subscription.ended_at IS NULL OR subscription.ended_at > %(now)s - make_interval(days => ago.days))
JOIN dispatching_contactpoint point ON point.id = subscription.contact_point_id
    AND point.verified AND point.disabled_reason = ''
JOIN stakeholders_stakeholdergroup groups ON groups.id = subscription.group_id
GROUP BY GROUPING SETS ((groups.openness, ago.days), (ago.days))
"""
SPANS = (30, 90)  # days


@dataclass(frozen=True, slots=True)
class Seats:
    """Who, how many now, and how many more (or fewer) that is than each of SPANS ago."""

    who: str
    now: int
    growth: tuple[int, ...]


def estimate(now: datetime) -> list[Seats]:
    """A row for each kind of group, and one for everybody; one query."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"days": [0, *SPANS], "now": now})
        found = {(kind, days): people for kind, days, people in cursor.fetchall()}
    rows: list[tuple[str | None, str]] = [*StakeholderGroup.Openness.choices, (None, "all, each once")]
    return [_seats(found, kind, label) for kind, label in rows]


def _seats(found: dict, kind: str | None, label: str) -> Seats:
    now, *before = (found.get((kind, days), 0) for days in (0, *SPANS))
    return Seats(label, now, tuple(now - then for then in before))
