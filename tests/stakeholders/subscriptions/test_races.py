"""Two at once, each with its own connection: one address, one row; who has left is not planned for."""

import threading
from collections.abc import Callable

import pytest
from django.db import connections, transaction

from dispatching.delivery import batching
from dispatching.models import Batch, ContactPoint, Content, Delivery, Recipient
from schedules.refused import Refused
from stakeholders.models import Message, SignUp, Subscription
from stakeholders.news import fanning
from stakeholders.subscriptions import subscribing
from tests.races import together
from tests.sure import sure

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> None:
    """All at the same time, and none is refused."""
    assert not any(isinstance(answer, Refused) for answer in together(*calls))


def test_requests_for_one_address_at_once_are_one(world):
    """P1"""
    at_once(*[lambda: subscribing.ask("memory", "vi@example.org", [world.open], now=world.now)] * 6)
    counts = [model.objects.count() for model in (Recipient, ContactPoint, Subscription, Delivery)]
    assert counts == [1, 1, 1, 1]


def test_a_form_is_answered_by_one_worker(world):
    from_form = {"channel": "memory", "groups": [world.open.pk], "asked_at": world.now, "due_at": world.now}
    SignUp.objects.create(address="vi@example.org", **from_form)
    at_once(*[lambda: subscribing.answer_due(world.now)] * 4)
    assert Subscription.objects.count() == 1 and not SignUp.objects.exists()


def test_confirming_leaving_and_choosing_at_once_end_in_one_state(world):
    point = sure(subscribing.ask("memory", "vi@example.org", [world.open, world.europe], now=world.now))
    subscribing.confirm(point, now=world.now)
    wish = {world.open: subscribing.Wish(), world.europe: None}
    at_once(
        lambda: subscribing.confirm(point, now=world.now),
        lambda: subscribing.leave_everything(point, reason="by link", now=world.now),
        lambda: subscribing.choose(point, wish, now=world.now),
        lambda: subscribing.leave_everything(point, reason="by link", now=world.now),
    )
    assert not Subscription.objects.filter(group=world.europe).exclude(state="ended").exists()
    assert Subscription.objects.filter(group=world.open).exclude(state="ended").count() <= 1


def test_who_leaves_while_a_batch_is_planned_gets_nothing_of_it(world):
    """P8: leaving waits for the batch, then withdraws it."""
    point = sure(subscribing.ask("memory", "vi@example.org", [world.open], now=world.now))
    subscribing.confirm(point, now=world.now)
    planned, left = threading.Event(), threading.Event()

    def plan() -> None:
        try:
            with transaction.atomic():
                fanning.plan_due(world.now)
                planned.set()
                left.wait(0.5)  # leaving cannot end before this commits
        finally:
            connections.close_all()

    world.outage()
    Delivery.objects.filter(content__isnull=False).delete()
    Message.objects.update(due_at=world.now, planned_up_to=0)
    planner = threading.Thread(target=plan)
    planner.start()
    assert planned.wait(10)
    subscribing.leave_everything(point, reason="by link", now=world.now)
    left.set()
    planner.join(10)
    assert [each.state for each in Delivery.objects.filter(content__isnull=False)] == ["suppressed"]


def test_who_leaves_while_a_sender_takes_the_batch_up_is_not_written_to(world):
    """P8: leaving waits for the sender's claim, and stops what it has made."""
    point = sure(subscribing.ask("memory", "vi@example.org", [world.open], now=world.now))
    subscribing.confirm(point, now=world.now)
    world.told()
    world.outage()
    Delivery.objects.filter(content__isnull=False).delete()
    Message.objects.update(due_at=world.now, planned_up_to=0)
    fanning.plan_due(world.now)
    taken, left, claims = threading.Event(), threading.Event(), {}

    def take() -> None:
        try:
            with transaction.atomic():
                claims.update(batching._take(now=world.now))
                taken.set()
                left.wait(0.5)  # leaving cannot end before this commits
        finally:
            connections.close_all()

    sender = threading.Thread(target=take)
    sender.start()
    assert taken.wait(10)
    subscribing.leave_everything(point, reason="by link", now=world.now)
    left.set()
    sender.join(10)
    [delivery] = batching._look(claims).values()
    assert (delivery.state, delivery.reason) == ("sending", "the subscription has ended")
    batching._record([batching._try_to_send(delivery, lambda: world.now)])
    assert world.told() == []
    assert Delivery.objects.get(pk=delivery.pk).state == "suppressed"


def test_a_batch_is_taken_up_by_one_of_many_senders(world):
    """P6: each of them once, also when all of them reach for the first one."""
    content = Content.objects.create(subject="Log-on fails", text="It fails.", created_at=world.now)
    points = [sure(subscribing.ask("memory", f"v{n}@example.org", [world.open], now=world.now)).pk for n in range(8)]
    for pk in points:
        Batch.objects.create(content=content, contact_points=[pk], data={"parts": []}, due_at=world.now)
    taken = []
    at_once(*[lambda: taken.append(batching._take(now=world.now))] * 8)
    assert sorted(len(claims) for claims in taken) == [1] * 8
    assert sorted(Delivery.objects.filter(content=content).values_list("contact_point", flat=True)) == points
    assert not Batch.objects.exists()


def test_leaving_does_not_wait_for_others_who_leave(world):
    """Two hold each other up only over the same contact point."""
    points = [sure(subscribing.ask("memory", f"v{n}@example.org", [world.open], now=world.now)) for n in range(2)]
    with transaction.atomic():
        subscribing.leave_everything(points[0], reason="by link", now=world.now)
        done = threading.Event()

        def leave() -> None:
            try:
                subscribing.leave_everything(points[1], reason="by link", now=world.now)
                done.set()
            finally:
                connections.close_all()

        threading.Thread(target=leave).start()
        assert done.wait(10)
    assert not Subscription.objects.exclude(state="ended").exists()
