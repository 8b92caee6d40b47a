"""Every worker sweeps by itself, whatever became of beat, the broker and the schedule in the admin."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from dispatching import alarms, ticker
from dispatching.channels import memory
from tests.world import World


@pytest.fixture
def ticking(transactional_db, settings):
    """A ticker on a thread, as in a worker, and its clean end."""
    settings.SWEEP_SECONDS = 0.01
    ticker.stopping.clear()

    def run():
        ticker.run(timezone.now)
        connection.close()

    thread = threading.Thread(target=run)
    yield thread
    ticker.stopping.set()
    thread.join(10)
    ticker.stopping.clear()
    assert not thread.is_alive()


class Arrived(threading.Event):
    """Set when something is put into the memory channel's outbox."""


@pytest.fixture
def arrived(monkeypatch):
    event, send = Arrived(), memory.send

    def telling(envelope):
        receipt = send(envelope)
        event.set()
        return receipt

    monkeypatch.setattr(memory, "send", telling)
    return event


def test_a_worker_without_beat_and_broker_pages(ticking, arrived):
    """T1, T6, B1, B11, W10: no alarm rings, no beat runs, the schedule in the admin is empty."""
    PeriodicTask.objects.all().delete()
    world = World(timezone.now())
    world.send_later(world.service(world.policy((timedelta(hours=1), world.person("ana")))), "k")
    ticking.start()
    assert arrived.wait(10)
    assert world.told() == ["ana"]


def test_what_a_higher_app_registers_is_swept_too_and_once_a_turn(ticking, monkeypatch):
    monkeypatch.setattr(ticker, "_sweeps", [])
    calls, swept = [], threading.Event()

    def sweep_theirs(clock):
        calls.append(clock())
        if len(calls) == 3:
            ticker.stopping.set()
            swept.set()

    for _ in range(2):
        ticker.register(sweep_theirs)
    ticking.start()
    assert swept.wait(10)
    ticking.join(10)
    assert len(calls) == 3


def test_a_sweep_that_fails_does_not_end_the_ticker(ticking, arrived, monkeypatch):
    """D1: the database restarts; the next sweep goes on."""
    sweep, failures = ticker.sweep.sweep, [OSError("the database is away")] * 3

    def failing(*args, **kwargs):
        if failures:
            raise failures.pop()
        return sweep(*args, **kwargs)

    monkeypatch.setattr(ticker.sweep, "sweep", failing)
    world = World(timezone.now())
    world.send_later(world.service(world.policy((timedelta(hours=1), world.person("ana")))), "k")
    ticking.start()
    assert arrived.wait(10)


def test_what_waits_for_the_broker_is_bounded(settings, monkeypatch):
    """B2, A25: a broker that hangs fills a bounded list; what is more is dropped, and swept."""
    settings.ALARMS = True
    publisher = alarms.Publisher()
    hanging = threading.Event()
    monkeypatch.setattr(publisher, "_publish", lambda *alarm: hanging.wait(10))
    for number in range(2 * alarms.WAITING):
        publisher.put("task", "engine", args=(number,))
    assert publisher._waiting.full()
    hanging.set()


def test_equal_nudges_that_wait_together_are_published_once(settings, monkeypatch):
    settings.ALARMS = True
    publisher = alarms.Publisher()
    published, first, go = [], threading.Event(), threading.Event()

    def publish(*alarm):
        published.append(alarm)
        first.set()
        go.wait(10)

    monkeypatch.setattr(publisher, "_publish", publish)
    publisher.put("first", "engine")
    assert first.wait(10)
    for _ in range(50):
        publisher.put("nudge", "engine")
    last = threading.Event()

    def publish_on(*alarm):
        published.append(alarm)
        if alarm[0] == "last":
            last.set()

    monkeypatch.setattr(publisher, "_publish", publish_on)
    go.set()
    publisher.put("last", "engine")
    assert last.wait(10)
    assert sum(alarm[0] == "nudge" for alarm in published) <= 2
