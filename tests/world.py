"""The cast and the clock: arrange in words, act once, assert on what people were told."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from django.db import connection
from django.test import override_settings
from django.utils import timezone
from time_machine import travel

from dispatching import sweep
from dispatching.alerts import intake
from dispatching.channels import memory
from dispatching.models import (
    Alert,
    ContactPoint,
    ContactRule,
    Delivery,
    Escalation,
    EscalationPolicy,
    Integration,
    Recipient,
    Refusal,
    Service,
    ShiftWatch,
    Step,
    Target,
)
from dispatching.rules.event import Event
from schedules import clock
from schedules.models import Layer, Participant, Rotation, Schedule, Team, User
from tests.sure import sure

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
KINDS = {User: "user", Schedule: "schedule", Team: "team"}


@cache
def next_due() -> tuple[str, tuple]:
    """When something is due next, in SQL that is written once: a clock of minutes asks thousands of times."""
    # Failures of shared words are followed up by whoever shared them.
    waiting = Delivery.objects.filter(due_at__isnull=False).exclude(state__in=Delivery.LOST, content__isnull=False)
    rows = (Escalation.objects.running(), waiting, Refusal.objects.all(), ShiftWatch.objects.all())
    parts = [each.order_by().values_list("due_at").query.sql_with_params() for each in rows]
    union = " UNION ALL ".join(sql for sql, _ in parts)
    return f"SELECT min(due_at) FROM ({union}) AS due", tuple(value for _, values in parts for value in values)


@contextmanager
def quietly() -> Iterator[None]:
    """As the fixture `quiet`, for what is made once for several tests."""
    memory.clear()
    with override_settings(ALARMS=False, MEMORY_CHANNEL=True):
        yield


@contextmanager
def at(moment: datetime) -> Iterator[None]:
    """The same, with the clock standing still."""
    usual, clock.source = clock.source, timezone.now
    try:
        with quietly(), travel(moment, tick=False):
            yield
    finally:
        clock.source = usual


class World:
    def __init__(self, now: datetime = MONDAY):
        self.start = self.now = now
        self._heard = 0

    # --- arrange --------------------------------------------------------------------------------------------------

    def person(self, username: str, *, after: dict[str, timedelta] | None = None, points: int = 1, **more) -> User:
        """A person with verified memory contact points: `ana`, then `ana-2` …; `after` delays them by name."""
        user = User.objects.create(username=username, first_name=username.capitalize(), **more)
        recipient = Recipient.objects.create(user=user)
        for number in range(1, points + 1):
            self.point(recipient, username if number == 1 else f"{username}-{number}", after=after)
        return user

    def point(self, recipient: Recipient, address: str, *, after: dict[str, timedelta] | None = None) -> ContactPoint:
        point = ContactPoint.objects.create(recipient=recipient, channel="memory", address=address, verified=True)
        if after and address in after:
            ContactRule.objects.create(contact_point=point, delay=after[address])
        return point

    def last_resort(self, name: str = "fallback") -> Recipient:
        recipient = Recipient.objects.create(display_name=name, last_resort=True)
        self.point(recipient, name)
        return recipient

    def team(self, name: str, *members: User, manager: User | None = None) -> Team:
        team = Team.objects.create(name=name, manager=manager)
        team.user_set.set(members)
        return team

    def weekly(self, *people: User, positions: int = 2) -> list[Schedule]:
        """Main, backup, … over one rotation that hands over on Mondays at 9:00 UTC."""
        rotation = Rotation.objects.create(
            name=f"rotation {Rotation.objects.count()}", first_day=date(2026, 1, 5), handover=time(9)
        )
        Participant.objects.bulk_create(Participant(rotation=rotation, user=u, order=n) for n, u in enumerate(people))
        found = []
        for position in range(positions):
            name = f"{rotation.name} {'main' if position == 0 else f'backup {position}'}"
            schedule = Schedule.objects.create(name=name)
            Layer.objects.create(schedule=schedule, rotation=rotation, position=position)
            found.append(schedule)
        return found

    def watch(self, schedule: Schedule, *, remind: timedelta | None = None, hands_over: bool = False) -> None:
        """Reminders and handover notes are switched on, and the next sweep has taken that in."""
        schedule.remind, schedule.hands_over = remind, hands_over
        schedule.save()
        self.sweep()

    def policy(self, *steps: tuple, repeat: int = 0, name: str = "") -> EscalationPolicy:
        """Each step is (span, target, …); a target is a person, a schedule, a team or a group."""
        policy = EscalationPolicy.objects.create(
            name=name or f"policy {EscalationPolicy.objects.count()}", repeat=repeat
        )
        for order, (span, *targets) in enumerate(steps):
            step = Step.objects.create(policy=policy, order=order, escalate_after=span)
            for target in targets:
                Target.objects.create(step=step, **{KINDS.get(type(target), "group"): target})
        return policy

    def service(self, policy: EscalationPolicy, name: str = "") -> Integration:
        """A service with this policy, and the integration that feeds it."""
        name = name or f"service {Service.objects.count()}"
        integration = Integration(name=name, service=Service.objects.create(name=name, policy=policy))
        integration.key = integration.new_key()
        integration.save()
        return integration

    # --- act ------------------------------------------------------------------------------------------------------

    def trigger(self, integration: Integration, key: str = "k", **more) -> Alert:
        event = Event(action="trigger", dedup_key=key, summary=more.pop("summary", "log-on is down"), **more)
        [accepted] = intake.accept(integration, [event], now=self.now)
        self.sweep()
        return Alert.objects.get(pk=sure(accepted.alert_id))

    def send_later(self, integration: Integration, key: str) -> None:
        """The event is accepted, and nothing has been done about it yet."""
        intake.accept(integration, [Event(action="trigger", dedup_key=key, summary=key)], now=self.now)

    def send(self, integration: Integration, action: str, key: str = "k", **more) -> intake.Accepted:
        [accepted] = intake.accept(integration, [Event(action=action, dedup_key=key, **more)], now=self.now)
        self.sweep()
        return accepted

    def sweep(self) -> None:
        while sweep.sweep(lambda: self.now):
            pass

    def advance(self, **span) -> None:
        """Moves the clock, stopping to sweep at each moment at which something is due."""
        end = self.now + timedelta(**span)
        while (due := self._next_due()) and due <= end:
            self.now = max(self.now, due)
            self.sweep()
            assert self._next_due() != due, f"what was due at {due} has not been done"
        self.now = end
        self.sweep()

    def _next_due(self) -> datetime | None:
        with connection.cursor() as cursor:
            cursor.execute(*next_due())
            return cursor.fetchone()[0]

    # --- assert ---------------------------------------------------------------------------------------------------

    def told(self) -> list[str]:
        """The addresses that were told something since the last time this was asked, in order."""
        new, self._heard = memory.outbox[self._heard :], len(memory.outbox)
        return [envelope.address for envelope in new]

    def minutes(self) -> float:
        return (self.now - self.start) / timedelta(minutes=1)
