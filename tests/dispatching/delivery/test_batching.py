"""Deliveries that share their words go out by the batch; what holds for one that goes alone holds for each of these."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import Value
from django.db.models.functions import Concat

from dispatching import sweep
from dispatching.channels import ChannelError, Outcome, memory
from dispatching.channels.shared_words import mark
from dispatching.contact import links as contact_links
from dispatching.delivery import batches_sql, batching, delivering
from dispatching.models import Attempt, Batch, ContactPoint, Content, Delivery, Recipient
from tests.sure import sure

SECOND, LEASE, DAY = timedelta(seconds=1), timedelta(seconds=30), timedelta(days=1)


@pytest.fixture
def news(world, settings):
    """A message for p0, p1 … p4, planned and not yet sent."""
    settings.ROOT_URLCONF = "tests.dispatching.links"
    content = Content.objects.create(
        subject="Log-on fails",
        text=f"It fails.\n{mark('parts')}\n{mark('manage')}",
        html=f"<p>It fails.</p>{mark('parts')}",
        short="fails",
        parts={"1": {"text": "- EU", "html": "<li>EU</li>"}, "2": {"text": "- US", "html": "<li>US</li>"}},
        links=["manage", "unsubscribe"],
        data={"outage": {"id": 3}, "version": 1},
        created_at=world.now,
    )
    return plan(world, content, 5)


def plan(world, content, count, *, channel="memory", first=0):
    for number in range(first, first + count):
        recipient = Recipient.objects.create(display_name=f"P{number}")
        point = ContactPoint.objects.create(recipient=recipient, channel=channel, address=f"p{number}", verified=True)
        Delivery.objects.create(
            queue="bulk", content=content, contact_point=point, channel=channel, recipient_name=f"P{number}",
            data={"parts": ["1"], "after": None}, created_at=world.now, due_at=world.now,
        )  # fmt: skip
    return content


def send(world, **more) -> int:
    return batching.send_batch("bulk", lambda: world.now, **more)


def states() -> dict[str, int]:
    return dict(Counter(Delivery.objects.values_list("state", flat=True)))


def outcomes() -> dict[str, int]:
    return dict(Counter(Attempt.objects.values_list("outcome", flat=True)))


def test_everybody_gets_it_once_and_each_is_on_record(world, news):
    assert send(world) == 5
    assert send(world) == 0
    assert world.told() == ["p0", "p1", "p2", "p3", "p4"]
    assert set(Delivery.objects.values_list("state", "attempt", "address", "due_at")) == {
        ("sent", 1, f"p{number}", None) for number in range(5)
    }
    assert (outcomes(), Delivery.objects.exclude(sent_at=world.now).count()) == ({"accepted": 5}, 0)


def test_a_batch_takes_three_statements_whatever_its_size(world, news, django_assert_num_queries):
    send(world)
    plan(world, news, 40, first=5)
    with django_assert_num_queries(3):
        assert send(world) == 40


def test_each_gets_its_own_passages_and_links(world, news):
    Delivery.objects.filter(recipient_name="P1").update(data={"parts": ["1", "2"], "after": None})
    send(world)
    first, second = memory.outbox[:2]
    points = ContactPoint.objects.order_by("pk")
    links = [contact_links.url("manage", point) for point in points[:2]]
    assert first.body == f"It fails.\n- EU\n{links[0]}"
    assert second.body == f"It fails.\n- EU\n- US\n{links[1]}"
    assert (first.brief, first.subject) == ("fails", "Log-on fails")


def test_machines_get_the_data_and_the_links(world, news):
    send(world)
    envelope, point = memory.outbox[0], ContactPoint.objects.order_by("pk")[0]
    assert envelope.data == {
        "id": Delivery.objects.order_by("pk")[0].key.hex,
        "outage": {"id": 3},
        "version": 1,
        "url": contact_links.url("manage", point),
        "unsubscribe_url": contact_links.url("unsubscribe", point),
    }


def test_links_are_of_the_version_of_now(world, news):
    contact_links.revoke(ContactPoint.objects.get(address="p0"))
    send(world)
    point = ContactPoint.objects.get(address="p0")
    assert point.link_version == 2 and contact_links.url("manage", point) in memory.outbox[0].body


def test_a_temporary_failure_is_a_new_due_time_for_that_one_only(world, news):
    """G3"""
    memory.fail_next()
    send(world)
    assert states() == {"pending": 1, "sent": 4}
    assert Delivery.objects.get(state="pending").due_at == world.now + 5 * SECOND
    world.advance(seconds=5)
    assert (states(), outcomes()) == ({"sent": 5}, {"temporary": 1, "accepted": 5})


def test_failing_for_now_comes_to_an_end(world, news):
    """G3"""
    memory.fail_next(5 * delivering.MAX_ATTEMPTS)
    world.advance(minutes=40)
    assert (states(), outcomes()) == ({"failed": 5}, {"temporary": 30})


def test_a_permanent_failure_is_final_for_that_one_only(world, news):
    """G16: it stays due until whoever shared the words has looked at it."""
    memory.fail_next(outcome=Outcome.PERMANENT, reason="no such mailbox")
    world.sweep()
    assert (states(), outcomes()) == ({"failed": 1, "sent": 4}, {"permanent": 1, "accepted": 4})
    failed = Delivery.objects.get(state="failed")
    assert (failed.reason, failed.due_at) == ("no such mailbox", world.now)


def test_a_provider_that_asks_for_time_gets_it(world, news):
    """G2"""
    memory.fail_next(retry_after=300)
    send(world)
    assert Delivery.objects.get(state="pending").due_at == world.now + 300 * SECOND


def test_a_fault_in_a_channel_is_one_deliverys_trouble(world, news, monkeypatch):
    """A15, G8"""
    sending = memory.send

    def faulty(envelope):
        if envelope.address == "p2":
            raise RuntimeError("a fault")
        return sending(envelope)

    monkeypatch.setattr(memory, "send", faulty)
    send(world)
    assert (states(), world.told()) == ({"sent": 4, "pending": 1}, ["p0", "p1", "p3", "p4"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"disabled_reason": "STOP"}, "disabled: STOP"), ({"verified": False}, "no longer verified"), (None, "deleted")],
)
def test_a_contact_point_lost_while_it_waits_is_not_written_to(world, news, change, reason):
    """F7"""
    point = ContactPoint.objects.filter(address="p0")
    point.update(**change) if change else point.delete()
    send(world)
    failed = Delivery.objects.get(state="failed")
    assert reason in failed.reason
    assert world.told() == ["p1", "p2", "p3", "p4"]


def test_what_is_too_late_is_not_sent(world, news):
    Delivery.objects.filter(recipient_name="P0").update(expires_at=world.now)
    send(world)
    assert (states(), outcomes()) == ({"suppressed": 1, "sent": 4}, {"accepted": 4})


def leaving(world, name, *, after, moment):
    """Who leaves while the batch is being sent: after so many mails, with the clock moved on by so much."""
    sending = memory.send

    def send(envelope):
        receipt = sending(envelope)
        if len(memory.outbox) == after:
            delivering.suppress(Delivery.objects.filter(recipient_name=name).values_list("pk"), "left", now=world.now)
            world.now += moment
        return receipt

    return send


def test_who_unsubscribes_in_the_middle_of_a_batch_is_not_written_to(world, news, monkeypatch):
    """Must show 3; A18"""
    moment = batching.FRESH + timedelta(milliseconds=1)
    monkeypatch.setattr(memory, "send", leaving(world, "P3", after=2, moment=moment))
    send(world)
    assert world.told() == ["p0", "p1", "p2", "p4"]
    left = Delivery.objects.get(recipient_name="P3")
    assert (left.state, left.reason) == ("suppressed", "left")


def test_who_has_unsubscribed_is_not_written_to(world, news):
    delivering.suppress(Delivery.objects.filter(recipient_name="P3").values_list("pk"), "left", now=world.now)
    assert send(world) == 4
    assert world.told() == ["p0", "p1", "p2", "p4"]


def test_a_slow_provider_does_not_outlive_the_lease(world, news, monkeypatch):
    """A14: what there is no time for is given back, and nothing counts against it."""
    monkeypatch.setattr(memory, "send", leaving(world, "nobody", after=2, moment=batching.LONGEST + SECOND))
    send(world)
    assert states() == {"sent": 2, "pending": 3}
    assert set(Delivery.objects.filter(state="pending").values_list("attempt", "due_at")) == {(0, world.now)}
    send(world)
    assert (states(), outcomes()) == ({"sent": 5}, {"accepted": 5})


def test_the_longest_batch_and_one_more_call_end_before_the_lease(settings):
    """A14"""
    assert batching.LONGEST.total_seconds() + settings.PROVIDER_TIMEOUT < settings.LEASE_SECONDS


def test_a_worker_that_is_told_to_stop_gives_the_rest_back(world, news):
    assert send(world, going=lambda: len(memory.outbox) < 2) == 5
    assert (states(), world.told()) == ({"sent": 2, "pending": 3}, ["p0", "p1"])
    send(world)
    assert world.told() == ["p2", "p3", "p4"]


def test_who_left_while_it_was_given_back_is_not_written_to(world, news):
    claims = batching._claim("bulk", now=world.now)
    delivering.suppress(list(claims), "left", now=world.now)
    batching._run(batches_sql.GIVE_BACK, claims, now=world.now, why="")
    send(world)
    assert (states(), world.told()) == ({"suppressed": 5}, [])


def test_a_sender_killed_in_the_middle_loses_nobody_and_only_its_batch_may_come_twice(world, news):
    """Must show 3; A3, W5: it has sent the batch and recorded nothing of it."""
    claims = batching._claim("bulk", now=world.now)
    for delivery in batching._look(claims).values():
        batching._try_to_send(delivery, lambda: world.now)
    before = [envelope.key for envelope in memory.outbox]
    world.advance(seconds=30)
    again = [envelope.key for envelope in memory.outbox][5:]
    assert sorted(before) == sorted(again)
    assert (states(), outcomes()) == ({"sent": 5}, {"unknown": 5, "accepted": 5})


def test_a_mail_that_kills_every_sender_takes_nobody_along(world, news):
    """A16: after the first time each goes alone."""
    assert len(batching._claim("bulk", now=world.now)) == 5
    world.now += LEASE
    assert batching._claim("bulk", now=world.now) == {}
    assert sure(delivering.claim_next("bulk", now=world.now)).takeover


def test_a_frozen_sender_that_wakes_sends_nothing_and_records_nothing(world, news):
    """A13, W13"""
    frozen = batching._claim("bulk", now=world.now)
    looked = batching._look(frozen)
    world.now += LEASE
    world.sweep()
    before = list(Delivery.objects.order_by("pk").values())
    heard = len(memory.outbox)
    assert batching._look(frozen) == {}
    results = [batching._try_to_send(delivery, lambda: world.now) for delivery in list(looked.values())[:1]]
    batching._record(results)
    batching._run(batches_sql.GIVE_BACK, frozen, now=world.now, why="")
    assert list(Delivery.objects.order_by("pk").values()) == before
    assert (len(memory.outbox), Attempt.objects.filter(outcome="accepted").count()) == (heard + 1, 5)


def test_a_batch_is_no_larger_than_what_may_come_twice(world, news):
    plan(world, news, batching.BATCH, first=5)
    assert send(world) == batching.BATCH
    assert send(world) == 5


def test_what_has_words_of_its_own_waits_for_no_batch(world, news):
    """B13"""
    point = ContactPoint.objects.get(address="p0")
    Delivery.objects.create(
        queue="bulk", contact_point=point, channel="memory", recipient_name="x", subject="s", body="b",
        created_at=world.now, due_at=world.now,
    )  # fmt: skip
    assert sweep.deliver_next("bulk", world.now)
    assert not sweep.deliver_next("bulk", world.now)
    assert [envelope.subject for envelope in memory.outbox] == ["s"]


def test_a_sweep_sends_what_no_alarm_has_rung_for(world, news):
    """B1, B2"""
    sweep.sweep(lambda: world.now)
    assert states() == {"sent": 5}


def test_quiet_hours_are_kept(world, news):
    Delivery.objects.filter(recipient_name="P0").update(due_at=world.now + SECOND)
    assert send(world) == 4
    world.advance(seconds=1)
    assert len(world.told()) == 5


# --- patience ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def patient(world, news):
    """The same message, which is of use for a day."""
    Delivery.objects.update(expires_at=world.now + DAY)
    return news


def test_news_are_tried_for_as_long_as_they_are_of_use(world, patient):
    """G3: ten tries in the first hour, then one an hour, each at another moment."""
    memory.fail_next(10**4)
    world.advance(minutes=75)
    tries = Counter(Attempt.objects.values_list("delivery", flat=True))
    assert all(11 <= count <= 12 for count in tries.values()), tries
    assert len(set(Delivery.objects.values_list("due_at", flat=True))) == 5
    world.advance(hours=24)
    assert (states(), world.told()) == ({"failed": 5}, [])
    assert all(28 <= count <= 35 for count in Counter(Attempt.objects.values_list("delivery", flat=True)).values())


def test_a_mailbox_that_recovers_within_the_day_gets_its_news(world, patient):
    memory.fail_next(5 * 15)
    world.advance(hours=12)
    assert states() == {"sent": 5}


def failing_for_an_hour(world) -> None:
    """Then they are due, and whatever was wrong has been mended."""
    memory.fail_next(10**4)
    world.advance(hours=1)
    assert states() == {"pending": 5}
    Delivery.objects.update(due_at=world.now)
    memory.clear()
    world._heard = 0


def test_news_that_have_failed_for_hours_survive_a_killed_sender(world, patient):
    """A16: only attempts that died count for that, and so many of them still end it."""
    failing_for_an_hour(world)
    assert len(batching._claim("bulk", now=world.now)) == 5
    world.advance(seconds=30)
    assert states() == {"sent": 5}


def test_news_that_kill_every_sender_are_given_up(world, patient):
    """A16"""
    failing_for_an_hour(world)
    assert batching._claim("bulk", now=world.now)
    for _ in range(delivering.MAX_ATTEMPTS):
        world.now += LEASE
        while delivering.claim_next("bulk", now=world.now):
            pass
    world.now += LEASE
    world.sweep()
    assert states() == {"dead": 5}


def test_pages_keep_their_own_pace(world):
    """A provider that does not take our sender: the next contact point comes forward at once."""
    recipient = Recipient.objects.create(display_name="Ana")
    point = ContactPoint.objects.create(recipient=recipient, channel="memory", address="ana", verified=True)
    page = Delivery.objects.create(
        contact_point=point, channel="memory", subject="s", body="b", created_at=world.now, due_at=world.now
    )
    memory.fail_next(outcome=Outcome.AWAY, final=True)
    sweep.deliver_next("page", world.now)
    page.refresh_from_db()
    assert page.state == "failed"


# --- a provider that is away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("final", [False, True])
def test_when_the_provider_is_away_the_whole_batch_waits_and_no_attempt_counts(world, patient, final):
    """One call finds it out; whether it says so for now or for good, it is about us and will be mended."""
    memory.fail_next(outcome=Outcome.AWAY, final=final, reason="no connection to the mail server")
    assert send(world) == 5
    waiting = Delivery.objects.values_list("state", "attempt", "due_at", "reason")
    assert set(waiting) == {("pending", 0, world.now, "no connection to the mail server")}
    assert (outcomes(), memory._failures, send(world)) == ({}, [], 0)


def test_a_provider_that_is_away_for_minutes_costs_nobody_the_message(world, patient):
    """Eight minutes would have used up six attempts. It is asked now and then, by one mail."""
    memory.fail_next(16, outcome=Outcome.AWAY)
    begin = world.now
    while states() != {"sent": 5}:
        world.now += timedelta(seconds=10)
        world.sweep()
        assert world.now - begin < timedelta(minutes=10)
    assert world.now - begin >= 15 * batching.PAUSE
    assert outcomes() == {"accepted": 5}


def test_what_a_batch_sent_before_the_provider_went_away_is_on_record(world, patient, monkeypatch):
    sending = memory.send

    def send_two(envelope):
        if len(memory.outbox) == 2:
            raise ChannelError("no connection to the mail server", outcome=Outcome.AWAY)
        return sending(envelope)

    monkeypatch.setattr(memory, "send", send_two)
    send(world)
    assert (states(), outcomes()) == ({"sent": 2, "pending": 3}, {"accepted": 2})


def test_another_channel_does_not_wait_for_it(world, patient, webhook):
    plan(world, patient, 1, channel="webhook", first=5)
    ContactPoint.objects.filter(channel="webhook").update(address=webhook.address)
    memory.fail_next(outcome=Outcome.AWAY)
    assert (send(world), states(), memory._failures) == (6, {"pending": 5, "sent": 1}, [])


def test_a_batch_that_is_taken_up_while_the_provider_is_away_waits_without_a_call(world, patient):
    """It is of use for a day from when it was due, then."""
    memory.fail_next(outcome=Outcome.AWAY)
    send(world)
    content = Content.objects.create(subject="Later", text="It still fails.", created_at=world.now)
    points = list(ContactPoint.objects.order_by("pk").values_list("pk", flat=True))
    Batch.objects.create(content=content, contact_points=points, data={"parts": []}, due_at=world.now)
    assert (send(world), send(world), states()) == (5, 0, {"pending": 10})
    made = Delivery.objects.filter(content=content)
    assert set(made.values_list("attempt", "due_at", "expires_at")) == {(0, world.now, world.now + DAY)}
    world.now += batching.PAUSE
    world.sweep()
    assert states() == {"sent": 10}


def test_who_leaves_meanwhile_is_not_written_to_when_it_is_back(world, patient):
    """Must show 3"""
    memory.fail_next(outcome=Outcome.AWAY)
    send(world)
    delivering.suppress(Delivery.objects.filter(recipient_name="P0").values_list("pk"), "left", now=world.now)
    world.now += batching.PAUSE
    send(world)
    assert world.told() == ["p1", "p2", "p3", "p4"]
    assert Delivery.objects.get(recipient_name="P0").reason == "left"


def test_what_expires_meanwhile_is_not_sent(world, patient):
    memory.fail_next(outcome=Outcome.AWAY)
    send(world)
    world.now += DAY
    world.sweep()
    assert (states(), world.told()) == ({"suppressed": 5}, [])


def test_mail_that_cannot_be_handed_over_waits_for_the_server(world, patient, mail):
    """Over a real connection: the server is gone, and comes back."""
    Delivery.objects.update(channel="email")
    ContactPoint.objects.update(channel="email", address=Concat("address", Value("@example.org")))
    mail.server.mail += ["421 4.3.2 shutting down", "421 4.3.2 shutting down"]
    for _ in range(2):
        assert send(world) == 5
        assert states() == {"pending": 5}
        world.now += batching.PAUSE
    send(world)
    assert (states(), len(mail.server.mails)) == ({"sent": 5}, 5)
