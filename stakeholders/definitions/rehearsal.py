"""What a definition would have told in the past if it had been live: the real rules, applied to past alerts. Writes nothing.

Each outage is assumed to be announced at once, to end when the last of its alerts is resolved, and to have updates as often as its
priority says. Subscribers and priorities are those of today.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from dispatching.models import Alert, Priority
from stakeholders.definitions.defining import reports_of, rule_of
from stakeholders.groups import audience
from stakeholders.groups.audience import JOINED
from stakeholders.models import Deployment, NotificationDefinition, Outage, Product
from stakeholders.news import outages
from stakeholders.rules import audience as rules
from stakeholders.rules.matching import first_match

SPANS = (30, 90)  # days

# Counts for each scope, and in total (scope NULL): contact points, contact points that also want updates, and people.
WHOM = f"""
WITH wanted AS (SELECT DISTINCT cell.scope, subscription.contact_point_id, subscription.kinds, point.recipient_id {JOINED})
SELECT scope, count(DISTINCT contact_point_id), count(DISTINCT contact_point_id) FILTER (WHERE kinds = 'all'),
    count(DISTINCT recipient_id)
FROM wanted GROUP BY GROUPING SETS ((scope), ())
"""


@dataclass(frozen=True, slots=True)
class Matched:
    """An alert, and the time at which it would have matched."""

    alert: Alert
    at: datetime


@dataclass(slots=True)
class Would:
    """An outage that would have happened, with its alerts; `until` is its end, None if it would still be open."""

    began: datetime
    until: datetime | None
    alerts: list[Matched]
    untold: str = ""  # why nobody would have been told
    updates: int = 0
    people: int = 0
    messages: int = 0
    priority: Priority | None = None
    # Ids of what is affected, and the affected cells by the group that is told.
    deployments: set[int] = field(default_factory=set)
    products: set[int] = field(default_factory=set)
    told: dict[int, list[rules.Cell]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    since: datetime
    outages: list[Would] = field(default_factory=list)
    people: int = 0

    @property
    def alerts(self) -> int:
        return sum(len(would.alerts) for would in self.outages)

    @property
    def messages(self) -> int:
        return sum(would.messages for would in self.outages)


def run(definition: NotificationDefinition, days: int, *, now: datetime) -> Rehearsal:
    """Returns what would have happened if the definition had been put live `days` days ago, in a constant number of queries."""
    since = now - timedelta(days=days)
    rehearsed = _outages(_matched(definition, since), Scope(definition))
    for would in rehearsed:
        length = (would.until or now) - would.began
        would.updates = length // outages.usual(Outage(priority=would.priority))
    return Rehearsal(since, rehearsed, _count_people(rehearsed))


class Scope:
    """What a definition says of where its outages are, what they affect and how important they are; and whom that would tell."""

    def __init__(self, definition: NotificationDefinition) -> None:
        self.priority = definition.priority
        self._where = {deployment.name.lower(): deployment.pk for deployment in Deployment.objects.all()}
        self._what = {product.name.lower(): product.pk for product in Product.objects.all()}
        own = [set(rows.values_list("pk", flat=True)) for rows in (definition.deployments, definition.products)]
        self._deployments, self._products = own
        self._picked = list(definition.groups.values_list("pk", flat=True))
        groups = audience.groups()
        self._coverages = {pk: audience.coverage_of(group) for pk, group in groups.items()}
        self._parents = {pk: group.parent_id for pk, group in groups.items()}

    def named(self, alert: Alert) -> tuple[set[int], set[int]]:
        """Returns the ids of the deployments and products of an outage that this alert opens."""
        where, what = self._where.get(alert.deployment.lower()), self._what.get(alert.product.lower())
        return self._deployments or {pk for pk in [where] if pk}, self._products or {pk for pk in [what] if pk}

    def take_in(self, would: Would, match: Matched) -> bool:
        """Does as `outages.take_in`: adds the alert and returns True, unless it needs an outage of its own."""
        where, what = self.named(match.alert)
        if not would.untold and (where - would.deployments or what - would.products):
            return False
        resolved = match.alert.resolved_at
        would.until = max(would.until, resolved) if would.until and resolved else None
        would.alerts.append(match)
        if would.untold:
            self.consider(would, match.alert)
        return True

    def consider(self, would: Would, alert: Alert) -> None:
        """Takes up what the alert says, and decides whether it would be told and to which groups."""
        where, what = self.named(alert)
        would.deployments |= where
        would.products |= what
        priorities = [priority for priority in (self.priority or alert.priority, would.priority) if priority]
        would.priority = min(priorities, key=lambda priority: priority.level, default=None)
        affected = rules.cells(sorted(would.deployments), sorted(would.products))
        reasons = rules.told(self._coverages, self._parents, self._picked, affected)
        matched = rules.matching(self._coverages, affected)
        would.told = {pk: matched.get(pk, affected) for pk in reasons}
        would.untold = _untold(would.priority, affected, would.told)


def _matched(definition: NotificationDefinition, since: datetime) -> list[Matched]:
    """Returns the alerts that began since then and would have matched, with the times of the matches, ordered by these."""
    rule = rule_of(definition)
    moments = reports_of(definition, since - rule.within).moments()
    alerts = Alert.objects.filter(service=definition.service_id, first_at__gte=since).select_related("priority")
    alerts = alerts.exclude(dedup_key__startswith=Alert.OURS)
    matches = []
    for alert in alerts.defer("details").order_by("pk"):
        at = first_match(rule, moments, alert.first_at, alert.resolved_at)
        if at and rule.fits(alert.slo, alert.priority.level if alert.priority else None):
            matches.append(Matched(alert, at))
    return sorted(matches, key=lambda match: match.at)


def _outages(matched: Iterable[Matched], scope: Scope) -> list[Would]:
    """Groups the matches into outages: an alert that matches while an outage is open becomes a part of it (B4)."""
    rehearsed: list[Would] = []
    for match in matched:
        going_on = (would for would in rehearsed if would.until is None or match.at < would.until)
        if not any(scope.take_in(would, match) for would in going_on):
            rehearsed.append(Would(match.at, match.alert.resolved_at, [match]))
            scope.consider(rehearsed[-1], match.alert)
    return rehearsed


def _count_people(outages: list[Would]) -> int:
    """Fills in how many people each outage would have been told to, and returns how many people that is in total."""
    rows = []
    for scope, would in enumerate(outages):
        if would.untold:
            continue
        level = would.priority.level if would.priority else 0
        cells = [(pk, *cell) for pk, affected in would.told.items() for cell in affected]
        rows += [{"group": pk, "deployment": d, "product": p, "scope": scope, "level": level} for pk, d, p in cells]
    return _count(outages, rows)


def _untold(priority: Priority | None, affected: list[rules.Cell], told: dict[int, list[rules.Cell]]) -> str:
    """Returns why the outage would not have been told, for the reasons that `outages.announce` refuses; empty if it would."""
    if priority is None or not priority.tells_stakeholders:
        return f"with priority {priority} stakeholders are not told" if priority else "it has no priority"
    if not affected:
        return "the alert names no known deployment or no known product"
    return "" if told else "no group covers what is affected"


def _count(outages: list[Would], rows: list[dict[str, int]]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(WHOM, {"cells": json.dumps(rows), "level": 0})
        counts = {scope: numbers for scope, *numbers in cursor.fetchall()}
    for scope, would in enumerate(outages):
        points, all_news, would.people = counts.get(scope, (0, 0, 0))
        ends = 1 if would.until is None else 2
        would.messages = points * ends + all_news * would.updates
    return counts.get(None, (0, 0, 0))[2]
