"""Health is red when nothing moves, whatever answers (N6)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dispatching import sweep
from dispatching.models import Batch, Content, Delivery, Escalation
from tests.world import World

pytestmark = pytest.mark.parametrize("path", ["/healthz", "/readyz"])


def test_green_after_a_sweep(client, db, path):
    sweep.sweep(timezone.now)
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "green", "problems": []})


def test_red_without_a_sweep_for_a_minute(client, db, path):
    sweep.record("sweep", timezone.now() - timedelta(seconds=61))
    assert client.get(path).status_code == 503


def test_red_before_the_first_sweep(client, db, path):
    assert client.get(path).status_code == 503


def test_red_with_a_step_that_is_overdue(client, db, path):
    world = World(timezone.now())
    world.send_later(world.service(world.policy((timedelta(hours=1), world.person("ana")))), "k")
    Escalation.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    sweep.record("sweep", timezone.now())
    answer = client.get(path)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["1 steps overdue by more than a minute"])


def test_a_long_fan_out_is_not_red_while_somebody_sends(client, db, path):
    """N6: a hundred thousand mails take longer than a minute; that alone must not take the web server out of service."""
    now = timezone.now()
    sweep.record("sweep", now)
    old = now - timedelta(minutes=2)
    content = Content.objects.create(subject="Log-on fails", text="It fails.", created_at=old)
    Batch.objects.create(content=content, contact_points=[1, 2], due_at=old)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["1 batches overdue by more than a minute"])
    lease = {"state": "sending", "due_at": now + timedelta(seconds=30), "attempt": 1}
    Delivery.objects.create(queue="bulk", content=content, channel="memory", created_at=old, **lease)
    assert client.get(path).status_code == 200
