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
    rehearsed = _outages(_matched(definition, since))
    for would in rehearsed:
        would.priority = definition.priority or would.alerts[0].alert.priority
        length = (would.until or now) - would.began
        would.updates = length // outages.usual(Outage(priority=would.priority))
    return Rehearsal(since, rehearsed, _count_people(definition, rehearsed))


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


def _outages(matched: Iterable[Matched]) -> list[Would]:
    """Groups the matches into outages: an alert that matches while an outage is open becomes a part of it (B4)."""
    rehearsed: list[Would] = []
    for match in matched:
        resolved = match.alert.resolved_at
        last = rehearsed[-1] if rehearsed else None
        if last and (last.until is None or match.at < last.until):
            last.alerts.append(match)
            last.until = max(last.until, resolved) if last.until and resolved else None
        else:
            rehearsed.append(Would(match.at, resolved, [match]))
    return rehearsed


def _count_people(definition: NotificationDefinition, found: list[Would]) -> int:
    """Fills in how many people each outage would have been told to, and returns how many people that is in total."""
    where = {deployment.name.lower(): deployment.pk for deployment in Deployment.objects.all()}
    what = {product.name.lower(): product.pk for product in Product.objects.all()}
    own = [list(rows.values_list("pk", flat=True)) for rows in (definition.deployments, definition.products)]
    picked = list(definition.groups.values_list("pk", flat=True))
    groups = audience.groups()
    coverages = {pk: audience.coverage_of(group) for pk, group in groups.items()}
    parents = {pk: group.parent_id for pk, group in groups.items()}
    rows = []
    for scope, would in enumerate(found):
        alert = would.alerts[0].alert
        named = [where.get(alert.deployment.lower()), what.get(alert.product.lower())]
        affected = rules.cells(
            *(chosen or [pk for pk in [name] if pk] for chosen, name in zip(own, named, strict=True))
        )
        told = rules.told(coverages, parents, picked, affected)
        matched = rules.matching(coverages, affected)
        would.untold = _untold(would.priority, affected, told)
        if would.untold:
            continue
        level = would.priority.level if would.priority else 0
        cells = [(pk, *cell) for pk in told for cell in matched.get(pk, affected)]
        rows += [{"group": pk, "deployment": d, "product": p, "scope": scope, "level": level} for pk, d, p in cells]
    return _count(found, rows)


def _untold(priority: Priority | None, affected: list[rules.Cell], told: dict[int, str]) -> str:
    """Returns why the outage would not have been told, for the reasons that `outages.announce` refuses; empty if it would."""
    if priority is None or not priority.tells_stakeholders:
        return f"with priority {priority} stakeholders are not told" if priority else "it has no priority"
    if not affected:
        return "the alert names no known deployment or no known product"
    return "" if told else "no group covers what is affected"


def _count(found: list[Would], rows: list[dict[str, int]]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(WHOM, {"cells": json.dumps(rows), "level": 0})
        counts = {scope: numbers for scope, *numbers in cursor.fetchall()}
    for scope, would in enumerate(found):
        points, all_news, would.people = counts.get(scope, (0, 0, 0))
        ends = 1 if would.until is None else 2
        would.messages = points * ends + all_news * would.updates
    return counts.get(None, (0, 0, 0))[2]
