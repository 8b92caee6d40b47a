"""Who is asked to take a shift hears of it, and who asked hears the answer (A8)."""

from datetime import timedelta

import pytest

from dispatching import audit
from dispatching.channels import memory
from dispatching.models import Notice
from schedules.arrangements import swapping

WEEK = timedelta(weeks=1)


@pytest.fixture
def main(world):
    return world.weekly(*(world.person(name) for name in ("ana", "bo", "cy")), positions=1)[0]


def people(main):
    return [participant.user for participant in main.layers.get().rotation.participants.all()]


def look(world) -> list[str]:
    """The audit looks twice: whatever is told is told once."""
    for _ in range(2):
        audit.audit(world.now)
        world.sweep()
    return sorted(world.told())


def test_the_one_who_is_asked_is_told_and_then_the_one_who_asked(world, main):
    """A8"""
    ana, bo, _ = people(main)
    swap = swapping.ask(main, ana, world.now, world.now + WEEK / 7, asked=bo, note="dentist", now=world.now)
    assert look(world) == ["bo"]
    assert "Ana asks you to take rotation 0 main: Mon 5 Jan 2026, 09:00 UTC" in memory.outbox[-1].body
    assert "“dentist”" in memory.outbox[-1].body and "/on-call/mine/" in memory.outbox[-1].body
    swapping.accept(swap, bo, world.now)
    assert look(world) == ["ana"]
    assert "Bo has agreed to take rotation 0 main" in memory.outbox[-1].body
    assert set(Notice.objects.values_list("kind", flat=True)) == {Notice.Kind.SWAP}


def test_a_request_to_anyone_is_told_to_all_colleagues(world, main):
    """A8"""
    ana, _, cy = people(main)
    swap = swapping.ask(main, ana, world.now, world.now + WEEK, now=world.now)
    assert look(world) == ["bo", "cy"]
    swapping.accept(swap, cy, world.now)
    assert look(world) == ["ana"]


def test_declined_and_withdrawn(world, main):
    """A8: who withdraws knows it."""
    ana, bo, cy = people(main)
    first = swapping.ask(main, ana, world.now, world.now + WEEK / 7, asked=bo, now=world.now)
    swapping.decline(first, bo, world.now)
    assert look(world) == ["ana"]
    assert "The shift is still yours" in memory.outbox[-1].body
    second = swapping.ask(main, ana, world.now, world.now + WEEK / 7, asked=cy, now=world.now)
    swapping.withdraw(second, ana, world.now)
    assert look(world) == []
