"""Organisations to run the product with: people with mail addresses, policies, services. Run by Product.seed.

What a function here returns goes to the test as JSON.
"""

import json
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from dispatching.models import ContactPoint, EscalationPolicy, Recipient
from schedules.oncall import on_call
from tests.world import World

HOUR = timedelta(hours=1)


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


def say(make: Callable, **how) -> None:
    """Makes it and prints what is to be known of it, for the process that asked."""
    print(json.dumps(make(**how)))
