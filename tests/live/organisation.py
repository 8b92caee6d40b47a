"""Organisations to run the product with: people with mail addresses, policies, services. Run by Product.seed.

What a function here returns goes to the test as JSON.
"""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from dispatching.models import Batch, ContactPoint, EscalationPolicy, Priority, Recipient
from schedules.oncall import on_call
from stakeholders.models import Deployment, Outage, Product, StakeholderGroup, StakeholderRing
from stakeholders.news import fanning, outages
from tests.stakeholders.organisation import everyone
from tests.world import World

HOUR = timedelta(hours=1)

# Subscribers s1@example.org …: each is in the group of one geography, the first of them also in the group for everything.
CROWD = """
WITH people AS (
    INSERT INTO dispatching_recipient (display_name, last_resort)
    SELECT 's' || n, false FROM generate_series(1, %(people)s) AS n RETURNING id, substr(display_name, 2)::int AS n
), points AS (
    INSERT INTO dispatching_contactpoint (recipient_id, channel, address, verified, disabled_reason, link_version)
    SELECT id, 'email', 's' || n || '@example.org', true, '', 1 FROM people ORDER BY n
    RETURNING id, split_part(substr(address, 2), '@', 1)::int AS n
)
INSERT INTO stakeholders_subscription (contact_point_id, group_id, state, deployments, products, kinds, asked_at, asked_from,
    consent, confirmed_at, end_reason)
SELECT points.id, groups.id, 'active', '{}', '{}', 'all', now(), 'import', '1', now(), ''
FROM points JOIN unnest(%(groups)s::bigint[]) WITH ORDINALITY AS groups (id, place)
    ON place = 1 AND n <= %(several)s OR place = 2 + n %% 4
"""


class MailWorld(World):
    """The cast of the stories, reached by mail: `ana` at ana@example.org."""

    def point(self, recipient: Recipient, address: str, *, after: dict[str, timedelta] | None = None) -> ContactPoint:
        point = super().point(recipient, address, after=after)
        ContactPoint.objects.filter(pk=point.pk).update(channel="email", address=f"{address}@example.org")
        return point

    def key(self, policy: EscalationPolicy, name: str) -> str:
        """A service with this policy: the key that feeds it."""
        return vars(self.service(policy, name))["key"]


def storm(*, services: int, people: int, backup_after: float | None = None, name: str = "storm") -> list[str]:
    """The keys of so many services, each paging one of the people; `backup_after` seconds later the next one too."""
    world = MailWorld()
    cast = [world.person(f"{name}-{number}") for number in range(people)]
    keys = []
    for number in range(services):
        first, second = cast[number % people], cast[(number + 1) % people]
        steps = [(HOUR, first)] if backup_after is None else [(timedelta(seconds=backup_after), first), (HOUR, second)]
        keys.append(world.key(world.policy(*steps, name=f"{name} {number}"), f"{name} {number}"))
    return keys


def figure_8_2(*, seconds: float, repeat: int) -> dict:
    """The key, and the addresses that each step reaches: main, backup, the whole team, its manager."""
    world, span = MailWorld(), timedelta(seconds=seconds)
    ana, bo, cy, mo = (world.person(f"figure-{name}") for name in ("ana", "bo", "cy", "mo"))
    main, backup = world.weekly(ana, bo)
    team = world.team("Figure 8.2", ana, bo, cy, manager=mo)
    policy = world.policy((span, main), (span, backup), (span, team), (span, mo), repeat=repeat, name="Figure 8.2")
    now = timezone.now()
    steps = [
        [duty.user for duty in on_call(main, now)],
        [duty.user for duty in on_call(backup, now)],
        [ana, bo, cy],
        [mo],
    ]
    told = [sorted(f"{user.username}@example.org" for user in people) for people in steps]
    return {"key": world.key(policy, "figure 8.2"), "told": told}


def crowd(*, people: int, several: int) -> int:
    """So many subscribers, of whom some are in two groups that match; the id of an outage that concerns all of them."""
    places = [Deployment.objects.create(name=f"Crowd {name}") for name in ("EU", "US", "JP", "BR")]
    product = Product.objects.create(name="Crowd product")
    groups = [
        StakeholderGroup.objects.create(
            name="Crowd everywhere", purpose="to know", all_deployments=True, ring=everyone()
        )
    ]
    groups += [
        StakeholderGroup.objects.create(name=f"{place} group", purpose="to know", ring=everyone()) for place in places
    ]
    for group, place in zip(groups[1:], places, strict=True):
        group.deployments.add(place)
    for group in groups:
        group.products.add(product)
    with connection.cursor() as cursor:
        cursor.execute(CROWD, {"people": people, "several": several, "groups": [group.pk for group in groups]})
        cursor.execute("ANALYZE")
    now = timezone.now()
    links: dict[str, list[Any]] = {"deployments": places, "products": [product], "groups": groups}
    priority, _ = Priority.objects.get_or_create(level=5, defaults={"name": "P5", "tells_stakeholders": True})
    outage = Outage(title="Log-on fails", started_at=now, high_profile=True, priority=priority)
    outages.declare(outage, now=now, links=links)
    return outage.pk


def announce(*, outage: int) -> None:
    now = timezone.now()
    text = "Nobody can log on. We are at it."
    outages.announce(Outage.objects.get(pk=outage), text, next_update_by=now + HOUR, now=now)


def outermost() -> StakeholderRing:
    """A ring for everybody, behind those of the example."""
    defaults = {"name": "outermost", "boundary": StakeholderRing.Boundary.EXTERNAL}
    return StakeholderRing.objects.get_or_create(number=99, defaults=defaults)[0]


def open_group(name: str) -> dict[str, int]:
    """A group that everybody may join, with nobody in it, and an outage that concerns it alone; their ids."""
    place, product = Deployment.objects.create(name=name), Product.objects.create(name=name)
    group = StakeholderGroup.objects.create(name=name, purpose="to know", openness="everyone", ring=outermost())
    group.deployments.add(place)
    group.products.add(product)
    priority = Priority.objects.filter(tells_stakeholders=True).first()
    now = timezone.now()
    outage = Outage(title=f"{name} fails", started_at=now, high_profile=True, priority=priority)
    outages.declare(outage, now=now, links={"deployments": [place], "products": [product], "groups": [group]})
    return {"group": group.pk, "outage": outage.pk}


def plan() -> float:
    """Plans whatever is due, alone; subscribers a second."""
    before, began = waiting(), time.monotonic()
    while fanning.plan_due(timezone.now()):
        pass
    took = time.monotonic() - began
    return (waiting() - before) / took


def waiting() -> int:
    """How many are to get something that nobody has begun to send."""
    return sum(len(each.contact_points) for each in Batch.objects.all())


def say_more(*, outage: int) -> None:
    now = timezone.now()
    outages.update(Outage.objects.get(pk=outage), "We are still at it.", next_update_by=now + HOUR, now=now)


def say(make: Callable, **how) -> None:
    """Makes it and prints what is to be known of it, for the process that asked."""
    print(json.dumps(make(**how)))
