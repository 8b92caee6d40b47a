"""The outbox: claims, leases, fencing, failures. Every row of faults.md that ends in it is named."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from dispatching import sweep
from dispatching.alerts import lifecycle
from dispatching.channels import ChannelError, Outcome, memory
from dispatching.delivery import delivering
from dispatching.models import Attempt, ContactPoint, Delivery
from dispatching.rules.contact import chain, retry_after
from tests.sure import sure

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LEASE = timedelta(seconds=30)


def outcomes(delivery: Delivery) -> list[str]:
    return list(delivery.attempts.values_list("outcome", flat=True))


@pytest.fixture
def page(world):
    """One page for Ana, planned and not yet sent; Bo is the next step."""
    ana, bo = world.person("ana"), world.person("bo")
    service = world.service(world.policy((HOUR, ana), (HOUR, bo)))
    memory.fail_next()
    world.alert = world.trigger(service)
    world.now += MINUTE
    return Delivery.objects.get()


@pytest.fixture
def meanwhile(monkeypatch):
    """Takes what happens, once, after the last look at a delivery and before the provider's answer."""
    happens: list[Callable[[], object]] = []
    send = memory.send

    def sending(envelope):
        if happens:
            happens.pop()()
        return send(envelope)

    monkeypatch.setattr(memory, "send", sending)
    return happens.append


def test_a_delivery_is_claimed_once(world, page):
    """B5: hearing the alarm five times sends one page."""
    claims = [delivering.claim_next("page", now=world.now) for _ in range(5)]
    assert [claim is not None for claim in claims] == [True, False, False, False, False]


def test_an_alarm_for_an_older_attempt_does_nothing(world, page):
    """B5, B12: the token of the alarm is the attempt."""
    assert delivering.claim(page.pk, 0, "page", now=world.now) is None
    assert delivering.claim(page.pk, 1, "page", now=world.now)


def test_due_means_due_now_or_before(world, page):
    """A22"""
    Delivery.objects.update(due_at=world.now)
    assert delivering.claim_next("page", now=world.now - SECOND) is None
    assert delivering.claim_next("page", now=world.now)


def test_a_sender_that_died_before_the_call_is_taken_over_after_its_lease(world, page):
    """A2, W3: exactly one page; the attempt that was lost shows as unknown (A3, W5)."""
    assert delivering.claim_next("page", now=world.now)
    world.advance(seconds=29)
    assert world.told() == []
    world.advance(seconds=1)
    assert world.told() == ["ana"]
    page.refresh_from_db()
    assert (page.state, outcomes(page)) == ("sent", ["temporary", "unknown", "accepted"])


def test_a_resend_after_a_crash_carries_the_same_key(world, page):
    """A3, A4, W5, W6: the provider accepted, we died before recording it."""
    claim = sure(delivering.claim_next("page", now=world.now))
    envelope = delivering.envelope(
        Delivery.objects.select_related("contact_point").get(pk=claim.delivery_id), at=world.now
    )
    memory.send(envelope)
    world.advance(seconds=30)
    first, second = memory.outbox
    assert first == second


def test_a_frozen_sender_that_wakes_does_not_call_the_provider(world, page):
    """A13, W13: frozen for 112 s after its claim, overtaken meanwhile."""
    frozen = sure(delivering.claim_next("page", now=world.now))
    world.advance(seconds=112)
    assert world.told() == ["ana"]
    assert delivering.deliver(frozen, now=world.now) is None
    assert world.told() == []


def test_a_sender_overtaken_during_its_call_does_not_record(world, page, meanwhile):
    """A13: fenced by the attempt number."""
    frozen, before = sure(delivering.claim_next("page", now=world.now)), []

    def overtake():
        world.advance(seconds=30)
        before.append(Delivery.objects.values().get())

    meanwhile(overtake)
    assert delivering.deliver(frozen, now=world.now) is None
    assert [Delivery.objects.values().get()] == before


def test_a_frozen_sender_that_wakes_while_another_is_sending_leaves_it_alone(world, page):
    """A13: the older attempt does not call."""
    frozen = sure(delivering.claim_next("page", now=world.now))
    world.now += LEASE
    second = sure(delivering.claim_next("page", now=world.now))
    assert delivering.deliver(frozen, now=world.now) is None
    page.refresh_from_db()
    assert (world.told(), page.state, page.attempt) == ([], "sending", second.attempt)


def test_a_sender_overtaken_during_its_call_by_one_that_is_still_sending_does_not_record(world, page, meanwhile):
    """A13: nor does it record."""
    frozen, second = sure(delivering.claim_next("page", now=world.now)), []
    meanwhile(lambda: second.append(sure(delivering.claim_next("page", now=world.now + LEASE))))
    assert delivering.deliver(frozen, now=world.now) is None
    page.refresh_from_db()
    assert (page.state, page.attempt) == ("sending", second[0].attempt)


def test_the_provider_times_out_long_before_the_lease_ends(settings):
    """A14"""
    assert settings.PROVIDER_TIMEOUT < settings.LEASE_SECONDS / 2


def test_an_acknowledgement_between_claim_and_send_stops_the_call(world, page):
    """A18, W8"""
    claim = sure(delivering.claim_next("page", now=world.now))
    lifecycle.acknowledge(world.alert, now=world.now)
    sent = sure(delivering.deliver(claim, now=world.now))
    assert (world.told(), sent.state, sent.reason) == ([], "suppressed", "acknowledged by the source")


def test_an_acknowledgement_stops_a_page_whose_sender_died(world, page):
    """A18 with A2"""
    delivering.claim_next("page", now=world.now)
    lifecycle.acknowledge(world.alert, now=world.now)
    world.advance(minutes=5)
    page.refresh_from_db()
    assert (world.told(), page.state) == ([], "suppressed")


def test_an_acknowledgement_during_a_failing_call_stops_the_retry(world, page, meanwhile):
    """A18: the call fails for now, after the acknowledgement; it is not tried again."""
    claim = sure(delivering.claim_next("page", now=world.now))
    meanwhile(lambda: lifecycle.acknowledge(world.alert, now=world.now))
    memory.fail_next()
    delivering.deliver(claim, now=world.now)
    world.advance(hours=1)
    page.refresh_from_db()
    assert (world.told(), page.state) == ([], "suppressed")


def test_a_page_that_kills_every_sender_is_given_up_and_the_next_step_comes_forward(world, page):
    """A16"""
    for _ in range(delivering.MAX_ATTEMPTS - 1):
        assert delivering.claim_next("page", now=world.now)
        world.now += LEASE
    world.sweep()
    page.refresh_from_db()
    assert page.state == "dead" and "survived" in page.reason
    assert world.told() == ["bo"]


@pytest.mark.parametrize(("outcome", "pages"), [(Outcome.AWAY, 2), (Outcome.TEMPORARY, 1)])
def test_pages_that_wait_because_the_medium_was_away_go_out_when_it_is_back(world, outcome, pages):
    """The first page that gets out shows that it is back; a mailbox that wants a pause gets it."""
    first, second = (world.service(world.policy((HOUR, world.person(name))), name=name) for name in ("ann", "ben"))
    memory.fail_next(3, outcome=outcome)
    world.trigger(first)
    world.advance(seconds=30)
    assert world.told() == [] and Delivery.objects.get(address="").attempt == 3
    world.trigger(second)
    assert world.told() == ["ben", "ann"][:pages]
    world.advance(minutes=3)
    assert world.told() == ["ann"][: 2 - pages]


def test_a_temporary_failure_is_a_new_due_time(world, page):
    """G3: back-off, then the end; never endless."""
    memory.fail_next(delivering.MAX_ATTEMPTS)
    world.advance(minutes=40)
    page.refresh_from_db()
    assert outcomes(page) == ["temporary"] * delivering.MAX_ATTEMPTS
    assert page.state == "failed" and "mailbox full" in page.reason
    assert world.told() == ["bo"]


def test_a_call_whose_outcome_nobody_knows_is_recorded_as_unknown_and_made_again(world, page, monkeypatch):
    """G1"""
    answers, send = [ChannelError("the connection broke", outcome=Outcome.UNKNOWN)], memory.send

    def breaking(envelope):
        receipt = send(envelope)
        if answers:
            raise answers.pop()
        return receipt

    monkeypatch.setattr(memory, "send", breaking)
    world.advance(minutes=1)
    assert outcomes(page) == ["temporary", "unknown", "accepted"]
    first, second = memory.outbox
    assert first.key == second.key


def test_a_provider_that_asks_for_time_gets_it(world, page):
    """G2"""
    memory.fail_next(retry_after=300)
    world.sweep()
    page.refresh_from_db()
    assert page.due_at == world.now + timedelta(seconds=300)


def test_a_permanent_failure_is_final_and_brings_the_next_step_forward(world, page):
    """G16"""
    memory.fail_next(outcome=Outcome.PERMANENT, reason="no such mailbox")
    world.sweep()
    page.refresh_from_db()
    assert (page.state, page.reason, world.told()) == ("failed", "no such mailbox", ["bo"])


def test_a_permanent_failure_brings_the_persons_next_contact_point_forward(world):
    """A47, F7"""
    ana = world.person("ana", points=2, after={"ana": timedelta(0), "ana-2": 20 * MINUTE})
    memory.fail_next(outcome=Outcome.PERMANENT)
    world.trigger(world.service(world.policy((HOUR, ana), (HOUR, world.person("bo")))))
    assert world.told() == ["ana-2"]


def test_one_of_two_failing_for_good_does_not_bring_the_next_step_forward(world):
    """G8"""
    memory.fail_next(outcome=Outcome.PERMANENT)
    team = world.team("T", world.person("ana"), world.person("bo"))
    world.trigger(world.service(world.policy((HOUR, team), (HOUR, world.person("cy")))))
    assert len(world.told()) == 1
    world.advance(minutes=59)
    assert world.told() == []


def test_a_follow_up_that_was_lost_is_swept(world, page):
    """The failure is committed, the process dies before it is followed up: the row is still due."""
    claim = sure(delivering.claim_next("page", now=world.now))
    memory.fail_next(outcome=Outcome.PERMANENT)
    assert sure(delivering.deliver(claim, now=world.now)).state == "failed"
    world.sweep()
    assert world.told() == ["bo"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"disabled_reason": "STOP"}, "disabled: STOP"), ({"verified": False}, "no longer verified"), (None, "deleted")],
)
def test_a_contact_point_lost_while_a_page_waits_fails_it_and_the_next_rule_comes(world, page, change, reason):
    """F7"""
    points = ContactPoint.objects.filter(recipient__user__username="ana")
    points.update(**change) if change else points.delete()
    world.sweep()
    page.refresh_from_db()
    assert page.state == "failed" and reason in page.reason
    assert world.told() == ["bo"]


def test_an_address_changed_while_a_page_waits_is_used(world, page):
    """F8: the new address, never the old one."""
    ContactPoint.objects.filter(recipient__user__username="ana").update(address="ana-new")
    world.sweep()
    page.refresh_from_db()
    assert (world.told(), page.address) == (["ana-new"], "ana-new")


def test_a_fault_in_a_channel_is_one_deliverys_trouble(world, monkeypatch):
    """G8, A15: one address makes the channel raise; the others go out."""
    people = [world.person(name) for name in ("ana", "bo", "cy")]
    send = memory.send

    def faulty(envelope):
        if envelope.address == "bo":
            raise RuntimeError("a fault")
        return send(envelope)

    monkeypatch.setattr(memory, "send", faulty)
    world.trigger(world.service(world.policy((HOUR, world.team("T", *people)))))
    assert world.told() == ["ana", "cy"]
    assert Attempt.objects.get(delivery__recipient_name="Bo").reason == "unexpected: RuntimeError"


def test_the_page_queue_does_not_wait_for_the_bulk_queue(world, page):
    """B13"""
    Delivery.objects.bulk_create(
        Delivery(
            queue="bulk", contact_point=page.contact_point, channel="memory", recipient_name="x", subject="s", body="b",
            created_at=world.now, due_at=world.now - HOUR,
        )
        for _ in range(10)
    )  # fmt: skip
    assert sure(delivering.claim_next("page", now=world.now)).delivery_id == page.pk


def test_oldest_first(world, page):
    """A24"""
    Delivery.objects.update(due_at=world.now - HOUR)
    world.trigger(world.service(world.policy((HOUR, world.person("dee"))), name="later"), key="later")
    assert world.told() == ["ana", "dee"]


MINUTES = [timedelta(minutes=n) for n in range(10)]


@pytest.mark.parametrize(
    ("usable", "rules", "expected"),
    [
        ([1, 2], [], [(1, MINUTES[0]), (2, MINUTES[0])]),
        ([1, 2], [(2, MINUTES[0]), (1, MINUTES[5])], [(2, MINUTES[0]), (1, MINUTES[5])]),
        ([1, 2], [(1, MINUTES[5])], [(1, MINUTES[0])]),
        # The first of the chain is unusable: the others move up, nobody waits for it.
        ([1, 2], [(3, MINUTES[0]), (1, MINUTES[2]), (2, MINUTES[5])], [(1, MINUTES[0]), (2, MINUTES[3])]),
        # Rules that name only unusable contact points silence nothing.
        ([1], [(3, MINUTES[0])], [(1, MINUTES[0])]),
        ([], [(3, MINUTES[0])], []),
    ],
)
def test_a_persons_chain(usable, rules, expected):
    """A47"""
    assert chain(usable, rules) == expected


@pytest.mark.parametrize(
    ("attempt", "hint", "seconds"), [(1, None, 5), (3, None, 45), (9, None, 300), (1, 60, 60), (5, 1, 300)]
)
def test_retry_delays(attempt, hint, seconds):
    assert retry_after(attempt, hint=hint) == timedelta(seconds=seconds)


def test_a_sweep_records_that_it_was_completed(world):
    """N6"""
    sweep.sweep(lambda: world.now)
    assert sweep.SweepRecord.objects.get(name="sweep").completed_at == world.now
