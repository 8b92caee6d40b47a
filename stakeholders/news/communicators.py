"""Sees to it that an outage that a definition has opened has a communicator, who is told at once and reminded (B169, B170)."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain

from django.db.models import Q
from guardian.shortcuts import assign_perm

from dispatching.models import Notice, Recipient, Service, Target
from dispatching.notices import notices
from schedules.models import Schedule, User
from schedules.oncall import people_on_duty, present
from schedules.people import reach
from schedules.surfaces.public_urls import public_url
from stakeholders.models import Outage
from stakeholders.news.timeline import note
from stakeholders.rules import cadence


def on_call_for(services: Collection[Service], now: datetime) -> list[User]:
    """The people on duty now on the schedules of these services' teams and of their policies."""
    theirs = Q(team__in={service.team_id for service in services if service.team_id})
    targets = Target.objects.filter(
        step__policy__in={service.policy_id for service in services}, schedule__isnull=False
    )
    return people_on_duty(Schedule.objects.filter(theirs | Q(pk__in=targets.values("schedule"))), now)


def of(outage: Outage, now: datetime) -> User | None:
    """The person who keeps the outage's promises now: its communicator, or else the person who declared it.

    If they have left, are away or cannot be reached, somebody else becomes the communicator; None if there is nobody. The caller
    holds the lock on the outage.
    """
    chosen = outage.communicator or outage.declared_by
    if chosen and _available([chosen], now):
        return chosen
    successor = next(_candidates(outage, now), None)
    if successor is None or successor == chosen:
        return chosen
    Outage.objects.filter(pk=outage.pk).update(communicator=successor)
    outage.communicator = successor
    assign_perm("change_outage", successor, outage)
    instead = f": {chosen.name} has left, is away or cannot be reached" if chosen else ""
    note(outage, f"{successor.name} becomes the communicator{instead}", now=now)
    return successor


def tell(outage: Outage, what: str, subject: str, *, now: datetime, why: str = "") -> None:
    """Tells the communicator `what` has happened to the outage, at once, and has them reminded while it is not announced.

    The caller holds the lock on the outage, or has just made it.
    """
    who = of(outage, now)
    if outage.announced_at is None:
        outage.due_at = cadence.next_nudge(outage.declared_at, now=now)
        Outage.objects.filter(pk=outage.pk).update(due_at=outage.due_at)
    if who is None:
        note(outage, f"{subject} Nobody could be told: there is nobody who could be the communicator.", now=now)
        return
    url, key = public_url("admin:stakeholders_outage_change", outage.pk), f"outage/{outage.pk}/{what}/{now.isoformat()}"
    notice = notices.tell(who, key, Notice.Kind.OPENED, subject, {"outage": outage, "why": why}, now=now, url=url)
    note(outage, f"message to {who.name}: {subject}", now=now, notice=notice)


def _candidates(outage: Outage, now: datetime) -> Iterator[User]:
    """Those who could be the communicator and can be reached, the best first."""
    return chain.from_iterable(_available(people, now) for people in _circles(outage, now))


def _circles(outage: Outage, now: datetime) -> Iterator[list[User]]:
    """On duty as communicator, on duty for the services, the managers of their teams, and then the last resort."""
    definitions = outage.matches.filter(definition__communicators__isnull=False)
    schedules = definitions.values("definition__communicators")
    yield people_on_duty(Schedule.objects.filter(pk__in=schedules), now)
    services = list(outage.services.select_related("team__manager"))
    yield on_call_for(services, now)
    yield [service.team.manager for service in services if service.team and service.team.manager]
    last = Recipient.objects.filter(last_resort=True, user__isnull=False).select_related("user").order_by("pk")
    yield [recipient.user for recipient in last if recipient.user]


def _available(people: Iterable[User], now: datetime) -> list[User]:
    wanted = list(people)
    here = set(present(User.objects.filter(pk__in=[user.pk for user in wanted]), now).values_list("pk", flat=True))
    here -= reach.unreachable(here)
    return [user for user in wanted if user.pk in here]
