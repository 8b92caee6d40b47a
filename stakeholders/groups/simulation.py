"""Who would be told when about an outage that has not happened: the rules that run it, applied in advance. Writes nothing."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from stakeholders.groups.audience import JOINED, NO_PRIORITY, Audience
from stakeholders.models import StakeholderRing
from stakeholders.rules.rings import Situation, Told, times

# Each person counts in the innermost ring that would tell them. The scope of a cell is the number of its group's ring.
PEOPLE = f"""
SELECT ring, count(*) FROM (
    SELECT point.recipient_id, min(cell.scope) AS ring {JOINED} GROUP BY point.recipient_id
) person GROUP BY ring
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A ring with a group that is affected. `told_at` is None if it would not be told; `why` says why, in any case."""

    ring: StakeholderRing
    told_at: datetime | None
    people: int
    why: str


def simulate(
    reach: Audience, *, level: int | None, severity: str = "", recovery_in: timedelta | None = None, now: datetime
) -> list[Step]:
    """Returns the rings that an outage announced now would concern, the innermost first.

    With `recovery_in` this recovery is expected, and the outage is over by then.
    """
    over = now + recovery_in if recovery_in is not None else None
    moments = times([Told(ring.rule) for ring in reach.rings], Situation(now, over, level, severity))
    people = _people(reach, level)
    steps = []
    for number, (ring, at) in enumerate(zip(reach.rings, moments, strict=True)):
        why = "the innermost ring that is affected is told at once" if number == 0 else ring.rule.sentence
        if at and over and at >= over:
            at, why = None, f"{why}; it would be over by then"
        steps.append(Step(ring, at, people.get(ring.number, 0), why))
    return steps


def _people(reach: Audience, level: int | None) -> dict[int, int]:
    cells = [
        {"group": told.group.pk, "deployment": deployment, "product": product, "scope": told.group.ring.number}
        for told in reach.told
        for deployment, product in told.cells
        if told.group.ring
    ]
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE, {"cells": json.dumps(cells), "level": NO_PRIORITY if level is None else level})
        return dict(cursor.fetchall())
