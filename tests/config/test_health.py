"""Health is red when nothing moves, whatever answers (N6)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from dispatching import sweep
from dispatching.models import Batch, Content, Delivery, Escalation, Parked
from stakeholders import sweep as stakeholders
from stakeholders.models import Bracket, Message, Outage, SignUp, StakeholderRing, Update
from stakeholders.news import outages
from tests.world import World

pytestmark = pytest.mark.parametrize("path", ["/healthz", "/readyz"])


def swept(at):
    for name in ("sweep", "stakeholders"):
        sweep.record(name, at)


def test_green_after_a_sweep(client, db, path):
    sweep.sweep(timezone.now)
    stakeholders.sweep(timezone.now)
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "green", "problems": []})


def test_red_without_a_sweep_for_a_minute(client, db, path):
    swept(timezone.now() - timedelta(seconds=61))
    assert client.get(path).status_code == 503


def test_red_while_one_of_the_sweeps_always_fails(client, db, path):
    swept(timezone.now())
    sweep.record("stakeholders", timezone.now() - timedelta(seconds=61))
    [problem] = client.get(path).json()["problems"]
    assert problem.startswith("no sweep of the stakeholders' messages has been completed since")


def test_red_while_the_audit_always_fails(client, db, path):
    """It alone tells people who are asked for a swap."""
    now = timezone.now()
    swept(now)
    sweep.record("audit", now - timedelta(minutes=9))
    assert client.get(path).status_code == 200
    sweep.record("audit", now - timedelta(minutes=11))
    [problem] = client.get(path).json()["problems"]
    assert problem.startswith("no audit has been completed since")


def test_red_with_a_row_that_is_parked(client, db, path):
    """A15: a row whose due time is nobody's business, such as an alert that matches a definition, is not hidden by parking."""
    now = timezone.now()
    swept(now)
    parked = Parked.objects.create(key="match/1/2", since=now, due_at=now + timedelta(minutes=1))
    assert client.get(path).status_code == 200
    Parked.objects.filter(pk=parked.pk).update(since=now - timedelta(minutes=2))
    assert client.get(path).json()["problems"] == ["1 parked rows overdue by more than a minute"]


def test_red_with_a_message_a_promise_or_a_form_that_is_overdue(client, db, path):
    old = timezone.now() - timedelta(minutes=2)
    outage = outages.declare(Outage(title="Log-on fails", started_at=old), now=old)
    Outage.objects.update(due_at=old)
    SignUp.objects.create(kind=SignUp.Kind.LINK, channel="email", address="a@example.org", asked_at=old, due_at=old)
    update = Update.objects.create(outage=outage, kind=Update.Kind.END, at=old, text="It is over.")
    content = Content.objects.create(subject="Log-on fails", text="It fails.", created_at=old)
    ring = StakeholderRing.objects.get_or_create(number=1)[0]
    bracket = Bracket.objects.get_or_create(outage=outage, ring=ring)[0]
    Message.objects.create(update=update, bracket=bracket, content=content, created_at=old, due_at=old)
    swept(timezone.now())
    assert client.get(path).json()["problems"] == [
        f"1 {kind} overdue by more than a minute" for kind in ("messages", "promises", "forms")
    ]


def test_red_before_the_first_sweep(client, db, path):
    assert client.get(path).status_code == 503


def test_red_with_a_step_that_is_overdue(client, db, path):
    world = World(timezone.now())
    world.send_later(world.service(world.policy((timedelta(hours=1), world.person("ana")))), "k")
    Escalation.objects.update(due_at=timezone.now() - timedelta(minutes=2))
    swept(timezone.now())
    answer = client.get(path)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["1 steps overdue by more than a minute"])


def test_a_long_fan_out_is_not_red_while_somebody_sends(client, db, path):
    """N6: a hundred thousand mails take longer than a minute; that alone must not take the web server out of service."""
    now = timezone.now()
    swept(now)
    old = now - timedelta(minutes=2)
    content = Content.objects.create(subject="Log-on fails", text="It fails.", created_at=old)
    Batch.objects.create(content=content, contact_points=[1, 2], due_at=old)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["problems"]) == (503, ["1 batches overdue by more than a minute"])
    lease = {"state": "sending", "due_at": now + timedelta(seconds=30), "attempt": 1}
    Delivery.objects.create(queue="bulk", content=content, channel="memory", created_at=old, **lease)
    assert client.get(path).status_code == 200


def test_red_before_the_database_is_migrated_says_what_to_do(client, transactional_db, path):
    """An operator would otherwise look at the network."""
    with connection.cursor() as cursor:
        cursor.execute("SET search_path TO pg_temp")
        try:
            answer = client.get(path)
        finally:
            cursor.execute("RESET search_path")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["the database is not prepared for this version: run manage.py migrate"]
