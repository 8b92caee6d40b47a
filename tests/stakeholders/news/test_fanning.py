"""From a message to a delivery for everybody who is told: once each, resumable, in threads, at the right time."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from dispatching.contact import links
from dispatching.delivery import batching, delivering
from dispatching.models import Batch, ContactPoint, Delivery, Priority, Recipient
from schedules.models import User
from stakeholders.groups import audience
from stakeholders.models import (
    Deployment,
    Message,
    Outage,
    Product,
    StakeholderGroup,
    Subscriber,
    Subscription,
)
from stakeholders.news import fanning, outages
from stakeholders.subscriptions import links as asking
from stakeholders.subscriptions import subscribing
from tests.batches import unpack
from tests.stakeholders.organisation import everyone
from tests.sure import sure

HOUR = timedelta(hours=1)


class Stakeholders:
    """An outage of product A in the EU, groups that cover it, and people who asked."""

    def __init__(self, world):
        self.world = world
        self.eu, self.us = (Deployment.objects.create(name=name) for name in ("EU", "US"))
        self.product = Product.objects.create(name="A")
        self.here = self.group("A, EU", self.eu)
        self.everywhere = self.group("A, everywhere", self.eu, self.us)
        self.elsewhere = self.group("A, US", self.us)
        self.priority = Priority.objects.create(
            level=2, name="P2", tells_stakeholders=True, update_interval=timedelta(hours=4)
        )

    def group(self, name, *deployments):
        group = StakeholderGroup.objects.create(name=name, purpose="to know", ring=everyone())
        group.deployments.set(deployments)
        group.products.add(self.product)
        return group

    def asks(self, name, *groups, state="active", **more) -> ContactPoint:
        recipient = Recipient.objects.create(display_name=name)
        point = ContactPoint.objects.create(recipient=recipient, channel="memory", address=name, verified=True)
        for group in groups:
            self.joins(point, group, state=state, **more)
        return point

    def joins(self, point, group, *, state="active", **more):
        now = self.world.now
        ended = {"ended_at": now, "end_reason": "left"} if state == "ended" else {}
        Subscription.objects.create(
            contact_point=point, group=group, state=state, asked_at=now, confirmed_at=now, **ended, **more
        )

    def leaves(self, point, group=None):
        found = point.subscriptions.filter(**({"group": group} if group else {}))
        found.update(state="ended", ended_at=self.world.now, end_reason="left")

    def announce(self):
        links: dict[str, list[Any]] = {"deployments": [self.eu], "products": [self.product]}
        now = self.world.now
        outage = Outage(title="Log-on fails", started_at=now, high_profile=True, priority=self.priority)
        outages.declare(outage, now=now, links=links)
        outages.announce(outage, "We are at it.", next_update_by=now + HOUR, now=now)
        return outage

    def plan(self, **more) -> list[str]:
        """Plans all that is due; the names of those who get something by it, in the order of their rows."""
        before = Delivery.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        while fanning.plan_due(self.world.now, **more):
            pass
        unpack()
        return list(Delivery.objects.filter(pk__gt=before).order_by("pk").values_list("recipient_name", flat=True))

    def update(self, outage):
        outages.update(outage, "Still at it.", next_update_by=self.world.now + HOUR, now=self.world.now)


@pytest.fixture
def cast(world) -> Stakeholders:
    return Stakeholders(world)


def test_each_one_is_told_once_with_the_passages_of_all_their_groups(cast):
    """B34"""
    cast.asks("ana", cast.here)
    cast.asks("bo", cast.here, cast.everywhere)
    cast.asks("cy", cast.elsewhere)
    cast.announce()
    assert cast.plan() == ["ana", "bo"]
    bo = Delivery.objects.get(recipient_name="bo")
    assert bo.data == {"parts": sorted([str(cast.here.pk), str(cast.everywhere.pk)]), "after": None}
    message = Message.objects.get()
    assert (message.planned, message.due_at, message.planned_at) == (2, None, cast.world.now)


def test_told_once_is_a_constraint(cast):
    cast.asks("ana", cast.here)
    cast.announce()
    cast.plan()
    told = Delivery.objects.get()
    told.pk, told.key = None, uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        told.save(force_insert=True)


@pytest.mark.parametrize(
    "change",
    [{"verified": False}, {"disabled_reason": "bounced"}, "asked", "ended"],
    ids=str,
)
def test_who_must_not_or_did_not_confirm_is_not_told(cast, change):
    cast.asks("ana", cast.here)
    if isinstance(change, dict):
        point = cast.asks("bo", cast.here)
        ContactPoint.objects.filter(pk=point.pk).update(**change)
    else:
        cast.asks("bo", cast.here, state=change)
    cast.announce()
    assert cast.plan() == ["ana"]


def test_a_wish_for_some_places_or_the_important_only_is_kept(cast):
    cast.asks("ana", cast.everywhere, deployments=[cast.us.pk])
    cast.asks("bo", cast.everywhere, deployments=[cast.eu.pk])
    cast.asks("cy", cast.everywhere, least_priority=1)
    cast.asks("dee", cast.everywhere, least_priority=2)
    cast.announce()
    assert cast.plan() == ["bo", "dee"]


def test_it_goes_on_where_it_stopped(cast):
    """Must show 3: batches of three, with a crash after each."""
    names = [f"p{number}" for number in range(8)]
    for name in names:
        cast.asks(name, cast.here, cast.everywhere)
    cast.announce()
    for _ in range(3):
        with pytest.raises(RuntimeError), transaction.atomic():
            fanning.plan_due(cast.world.now, most=3)
            raise RuntimeError("killed before the commit")
        assert fanning.plan_due(cast.world.now, most=3)
    assert not fanning.plan_due(cast.world.now, most=3)
    assert cast.plan() == names
    assert Message.objects.get().planned == 8


def test_batches_without_anybody_do_not_end_it(cast):
    for number in range(7):
        cast.asks(f"other{number}", cast.elsewhere)
    cast.asks("ana", cast.here)
    cast.announce()
    assert cast.plan(most=2) == ["ana"]


def test_an_update_goes_to_those_who_were_told_and_to_those_who_came_later(cast):
    """B97"""
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    cast.asks("bo", cast.here)
    cast.update(outage)
    assert cast.plan() == ["ana", "bo"]


def test_who_wants_only_the_first_and_the_last_message_gets_these(cast):
    cast.asks("ana", cast.here, kinds="ends")
    outage = cast.announce()
    assert cast.plan() == ["ana"]
    cast.update(outage)
    assert cast.plan() == []
    outages.end(outage, "It works again.", now=cast.world.now)
    assert cast.plan() == ["ana"]


def test_the_end_goes_to_those_who_were_told_the_start_and_to_nobody_else(cast):
    """B35, B99"""
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    cast.asks("bo", cast.here)
    outages.end(outage, "It works again.", now=cast.world.now)
    assert cast.plan() == ["ana"]


def test_the_end_reaches_who_was_told_although_the_outage_has_moved_elsewhere(cast):
    """B35"""
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    outage.deployments.set([cast.us])
    outages.end(outage, "It works again.", now=cast.world.now)
    assert cast.plan() == ["ana"]


def test_who_left_one_of_two_groups_gets_the_end_for_the_other(cast):
    ana = cast.asks("ana", cast.here, cast.everywhere)
    bo = cast.asks("bo", cast.here)
    outage = cast.announce()
    cast.plan()
    cast.leaves(ana, cast.here)
    cast.leaves(bo)
    outages.end(outage, "It works again.", now=cast.world.now)
    assert cast.plan() == ["ana"]
    assert sure(Delivery.objects.order_by("pk").last()).data["parts"] == [str(cast.everywhere.pk)]


def test_a_correction_goes_to_the_same_people(cast):
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    outages.end(outage, "It works again.", now=cast.world.now)
    cast.plan()
    cast.asks("bo", cast.here)
    outages.correct(outage, "It was another product.", now=cast.world.now)
    assert cast.plan() == ["ana"]


def key_of(name: str) -> str:
    return str(Delivery.objects.filter(recipient_name=name).order_by("pk")[0].key)


def test_a_thread_begins_with_the_first_message_that_each_one_got(cast):
    """Part C: In-Reply-To only to messages that recipient got."""
    cast.asks("ana", cast.here)
    lost = cast.asks("lost", cast.here)
    outage = cast.announce()
    cast.plan()
    delivering.suppress(Delivery.objects.filter(contact_point=lost).values_list("pk"), "left", now=cast.world.now)
    cast.asks("bo", cast.here)
    for _ in range(2):
        cast.update(outage)
        cast.plan()
    after = dict(
        Delivery.objects.filter(content=sure(Message.objects.last()).content).values_list(
            "recipient_name", "data__after"
        )
    )
    first_of_lost = str(Delivery.objects.filter(contact_point=lost).order_by("pk")[1].key)
    assert after == {"ana": key_of("ana"), "bo": key_of("bo"), "lost": first_of_lost}


@pytest.mark.parametrize(
    ("zone", "since", "until", "due"),
    [
        ("UTC", time(8), time(11), datetime(2026, 1, 5, 11)),
        ("UTC", time(22), time(9, 30), datetime(2026, 1, 5, 9, 30)),
        ("UTC", time(9), time(8), datetime(2026, 1, 6, 8)),
        ("UTC", time(22), time(7), datetime(2026, 1, 5, 9)),
        ("UTC", time(7), time(9), datetime(2026, 1, 5, 9)),
        # 9:00 UTC is 18:00 there, 4:00 there.
        ("Asia/Tokyo", time(17), time(8), datetime(2026, 1, 5, 23)),
        ("America/New_York", time(22), time(6), datetime(2026, 1, 5, 11)),
        ("UTC", None, None, datetime(2026, 1, 5, 9)),
    ],
)
def test_quiet_hours_on_their_own_clock(cast, zone, since, until, due):
    """Waits until they end."""
    ana = cast.asks("ana", cast.here)
    Subscriber.objects.create(recipient=ana.recipient, time_zone=zone, quiet_from=since, quiet_until=until)
    cast.announce()
    cast.plan()
    assert sure(Delivery.objects.get().due_at).replace(tzinfo=None) == due


def test_the_name_is_the_persons_or_that_of_who_has_no_login(cast):
    user = cast.world.person("eve", last_name="Maler")
    cast.joins(user.recipient.contact_points.get(), cast.here)
    cast.asks("ana", cast.here)
    cast.announce()
    assert cast.plan() == ["Eve Maler", "ana"]


def test_who_subscribes_while_it_goes_on_gets_the_state_as_of_now_once(cast):
    """B98"""
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    cast.update(outage)
    cast.plan()
    bo, cy = cast.asks("bo", cast.here, kinds="ends"), cast.asks("cy", cast.elsewhere)
    assert fanning.catch_up([bo.pk, cy.pk], now=cast.world.now) == 1
    assert fanning.catch_up([bo.pk, cy.pk], now=cast.world.now) == 0
    assert fanning.catch_up([], now=cast.world.now) == 0
    unpack()
    assert fanning.catch_up([bo.pk, cy.pk], now=cast.world.now) == 0
    caught = Delivery.objects.get(recipient_name="bo")
    assert (caught.content, caught.data["after"]) == (sure(Message.objects.last()).content, None)
    outages.end(outage, "It works again.", now=cast.world.now)
    assert cast.plan() == ["ana", "bo"]


def test_who_subscribes_while_a_message_is_being_planned_gets_that_one_and_only_that(cast):
    """B98"""
    ana = cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    cast.update(outage)
    bo = cast.asks("bo", cast.here)
    assert fanning.catch_up([bo.pk], now=cast.world.now) == 1
    assert cast.plan() == ["bo", "ana"]
    assert ana.deliveries.count() == 2
    assert bo.deliveries.get().content == sure(Message.objects.last()).content


def test_after_the_end_nobody_is_caught_up(cast):
    cast.asks("ana", cast.here)
    outage = cast.announce()
    cast.plan()
    outages.end(outage, "It works again.", now=cast.world.now)
    cast.plan()
    assert fanning.catch_up([cast.asks("bo", cast.here).pk], now=cast.world.now) == 0


def test_a_batch_takes_as_many_statements_for_many_as_for_one(cast, django_assert_num_queries):
    for number in range(30):
        cast.asks(f"p{number}", cast.here, cast.everywhere)
    cast.announce()
    with django_assert_num_queries(10):  # three so that a message that cannot be planned holds up no other
        fanning.plan_due(cast.world.now)
    assert len(Batch.objects.get().contact_points) == 30


def batches() -> list[tuple[list[int], list[str]]]:
    return [(each.contact_points, each.data["parts"]) for each in Batch.objects.order_by("pk")]


def test_a_batch_holds_those_who_get_the_same_passages_at_the_same_time(cast):
    both, ana, bo = (
        cast.asks("both", cast.here, cast.everywhere),
        cast.asks("ana", cast.here),
        cast.asks("bo", cast.here),
    )
    asleep = cast.asks("asleep", cast.here)
    quiet = {"quiet_from": time(0), "quiet_until": time(23, 59)}
    Subscriber.objects.create(recipient=asleep.recipient, time_zone="UTC", **quiet)
    crowd = [cast.asks(f"p{number}", cast.here).pk for number in range(batching.BATCH)]
    cast.announce()
    fanning.plan_due(cast.world.now)
    here, everywhere = str(cast.here.pk), str(cast.everywhere.pk)
    assert batches() == [
        ([both.pk], [here, everywhere]),
        ([ana.pk, bo.pk, *crowd[:-2]], [here]),
        ([asleep.pk], [here]),
        (crowd[-2:], [here]),
    ]


def test_who_leaves_before_anybody_began_to_send_gets_nothing_and_the_ledger_says_why(cast):
    """P8, B99"""
    ana, bo = cast.asks("ana", cast.here), cast.asks("bo", cast.here)
    cast.announce()
    fanning.plan_due(cast.world.now)
    subscribing.leave_everything(ana, reason="on the page", now=cast.world.now)
    assert batches() == [([bo.pk], [str(cast.here.pk)])]
    assert list(Delivery.objects.values_list("contact_point", "state", "reason", "due_at", "attempt")) == [
        (ana.pk, "suppressed", "the subscription has ended", None, 0)
    ]
    cast.world.sweep()
    assert cast.world.told() == ["bo"]


def test_who_leaves_one_of_two_groups_before_anybody_began_to_send_is_told_for_the_other(cast):
    """B4, B14"""
    ana = cast.asks("ana", cast.here, cast.everywhere)
    cast.announce()
    fanning.plan_due(cast.world.now)
    subscribing.end(ana.subscriptions.get(group=cast.here), reason="left", now=cast.world.now)
    cast.world.sweep()
    assert cast.world.told() == ["ana"]


def test_the_end_goes_to_those_who_have_not_even_got_the_start(cast):
    """B97: nobody has begun to send the announcement when it is over; both come, in order, as one conversation."""
    cast.asks("ana", cast.here)
    outage = cast.announce()
    fanning.plan_due(cast.world.now)
    outages.end(outage, "It works again.", now=cast.world.now)
    while fanning.plan_due(cast.world.now):
        pass
    assert not Delivery.objects.exists()
    cast.world.sweep()
    start, end = Delivery.objects.order_by("pk")
    assert (f"Resolved: {sure(start.content).subject}", start.data["after"], end.data["after"]) == (
        sure(end.content).subject,
        None,
        str(start.key),
    )
    assert start.recipient_name == end.recipient_name == "ana"


def test_the_end_is_not_planned_before_the_start_has_been(cast):
    """B97: or else who comes late in the list would be told the start alone."""
    names = [f"p{number}" for number in range(5)]
    for name in names:
        cast.asks(name, cast.here)
    outage = cast.announce()
    fanning.plan_due(cast.world.now, most=2)
    outages.end(outage, "It works again.", now=cast.world.now)
    Message.objects.filter(update__kind="announcement").update(due_at=cast.world.now + timedelta(seconds=1))
    assert not fanning.plan_due(cast.world.now)
    cast.world.advance(seconds=1)
    cast.plan()
    cast.world.sweep()
    assert sorted(cast.world.told()) == sorted(names * 2)


def test_somebody_told_meanwhile_or_deleted_does_not_hold_up_the_next_batch(cast):
    """Told once is a constraint: whatever the batches say."""
    ana, bo, cy = (cast.asks(name, cast.here) for name in ("ana", "bo", "cy"))
    cast.announce()
    fanning.plan_due(cast.world.now)
    batch = Batch.objects.get()
    content, data, due_at = batch.content, batch.data, batch.due_at
    Batch.objects.all().delete()
    for points in ([ana.pk], [ana.pk], [bo.pk], [cy.pk]):
        Batch.objects.create(content=content, data=data, due_at=due_at, contact_points=points)
    bo.recipient.delete()
    assert [batching.send_batch("bulk", lambda: cast.world.now) for _ in range(3)] == [1, 1, 0]
    assert cast.world.told() == ["ana", "cy"]
    assert not Batch.objects.exists()


def test_a_late_subscriber_gets_the_state_and_the_correction_not_the_correction_alone(cast):
    """bB8"""
    outage = cast.announce()
    cast.update(outage)
    outages.correct(outage, "It is product A only.", now=cast.world.now)
    cast.plan()
    bo = cast.asks("bo", cast.here)
    assert fanning.catch_up([bo.pk], now=cast.world.now) == 2
    unpack()
    kinds = [each.content.message.update.kind for each in bo.deliveries.order_by("content_id")]
    assert kinds == ["progress", "correction"]
    assert fanning.catch_up([bo.pk], now=cast.world.now) == 0


def test_what_waits_for_the_end_of_quiet_hours_is_replaced_by_what_is_newer(cast):
    """bB13: at seven comes the end alone, not an announcement with a promise that has passed; a correction stays beside it."""
    asleep, brief, awake = (cast.asks(*how, cast.here) for how in (["asleep"], ["brief"], ["awake"]))
    brief.subscriptions.update(kinds="ends")
    for point in (asleep, brief):
        Subscriber.objects.create(recipient=point.recipient, quiet_from=time(0), quiet_until=time(20), time_zone="UTC")
    now = cast.world.now
    outage = cast.announce()
    for act in (
        lambda: cast.update(outage),
        lambda: outages.end(outage, "It works again.", now=now),
        lambda: outages.correct(outage, "Product A only.", now=now),
    ):
        while fanning.plan_due(now):
            pass
        act()
    cast.plan()
    told = {
        point: {each.content.message.update.kind: each.state for each in point.deliveries.order_by("content")}
        for point in (asleep, brief, awake)
    }
    rest = {"end": "pending", "correction": "pending"}
    assert told[asleep] == {"announcement": "suppressed", "progress": "suppressed", **rest}
    assert told[brief] == {"announcement": "suppressed", **rest}
    assert told[awake] == {"announcement": "pending", "progress": "pending", **rest}
    assert Delivery.objects.filter(state="suppressed").values_list("reason", flat=True)[0] == fanning.REPLACED


def test_people_who_have_left_are_told_nothing_more(cast):
    """bB4: neither what is planned from now on nor what waits; their links are dead; if they come back, all is as it was."""
    eve = cast.world.person("eve")
    point = eve.recipient.contact_points.get()
    cast.joins(point, cast.here)
    cast.asks("ana", cast.here)
    outage = cast.announce()
    assert fanning.audience_of(Message.objects.get(), cast.world.now) == {"memory": 2}
    while fanning.plan_due(cast.world.now):
        pass
    reader, paths = Client(), [links.path(name, point) for name in ("manage", "unsubscribe", "feed")]
    paths.append(asking.path("confirm", point))
    assert {reader.get(path).status_code for path in paths} == {200}
    User.objects.filter(pk=eve.pk).update(is_active=False)
    assert cast.plan() == ["ana"], "what was planned before is not sent"
    cast.update(outage)
    assert fanning.audience_of(sure(Message.objects.last()), cast.world.now) == {"memory": 1}
    assert audience.of(outage).people == 1 and cast.plan() == ["ana"]
    assert {reader.get(path).status_code for path in paths} == {404}
    assert reader.post(paths[0], {"do": "save"}).status_code == 404
    User.objects.filter(pk=eve.pk).update(is_active=True)
    cast.update(outage)
    assert cast.plan() == ["Eve", "ana"]


def test_no_priority_is_less_important_than_any(cast):
    """bB5, B142: after it is taken away, who was told hears on, and nobody new does, least of all who wants P1 only."""
    urgent = Priority.objects.create(level=1, name="P1", tells_stakeholders=True)
    cast.asks("ana", cast.here)
    outage = cast.announce()
    assert cast.plan() == ["ana"]
    late, choosy = cast.asks("late", cast.here), cast.asks("choosy", cast.here, least_priority=1)
    outages.change_priority(outage, None, reason="a false alarm", now=cast.world.now)
    cast.update(outage)
    assert cast.plan() == ["ana"] and fanning.catch_up([late.pk, choosy.pk], now=cast.world.now) == 0
    outage.refresh_from_db()
    assert audience.level_of(outage) > 5 and audience.of(outage).people == 2
    outages.change_priority(outage, urgent, reason="no, it is real", now=cast.world.now)
    cast.update(outage)
    assert cast.plan() == ["ana", "late", "choosy"]
    outages.end(outage, "Over.", now=cast.world.now)
    assert cast.plan() == ["ana", "late", "choosy"]
