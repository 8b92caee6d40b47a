"""Asking, confirming, choosing, leaving, being forgotten: what the address is told, and what stays on record."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

from dispatching.channels import memory
from dispatching.channels.webhook import PROVED
from dispatching.contact import links
from dispatching.delivery import delivering
from dispatching.models import Attempt, Batch, ContactPoint, Content, Delivery, Recipient
from schedules.refused import Refused
from stakeholders.groups.joining import Wish
from stakeholders.models import Quota, SignUp, Subscription, Suppression
from stakeholders.news import fanning, outages
from stakeholders.subscriptions import addresses, quota, sign_ups, subscribing
from tests.sure import sure

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def ask(world, address="vi@example.org", groups=None, **more) -> ContactPoint | None:
    return subscribing.ask("memory", address, groups or [world.open], now=world.now, **more)


def subscriber(world, address="vi@example.org", groups=None) -> ContactPoint:
    point = sure(ask(world, address, groups))
    subscribing.confirm(point, now=world.now)
    point.refresh_from_db()
    return point


def states(point) -> list[tuple[str, str]]:
    return [(row.group.name, row.state) for row in Subscription.objects.filter(contact_point=point)]


def news(point: ContactPoint, world, *groups, state="pending") -> Delivery:
    """News on its way to this contact point, for these groups."""
    content = Content.objects.create(subject="s", text="t", created_at=world.now)
    return Delivery.objects.create(
        queue="bulk",
        content=content,
        contact_point=point,
        channel="memory",
        data={"parts": [str(group.pk) for group in groups]},
        state=state,
        created_at=world.now,
        due_at=world.now,
    )


# --- asking and confirming ---------------------------------------------------------------------------------------------


def test_asking_makes_an_address_without_login_that_is_asked_once_and_told_nothing_else(world):
    """B2, B112, B113"""
    point = sure(ask(world))
    assert (point.recipient.user, point.recipient.display_name, point.verified) == (None, "a subscriber", False)
    assert states(point) == [("Product A, everywhere", "asked")]
    row = Subscription.objects.get()
    assert (row.asked_at, row.asked_from, row.consent, row.confirmed_at) == (world.now, "form", "2026-11-28", None)
    world.work()
    assert world.told() == ["vi@example.org"]
    [mail] = memory.outbox
    assert "Product A, everywhere" in mail.body and "/subscriptions/confirm/" in mail.body
    assert "/subscriptions/not-me/" in mail.body


def test_an_unconfirmed_address_gets_no_other_delivery(world):
    """B2, invariant 11: whatever else is planned for it is refused at the last look."""
    point = sure(ask(world))
    world.work()
    delivery = news(point, world, world.open)
    claim = sure(delivering.claim(delivery.pk, 0, "bulk", now=world.now))
    assert sure(delivering.deliver(claim, now=world.now)).reason == "the contact point is no longer verified"
    assert world.told() == ["vi@example.org"]


def test_confirming_makes_it_hold(world):
    point = subscriber(world)
    assert point.verified
    assert Subscription.objects.get().confirmed_at == world.now
    assert states(point) == [("Product A, everywhere", "active")]


def test_confirming_twice_changes_nothing(world):
    point = subscriber(world)
    before = list(Subscription.objects.values_list())
    assert subscribing.confirm(point, now=world.now + DAY) == []
    assert list(Subscription.objects.values_list()) == before


def test_who_confirms_while_an_outage_goes_on_gets_the_state_as_of_now(world):
    """B98"""
    world.outage()
    point = subscriber(world)
    assert Batch.objects.get().contact_points == [point.pk]


def test_in_any_number_of_groups_at_once_and_asked_by_one_mail(world):
    """B14"""
    point = subscriber(world, groups=[world.open, world.europe])
    assert states(point) == [("Product A, everywhere", "active"), ("Europe", "active")]
    world.work()
    assert len(world.told()) == 1


def test_a_thousand_forms_for_one_victim_cause_one_mail_a_day(world, settings):
    """P1, Must show 6: by the way that forms take, past all other limits; `make bench-sign-up` sends ten thousand by HTTP."""
    settings.FORMS_IN_ALL = settings.FORMS_PER_NETWORK = 10_000
    spellings = ("vi@example.org", "VI@example.org", "vi+1@example.org", "vi+x@Example.org")
    for number in range(1000):
        wish = SignUp(
            channel="memory", address=spellings[number % 4], groups=[(world.open, world.europe)[number % 2].pk]
        )
        assert sign_ups.take(wish, ip=f"198.51.{number // 250}.{number % 250}", now=world.now)
    world.work()
    assert len(world.told()) == 1 and not SignUp.objects.exists()
    world.now += DAY - timedelta(seconds=1)
    ask(world)
    world.work()
    assert world.told() == []
    world.now += timedelta(seconds=1)
    ask(world)
    world.work()
    assert len(world.told()) == 1


def test_a_known_address_that_asks_again_gets_its_link_not_a_second_row(world):
    """P5"""
    point = subscriber(world)
    world.now += 2 * DAY
    ask(world, "VI@example.org")
    world.work()
    assert states(point) == [("Product A, everywhere", "active")]
    assert "/subscriptions/" in memory.outbox[-1].body and "confirm" not in memory.outbox[-1].body


def test_an_address_of_a_person_with_a_login_is_not_taken_over_before_it_is_verified(world):
    """Confirming a subscription must not make an address one for pages."""
    rep = world.person("rep", points=0)
    unverified = ContactPoint.objects.create(recipient=rep.recipient, channel="memory", address="vi@example.org")
    point = subscriber(world)
    unverified.refresh_from_db()
    assert point != unverified and not unverified.verified


def test_a_verified_address_of_a_person_with_a_login_is_used(world):
    """Invariant 12: one contact point, so one message."""
    rep = world.colleague()
    assert sure(ask(world, "REP")).recipient.user == rep


def test_not_me_suppresses_the_address_and_forgets_it(world):
    """P1"""
    point = sure(ask(world))
    subscribing.not_me(point, now=world.now)
    subscribing.not_me(point, now=world.now)
    assert [each.reason for each in Suppression.objects.all()] == ["not_me"]
    assert not ContactPoint.objects.filter(address__icontains="vi@").exists()
    assert ask(world, "Vi@Example.org") is None
    world.now += DAY
    world.work()
    assert world.told() == []


def test_unconfirmed_requests_are_deleted_after_a_week(world):
    """Part C: nothing of the address stays."""
    ask(world)
    world.work()
    world.now += timedelta(days=7) - timedelta(seconds=1)
    world.work()
    assert Subscription.objects.count() == 1
    world.now += timedelta(seconds=1)
    world.work()
    assert not Subscription.objects.exists() and not Recipient.objects.exists()
    assert not Delivery.objects.filter(address__icontains="vi@").exists()


def test_a_confirmed_address_stays_when_another_request_for_it_runs_out(world):
    point = subscriber(world)
    ask(world, groups=[world.europe])
    world.now += timedelta(days=7)
    world.work()
    assert states(point) == [("Product A, everywhere", "active")]


def test_a_form_that_cannot_be_answered_does_not_hold_up_the_others(world):
    """A15: it is tried again later."""
    for address in ("poison@example.org", "vi@example.org"):
        sign_ups.take(SignUp(channel="memory", address=address, groups=[world.open.pk]), ip="192.0.2.1", now=world.now)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE dispatching_contactpoint ADD CONSTRAINT no_poison CHECK (address NOT LIKE 'poison%') NOT VALID"
        )
    world.work()
    assert world.told() == ["vi@example.org"]
    assert SignUp.objects.get().due_at == world.now + timedelta(hours=1)


def test_a_form_for_groups_that_are_gone_leaves_no_address_behind(world):
    world.europe.delete()
    sign_ups.take(SignUp(channel="memory", address="vi@example.org", groups=[10**9]), ip="192.0.2.1", now=world.now)
    world.work()
    assert not Recipient.objects.exists() and not SignUp.objects.exists()


# --- choosing and leaving ----------------------------------------------------------------------------------------------


def test_joining_and_leaving_any_open_group_alone(world):
    """B13: the old row stays as the record, joining again makes a new one."""
    point = subscriber(world)
    subscribing.choose(point, {world.open: None, world.europe: Wish()}, now=world.now)
    assert states(point) == [("Product A, everywhere", "ended"), ("Europe", "active")]
    subscribing.choose(point, {world.open: Wish(kinds="ends")}, now=world.now)
    assert states(point)[2] == ("Product A, everywhere", "active")
    assert Subscription.objects.filter(group=world.open).count() == 2


def test_narrowing_changes_the_row_that_is_there(world):
    """B10"""
    point = subscriber(world)
    subscribing.choose(point, {world.open: Wish((world.eu.pk,), (), "ends", 2)}, now=world.now)
    row = Subscription.objects.get()
    assert (row.deployments, row.products, row.kinds, row.least_priority) == ([world.eu.pk], [], "ends", 2)


def test_an_address_that_is_not_confirmed_chooses_nothing(world):
    point = sure(ask(world))
    with pytest.raises(Refused):
        subscribing.choose(point, {world.europe: Wish()}, now=world.now)
    assert states(point) == [("Product A, everywhere", "asked")]


def test_leaving_stops_what_is_on_its_way(world):
    """B99, P8"""
    point = subscriber(world)
    waiting, sending = news(point, world, world.open), news(point, world, world.open, state="sending")
    assert subscribing.leave_everything(point, reason="by link", now=world.now) == 1
    for each in (waiting, sending):
        each.refresh_from_db()
    assert (waiting.state, waiting.due_at) == ("suppressed", None)
    assert sending.cancelled_at == world.now
    row = Subscription.objects.get()
    assert (row.state, row.ended_at, row.end_reason) == ("ended", world.now, "left: by link")


def test_leaving_one_group_keeps_what_comes_for_another(world):
    point = subscriber(world, groups=[world.open, world.europe])
    both, one = news(point, world, world.open, world.europe), news(point, world, world.open)
    subscribing.choose(point, {world.open: None}, now=world.now)
    both.refresh_from_db()
    one.refresh_from_db()
    assert (both.state, one.state) == ("pending", "suppressed")


def test_leaving_twice_does_no_harm(world):
    point = subscriber(world)
    subscribing.leave_everything(point, reason="by link", now=world.now)
    assert subscribing.leave_everything(point, reason="by link", now=world.now + DAY) == 0
    assert Subscription.objects.get().ended_at == world.now


def test_nothing_is_planned_for_who_has_left(world):
    """B99: an update after they left."""
    point = subscriber(world)
    outage = world.outage()
    subscribing.leave_everything(point, reason="by link", now=world.now)
    outages.end(outage, "It works again.", now=world.now + timedelta(hours=1))
    while fanning.plan_due(world.now + timedelta(hours=1)):
        pass
    found = Delivery.objects.filter(contact_point=point, content__isnull=False)
    assert [each.state for each in found] == ["suppressed"]


# --- bounces, complaints, erasure --------------------------------------------------------------------------------------


def test_a_bounce_disables_the_address_and_says_why(world):
    """P10, B46"""
    point = subscriber(world)
    waiting = news(point, world, world.open)
    subscribing.suspend(point, Suppression.Reason.BOUNCED, now=world.now)
    point.refresh_from_db()
    waiting.refresh_from_db()
    assert (point.disabled_reason, waiting.state) == ("messages could not be delivered", "suppressed")
    assert states(point) == [("Product A, everywhere", "active")]
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("why", ["it bounced", "it was changed"])
def test_an_address_that_is_no_longer_proved_is_asked_again(world, why):
    """C8: it is not kept out for ever by the subscriptions that it has had, and what it wished stays."""
    point = sure(ask(world, groups=[world.open], wish=Wish(kinds="ends")))
    subscribing.confirm(point, now=world.now)
    if why == "it bounced":
        subscribing.suspend(point, Suppression.Reason.BOUNCED, now=world.now)
    else:
        ContactPoint.objects.filter(pk=point.pk).update(address="vi-2@example.org", verified=False, link_version=2)
        point.refresh_from_db()
    world.advance(days=2)
    before = Delivery.objects.count()
    assert ask(world, point.address) == point
    assert Delivery.objects.count() == before + 1
    assert states(point)[-1:] == [("Product A, everywhere", "asked")]
    assert [group.name for group in subscribing.confirm(point, now=world.now)] == ["Product A, everywhere"]
    point.refresh_from_db()
    assert point.usable
    rows = Subscription.objects.filter(contact_point=point).order_by("pk")
    assert [(row.state, row.kinds) for row in rows] == [("ended", "ends"), ("active", "ends")]


def test_an_answer_of_the_old_address_confirms_nothing_for_the_new_one(world):
    """C8"""
    point = sure(ask(world))
    Delivery.objects.update(state="sent", due_at=None, receipt=PROVED, address=point.address)
    ContactPoint.objects.filter(pk=point.pk).update(address="vi-2@example.org", link_version=2)
    assert subscribing.take_answers(world.now) == 0
    ContactPoint.objects.filter(pk=point.pk).update(address=point.address)
    assert subscribing.take_answers(world.now) == 1


def test_a_complaint_ends_all_and_keeps_the_address_out(world):
    """P10"""
    point = subscriber(world)
    subscribing.suspend(point, Suppression.Reason.COMPLAINED, now=world.now)
    assert states(point) == [("Product A, everywhere", "ended")]
    assert ask(world) is None


def test_a_complaint_of_a_person_with_a_login_does_not_stop_their_pages(world):
    point = world.colleague().recipient.contact_points.get()
    subscribing.choose(point, {world.open: Wish()}, now=world.now)
    subscribing.suspend(point, Suppression.Reason.COMPLAINED, now=world.now)
    point.refresh_from_db()
    assert point.usable and states(point) == [("Product A, everywhere", "ended")]


def dump() -> str:
    """All text of all tables of this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for name in tables:
            cursor.execute(f'SELECT t::text FROM "{name}" t')
            found += [row for (row,) in cursor.fetchall()]
    return "\n".join(found)


def test_erasing_takes_the_address_out_of_every_table_and_keeps_the_counts(world):
    """P11, invariant 22"""
    point = subscriber(world)
    coach = world.person("coach")
    world.work()
    delivery = Delivery.objects.get()
    Attempt.objects.create(delivery=delivery, number=9, at=world.now, outcome="temporary", reason="vi@example.org full")
    Delivery.objects.filter(pk=delivery.pk).update(receipt="250 queued for Vi@example.org")
    LogEntry.objects.create(user=coach, action_flag=2, object_repr="memory: vi@example.org", action_time=world.now)
    sign_ups.take(SignUp(channel="memory", address="VI@example.org"), ip="192.0.2.1", now=world.now)
    assert "vi@example.org" in dump().lower()
    subscribing.erase(point, now=world.now)
    assert "vi@example.org" not in dump().lower()
    assert (Subscription.objects.count(), Delivery.objects.count()) == (1, 1)
    assert Suppression.objects.get().address_hash == addresses.hashes("memory", "vi@example.org")[0]
    assert ask(world) is None


def test_erasing_waits_until_nothing_is_on_the_wire(world):
    point = subscriber(world)
    news(point, world, world.open, state="sending")
    with pytest.raises(Refused, match="on its way"):
        subscribing.erase(point, now=world.now)


def test_a_person_with_a_login_is_not_erased_by_way_of_a_subscription(world):
    point = world.colleague().recipient.contact_points.get()
    with pytest.raises(Refused, match="login"):
        subscribing.erase(point, now=world.now)


def test_hashes_made_with_an_older_key_still_count(world, settings):
    """Invariant 18"""
    subscribing.not_me(sure(ask(world)), now=world.now)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert ask(world) is None


# --- limits ------------------------------------------------------------------------------------------------------------


def test_so_many_forms_an_hour_come_from_one_network(world, settings):
    """P1: a /64 of IPv6 counts as one; another network is let in."""
    settings.FORMS_PER_NETWORK = 3
    taken = [
        sign_ups.take(SignUp(channel="memory", address=f"{n}@x.org"), ip=f"2001:db8::{n}", now=world.now)
        for n in range(5)
    ]
    assert taken == [True, True, True, False, False]
    assert sign_ups.take(SignUp(channel="memory", address="x@x.org"), ip="2001:db8:1::1", now=world.now)
    later = world.now + timedelta(hours=1)
    assert sign_ups.take(SignUp(channel="memory", address="x@x.org"), ip="2001:db8::1", now=later)
    assert SignUp.objects.count() == 5


def test_so_many_forms_an_hour_come_in_all(world, settings):
    settings.FORMS_IN_ALL = 2
    taken = [
        sign_ups.take(SignUp(channel="memory", address="x@x.org"), ip=f"192.0.2.{n}", now=world.now) for n in range(4)
    ]
    assert taken == [True, True, False, False]


def test_limits_keep_no_address_and_are_cleared(world):
    quota.take("confirm", "vi@example.org", 1, span=DAY, now=world.now)
    assert not re.search("vi@", dump())
    assert quota.clear(world.now + DAY) == 0
    assert quota.clear(world.now + 3 * DAY) == 1
    assert not Quota.objects.exists()


@pytest.mark.parametrize(
    ("proxies", "passed", "ip"),
    [
        (0, "198.51.100.9", "192.0.2.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "203.0.113.5, 198.51.100.9", "198.51.100.9"),
        (2, "203.0.113.5, 198.51.100.9", "203.0.113.5"),
        (2, "198.51.100.9", "192.0.2.1"),
        (1, "", ""),
    ],
)
def test_the_sender_is_whom_our_own_proxies_saw(settings, proxies, passed, ip):
    settings.PROXIES = proxies
    assert sign_ups.sender({"REMOTE_ADDR": "192.0.2.1", "HTTP_X_FORWARDED_FOR": passed}) == ip


def test_new_links_make_the_old_ones_void(world):
    """Invariant 14"""
    point = subscriber(world)
    old = links.token("manage", point)
    links.revoke(point)
    assert links.read("manage", old) is None
