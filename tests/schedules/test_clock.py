"""Hosts whose clocks are wrong: what is due is due by the database's clock (faults E1)."""

from datetime import timedelta

import pytest

from dispatching import tasks
from dispatching.models import Delivery, Escalation
from schedules import clock
from stakeholders import tasks as stakeholders
from tests.world import World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def world(db) -> World:
    return World(clock.now())


@pytest.fixture(params=[HOUR, -HOUR], ids=["an hour ahead", "an hour behind"])
def wrong_host(request, world, time_machine):
    time_machine.move_to(world.now + request.param, tick=True)


def test_an_event_is_due_now_and_its_step_runs_now(client, world, wrong_host):
    """E1"""
    service = world.service(world.policy((HOUR, world.person("ana"))))
    body = '{"summary": "down"}'
    answer = client.post(f"/integrations/{service.key}/events/", body, content_type="application/json")
    assert answer.status_code == 202
    assert abs(Escalation.objects.get().due_at - world.now) < MINUTE
    tasks.run_due_steps()
    tasks.send_due_page()
    assert world.told() == ["ana"]
    assert Delivery.objects.get().state == Delivery.State.SENT


def test_nothing_is_early(world, wrong_host):
    """E1"""
    ana, bo = world.person("ana"), world.person("bo")
    world.trigger(world.service(world.policy((HOUR / 2, ana), (HOUR, bo))))
    assert world.told() == ["ana"]
    for wake in (tasks.run_due_steps, tasks.send_due_page, tasks.sweep, tasks.audit):
        wake()
    [escalation] = Escalation.objects.all()
    tasks.run_step(escalation.pk, escalation.position)
    assert world.told() == []
    Escalation.objects.update(due_at=world.now)
    tasks.sweep()
    assert world.told() == ["bo"]


def test_health_goes_by_the_database_too(client, world, wrong_host):
    """E1"""
    tasks.sweep()
    stakeholders.sweep()
    assert client.get("/healthz").status_code == 200
