"""Looks up in the matrix which groups an outage would tell, why, and how many people that is. Writes nothing."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection

from stakeholders.models import Deployment, Outage, Product, StakeholderGroup, StakeholderRing
from stakeholders.rules import audience as rules
from stakeholders.rules.audience import Cell, Coverage

NO_PRIORITY = 6
# The recipients who have left: they keep their subscriptions in case they come back, and are told nothing.
LEFT = """
SELECT gone.id FROM dispatching_recipient gone JOIN schedules_user leaver ON leaver.id = gone.user_id
WHERE NOT leaver.is_active
"""

# The contact points whose subscriptions match these cells. %(cells)s is [{"group", "deployment", "product"}]. For several
# outages at once, each cell also has its "scope", a number, and the "level" of its outage's priority.
JOINED = f"""
FROM stakeholders_subscription subscription
JOIN dispatching_contactpoint point ON point.id = subscription.contact_point_id
JOIN jsonb_to_recordset(%(cells)s::jsonb) AS cell ("group" bigint, deployment bigint, product bigint, scope int, level int)
    ON cell."group" = subscription.group_id
WHERE subscription.state = 'active' AND point.verified AND point.disabled_reason = '' AND point.recipient_id NOT IN ({LEFT})
    AND (subscription.deployments = '{{}}' OR cell.deployment = ANY(subscription.deployments))
    AND (subscription.products = '{{}}' OR cell.product = ANY(subscription.products))
    AND (subscription.least_priority IS NULL OR subscription.least_priority >= coalesce(cell.level, %(level)s))
"""
MEMBERS = f"SELECT DISTINCT subscription.contact_point_id, subscription.group_id, subscription.kinds {JOINED}"

# The contact points that would get a message now, by group and medium. In the total, a person in several groups or with
# several addresses counts once.
COUNTS = f"""
WITH wanted AS ({MEMBERS})
SELECT group_id, channel, count(*), NULL::bigint FROM wanted JOIN dispatching_contactpoint point ON point.id = contact_point_id
GROUP BY group_id, channel
UNION ALL SELECT NULL, NULL, NULL, count(DISTINCT recipient_id)
FROM wanted JOIN dispatching_contactpoint point ON point.id = contact_point_id
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A group that is told, the reason, the affected cells, and the number of its contact points by medium."""

    group: StakeholderGroup
    reason: str
    cells: list[Cell]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Audience:
    # By ring, the innermost first.
    told: list[Told] = field(default_factory=list)
    # The groups that would be told if they lay in a ring.
    ringless: list[StakeholderGroup] = field(default_factory=list)
    # Cells that no group covers, in words: "Production JP × product A"; if there are several rings, with the ring.
    uncovered: list[str] = field(default_factory=list)
    people: int = 0
    # The chosen groups that do not cover what is affected and have no subgroup that does (B151).
    beyond: list[StakeholderGroup] = field(default_factory=list)
    # The groups that cover nothing and contain no other group: nobody in them is told unless somebody chooses them.
    empty: list[StakeholderGroup] = field(default_factory=list)

    @property
    def rings(self) -> list[StakeholderRing]:
        """The rings of the groups that are told, the innermost first."""
        rings = {told.group.ring for told in self.told if told.group.ring}
        return sorted(rings, key=lambda ring: ring.number)

    def within(self, ring: StakeholderRing) -> "Audience":
        """The part of the audience that lies in this ring."""
        return replace(self, told=[told for told in self.told if told.group.ring == ring])

    def snapshot(self) -> list[dict[str, Any]]:
        return [
            {
                "group": told.group.pk,
                "name": told.group.name,
                "openness": told.group.openness,
                "reason": told.reason,
                "counts": told.counts,
            }
            for told in self.told
        ]

    def cells(self) -> list[dict[str, int]]:
        return [
            {"group": told.group.pk, "deployment": deployment, "product": product}
            for told in self.told
            for deployment, product in told.cells
        ]


def coverage_of(group: StakeholderGroup) -> Coverage:
    """Returns the coverage of the group. Its deployments and products should be prefetched, to save queries."""
    return Coverage(
        None if group.all_deployments else frozenset(part.pk for part in group.deployments.all()),
        None if group.all_products else frozenset(part.pk for part in group.products.all()),
    )


def groups() -> dict[int, StakeholderGroup]:
    rows = StakeholderGroup.objects.select_related("ring").prefetch_related("deployments", "products")
    return {group.pk: group for group in rows}


def by_ring(
    all_groups: dict[int, StakeholderGroup], coverages: dict[int, Coverage]
) -> dict[StakeholderRing | None, dict[int, Coverage]]:
    """Returns the coverages of the groups by ring, for each ring that covers anything, the innermost first.

    The key is None if that is one ring, or none.
    """
    rings: dict[StakeholderRing | None, dict[int, Coverage]] = {}
    for pk, coverage in coverages.items():
        if (ring := all_groups[pk].ring) and not coverage.empty:
            rings.setdefault(ring, {})[pk] = coverage
    if len(rings) <= 1:
        return {None: next(iter(rings.values()), {})}
    return dict(sorted(rings.items(), key=lambda item: item[0].number if item[0] else 0))


def of(outage: Outage) -> Audience:
    """Returns the audience that would be told about this outage now."""
    chosen = outage.groups.values_list("pk", flat=True)
    where, what = list(outage.deployments.all()), list(outage.products.all())
    return would_be_told(where, what, chosen, level=level_of(outage))


def level_of(outage: Outage) -> int:
    """Returns the level of the outage's priority. No priority is less important than any, so it is above the highest level."""
    return outage.priority.level if outage.priority else NO_PRIORITY


def would_be_told(
    deployments: Iterable[Deployment], products: Iterable[Product], chosen: Iterable[int] = (), *, level: int = 0
) -> Audience:
    """Returns the audience of an outage of these deployments and products; `chosen` are ids of groups, empty for all that match.

    `level` is the level of the outage's priority, 0 if the priority does not matter yet.
    """
    where, what = {d.pk: d for d in deployments}, {p.pk: p for p in products}
    affected = rules.cells(where, what)
    all_groups = groups()
    coverages = {pk: coverage_of(group) for pk, group in all_groups.items()}
    parents, picked = {pk: group.parent_id for pk, group in all_groups.items()}, list(chosen)
    reasons = rules.told(coverages, parents, picked, affected)
    matched = rules.matching(coverages, affected)
    cells = {pk: matched.get(pk, affected) for pk in reasons if all_groups[pk].ring}
    counts, people = _count(cells, level)
    told = [Told(all_groups[pk], reasons[pk], cells[pk], counts.get(pk, {})) for pk in all_groups if pk in cells]
    return Audience(
        told=sorted(told, key=lambda row: row.group.ring.number if row.group.ring else 0),
        ringless=[group for pk, group in all_groups.items() if pk in reasons and pk not in cells],
        uncovered=[
            f"{where[d]} × {what[p]}{f' in {ring}' if ring else ''}"
            for ring, inside in by_ring(all_groups, coverages).items()
            for d, p in rules.uncovered(inside, affected)
        ],
        people=people,
        beyond=[
            all_groups[pk]
            for pk in all_groups
            if pk in picked and not ({pk} | rules.below(parents, [pk])) & matched.keys()
        ],
        empty=[
            all_groups[pk]
            for pk, coverage in coverages.items()
            if coverage.empty and pk not in reasons and pk not in parents.values()
        ],
    )


def _count(cells: dict[int, list[Cell]], level: int) -> tuple[dict[int, dict[str, int]], int]:
    records = [{"group": pk, "deployment": d, "product": p} for pk, covered in cells.items() for d, p in covered]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"cells": json.dumps(records), "level": level})
        totals = cursor.fetchall()
    counts: dict[int, dict[str, int]] = {}
    for group, channel, count, _ in totals:
        if group is not None:
            counts.setdefault(group, {})[channel] = count
    return counts, next(people for group, _, _, people in totals if group is None)
