"""What comes back of news, and what follows for the address: refusals, reports, complaints, mails that end subscriptions."""

import io
import json
import os
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatching.channels import Outcome, memory
from dispatching.channels.email import tagged_addresses
from dispatching.channels.webhook import signature
from dispatching.contact import links
from dispatching.models import Attempt, ContactPoint, Delivery
from schedules import clock
from stakeholders.groups.joining import Wish
from stakeholders.models import Subscription, Suppression
from stakeholders.subscriptions import addresses, bounces, subscribing
from tests.browser import browser_of, text
from tests.dispatching.odd_reports import ODD
from tests.dispatching.reports import arf, dsn, plain
from tests.stakeholders.subscriptions.conftest import operators
from tests.stakeholders.subscriptions.test_subscribing import ask, states, subscriber
from tests.sure import sure

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VI = "vi@example.org"
BOUNCED = "messages could not be delivered"


def reader(world, address=VI, channel="email") -> ContactPoint:
    point = sure(subscribing.ask(channel, address, [world.open], now=world.now))
    Delivery.objects.all().delete()
    subscribing.confirm(point, now=world.now)
    world.work()  # the mail that says how to change one's choices
    return point


def reason(point) -> str:
    point.refresh_from_db()
    return point.disabled_reason


def news_of(point) -> Delivery:
    return Delivery.objects.filter(contact_point=point, content__isnull=False).latest("pk")


def pass_time(world, span: timedelta) -> None:
    """Everybody works, and the clock moves from one due moment to the next."""
    world.advance(seconds=span.total_seconds())
    world.work()


# --- refused at once ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["550 5.1.1 no such user", "550 user unknown"])
def test_an_address_that_does_not_exist_is_suspended_at_once_and_says_why(world, mail, said):
    """P10: the subscription stays, as what was asked for."""
    point = reader(world)
    mail.server.rcpt.append(said)
    world.outage()
    world.work()
    assert (reason(point), states(point)) == (BOUNCED, [("Product A, everywhere", "active")])
    failed = news_of(point)
    assert (failed.state, failed.due_at, failed.attempts.get().outcome) == ("failed", None, "gone")
    assert said in failed.reason


@pytest.mark.parametrize("said", ["550 5.7.1 blocked as spam", "552 5.2.3 too big", "550 mailbox unavailable"])
def test_a_refusal_that_is_about_us_suspends_nobody(world, mail, said):
    """P10"""
    point = reader(world)
    mail.server.rcpt.append(said)
    world.outage()
    world.work()
    failed = news_of(point)
    assert (reason(point), failed.state, failed.due_at) == ("", "failed", None)


def test_a_provider_that_is_away_suspends_nobody(world):
    """However long: it says nothing about the address."""
    point = subscriber(world)
    world.outage()
    memory.fail_next(10**4, outcome=Outcome.AWAY)
    for _ in range(25):
        world.work()
        world.now += HOUR
    world.work()
    assert (reason(point), news_of(point).state) == ("", "suppressed")


def test_a_refusal_is_never_read_in_the_name_of_the_recipient(world, mail):
    """Cases 51 to 53: "spam" in an address does not make it our fault, nor "unknown" its."""
    gone, kept = reader(world, "spam@policy.example.org"), reader(world, "user.unknown@example.org")
    for point, said in ((gone, "550 5.1.1 <{}>: no such user"), (kept, "550 <{}> is refused")):
        mail.server.rcpt.append(said.format(point.address))
        world.outage()
        world.work()
        mail.server.rcpt.clear()
    assert (reason(gone), reason(kept)) == (BOUNCED, "")


SAID_FOR_A_DAY = {
    "421 4.7.0 too many messages from you": "",
    "451 4.3.0 queue file write error": "",
    "450 4.2.1 mailbox shut": BOUNCED,
}


@pytest.mark.parametrize(("said", "why"), SAID_FOR_A_DAY.items())
def test_only_what_is_about_the_mailbox_counts_against_the_address(world, mail, settings, said, why):
    """A provider that slows us down, or a mail server with a full disk, would otherwise suspend everybody."""
    settings.SOFT_BOUNCES = 1
    point = reader(world)
    given_up(world, mail, 1, said)
    assert (reason(point), news_of(point).state) == (why, "failed")


def test_many_messages_of_one_bad_day_count_once(world, sent, settings):
    """A receiver that is down for a day while an outage has several updates loses nobody their messages for ever."""
    settings.SOFT_BOUNCES = 2
    take(world, dsn(sent.sender, status="5.2.2", diagnostic="552 5.2.2 mailbox full"))
    for days, why in ((0, ""), (1, BOUNCED)):
        world.now += days * DAY
        world.outage()
        world.work()
        bounces.take_report(news_of(sent.point), "failed", "5.2.2 mailbox full", now=world.now)
        world.work()
        assert reason(sent.point) == why


def test_a_full_mailbox_that_is_refused_for_good_counts_too(world, mail, settings):
    """552 5.2.2: what a report says of it counts as well."""
    settings.SOFT_BOUNCES = 1
    point = reader(world)
    mail.server.rcpt.append("552 5.2.2 mailbox full")
    world.outage()
    world.work()
    assert reason(point) == BOUNCED


def given_up(world, mail, times: int, said: str = "451 4.2.2 mailbox full") -> None:
    """So many messages are tried for a day each, in vain."""
    for _ in range(times):
        world.outage()
        mail.server.rcpt[:] = [said] * 80
        pass_time(world, DAY)


def test_so_many_messages_given_up_in_so_many_days_suspend_the_address(world, mail, settings):
    """Part C: soft → after n in m days."""
    point = reader(world)
    given_up(world, mail, settings.SOFT_BOUNCES - 1)
    assert reason(point) == ""
    given_up(world, mail, 1)
    assert reason(point) == BOUNCED


def test_messages_given_up_long_ago_do_not_count(world, mail, settings):
    settings.SOFT_BOUNCE_DAYS = 10
    point = reader(world)
    given_up(world, mail, settings.SOFT_BOUNCES - 1)
    world.now += timedelta(days=11)
    given_up(world, mail, 1)
    assert reason(point) == ""


def test_a_gateway_that_fails_for_everybody_suspends_nobody(world, settings):
    """Only a mail server says of one address that it fails for now."""
    settings.SOFT_BOUNCES = 1
    point = subscriber(world)
    world.work()
    world.outage()
    memory.fail_next(40)
    pass_time(world, DAY)
    assert (reason(point), news_of(point).state) == ("", "failed")


def test_the_only_way_to_page_somebody_is_not_switched_off_by_news(world):
    """Law: stakeholder messaging cannot stop a page. The subscriptions end instead."""
    point = world.colleague().recipient.contact_points.get()
    subscribing.choose(point, {world.open: Wish()}, now=world.now)
    world.outage()
    memory.fail_next(outcome=Outcome.GONE)
    world.work()
    assert (reason(point), states(point)) == ("", [("Product A, everywhere", "ended")])
    assert Subscription.objects.get().end_reason == BOUNCED


def test_one_of_several_ways_to_page_somebody_is_suspended(world):
    """P10"""
    point = world.colleague(points=2).recipient.contact_points.first()
    subscribing.choose(point, {world.open: Wish()}, now=world.now)
    world.outage()
    memory.fail_next(outcome=Outcome.GONE)
    world.work()
    assert reason(point) == BOUNCED


def test_a_failure_that_cannot_be_followed_up_does_not_hold_up_the_others(world):
    """A15"""
    first, second = subscriber(world, "poison@example.org"), subscriber(world)
    world.work()
    world.outage()
    memory.fail_next(2, outcome=Outcome.GONE)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE dispatching_contactpoint ADD CONSTRAINT no_poison "
            "CHECK (address NOT LIKE 'poison%' OR disabled_reason = '') NOT VALID"
        )
    world.work()
    assert (reason(first), reason(second)) == ("", BOUNCED)
    assert news_of(first).due_at == world.now + HOUR


def test_who_asks_anew_after_bounces_is_asked_and_confirms_like_anybody(world):
    """P10: a mailbox may have been mended; until it answers it gets nothing else."""
    point = subscriber(world)
    subscribing.suspend(point, Suppression.Reason.BOUNCED, now=world.now)
    world.now += DAY
    ask(world)
    point.refresh_from_db()
    assert (point.disabled_reason, point.verified) == ("", False)
    world.told()
    world.work()
    assert world.told()[-1] == VI
    subscribing.confirm(point, now=world.now)


# --- reports of mail servers -------------------------------------------------------------------------------------------


@pytest.fixture
def sent(world, mail) -> SimpleNamespace:
    """News that a mail server has taken: the delivery, its envelope sender, its Message-ID."""
    point = reader(world)
    world.outage()
    world.work()
    delivery = news_of(point)
    assert delivery.state == "sent"
    received = mail.server.mails[-1]
    message = message_from_bytes(received.content)
    return SimpleNamespace(
        point=point,
        delivery=delivery,
        sender=received.mail_from,
        message_id=message["Message-ID"],
        leave=message["List-Unsubscribe"].split("mailto:")[1].split("?")[0],
    )


def take(world, raw: bytes, **more) -> bool:
    took = bounces.take_mail(raw, now=world.now, **more)
    world.work()
    return took


def test_a_bounce_that_comes_later_suspends_the_address(world, sent):
    """P10, Part C: matched by the envelope sender of the delivery."""
    assert take(world, dsn(sent.sender))
    sent.delivery.refresh_from_db()
    assert (sent.delivery.state, sent.delivery.due_at) == ("failed", None)
    assert (reason(sent.point), VI in sent.delivery.reason) == (BOUNCED, False)
    manage = links.url("manage", sent.point).partition("8000")[2]
    assert f"We send nothing there at present: {BOUNCED}." in text(Client().get(manage))
    tries = list(Attempt.objects.filter(delivery=sent.delivery).values_list("number", "outcome"))
    assert tries == [(1, "accepted"), (2, "gone")]


def test_a_bounce_through_a_provider_that_changes_letters_still_matches(world, sent):
    """K30"""
    assert take(world, dsn("x@example.org"), to=sent.sender.upper())
    assert reason(sent.point) == BOUNCED


@pytest.mark.parametrize("whole", [False, True])
def test_a_bounce_that_only_quotes_the_message_id_matches(world, sent, whole):
    """Part C, K30"""
    assert take(world, dsn(message_id=sent.message_id.upper(), whole=whole))
    assert reason(sent.point) == BOUNCED


def test_a_bounce_that_quotes_the_envelope_sender_matches(world, sent):
    assert take(world, dsn(sender=sent.sender))
    assert reason(sent.point) == BOUNCED


def test_a_forged_bounce_does_nothing(world, sent):
    """Not even with the right Message-ID in it."""
    forged = sent.sender.replace("@", "0@")
    assert not take(world, dsn(forged, message_id=sent.message_id))
    assert not take(
        world,
        dsn(tagged_addresses.address("bounces@returns.example.org", tagged_addresses.LEAVE, sent.delivery.key.hex)),
    )
    sent.delivery.refresh_from_db()
    assert (reason(sent.point), sent.delivery.state) == ("", "sent")


SAID = [
    ({"action": "delayed", "status": "4.4.1"}, "sent", "", 1),
    ({"action": "delivered", "status": "2.0.0"}, "delivered", "", 1),
    ({"status": "5.7.1", "diagnostic": "550 5.7.1 spam"}, "failed", "", 2),
    ({"status": "4.4.7", "diagnostic": "451 4.4.7 delivery time expired"}, "failed", "", 2),
    ({"status": "5.0.0", "diagnostic": "550 5.1.1 unknown"}, "failed", BOUNCED, 2),
]


@pytest.mark.parametrize(("report", "state", "why", "tries"), SAID)
def test_what_else_a_mail_server_says(world, sent, report, state, why, tries):
    """P10: delayed is nothing, what is about us or about now suspends nobody."""
    take(world, dsn(sent.sender, **report))
    sent.delivery.refresh_from_db()
    assert (sent.delivery.state, reason(sent.point), sent.delivery.attempts.count()) == (state, why, tries)


def test_so_many_bounces_for_now_suspend_the_address(world, sent, settings):
    """Part C"""
    settings.SOFT_BOUNCES = 1
    take(world, dsn(sent.sender, status="5.2.2", diagnostic="552 5.2.2 mailbox full"))
    assert reason(sent.point) == BOUNCED


def test_a_report_that_comes_twice_counts_once(world, sent):
    assert take(world, dsn(sent.sender))
    assert not take(world, dsn(sent.sender))
    assert sent.delivery.attempts.count() == 2


def test_a_bounce_of_an_address_that_has_changed_since_says_nothing_of_the_new_one(world, sent):
    ContactPoint.objects.update(address="vi.new@example.org")
    take(world, dsn(sent.sender))
    take(world, arf(sender=sent.sender))
    assert (reason(sent.point), states(sent.point)) == ("", [("Product A, everywhere", "active")])


def test_a_bounce_before_the_batch_is_on_record_is_not_lost(world, sent):
    """The sender that comes to record it finds itself overtaken."""
    Delivery.objects.filter(pk=sent.delivery.pk).update(state="sending", due_at=world.now + HOUR)
    take(world, dsn(sent.sender))
    assert reason(sent.point) == BOUNCED


def test_a_page_that_comes_back_brings_the_next_contact_point_forward(world, mail):
    """F5: nobody waits for the rest of the step."""
    ana = world.person("ana", points=0)
    first = ContactPoint.objects.create(recipient=ana.recipient, channel="email", address=VI, verified=True)
    first.rules.create(delay=timedelta(0))
    world.point(ana.recipient, "ana-2", after={"ana-2": HOUR})
    integration = world.service(world.policy((timedelta(hours=4), ana)))
    world.trigger(integration)
    assert world.told() == []
    take(world, dsn(mail.server.mails[0].mail_from))
    assert (world.told(), reason(first)) == (["ana-2"], "")


@pytest.mark.parametrize("by", ["sender", "message_id"])
def test_a_complaint_ends_all_and_keeps_the_address_out(world, sent, by):
    """P10, Part C: RFC 5965"""
    assert take(world, arf(**{by: getattr(sent, by)}))
    assert states(sent.point) == [("Product A, everywhere", "ended")]
    assert (reason(sent.point), Suppression.objects.get().reason) == ("marked as spam", "complained")


def test_an_opt_out_is_a_wish_to_leave_and_no_complaint(world, sent):
    """Issue 11, 12: Feedback-Type: opt-out"""
    assert take(world, arf(sender=sent.sender, kind="opt-out"))
    row = Subscription.objects.get()
    assert (row.state, row.end_reason, reason(sent.point)) == ("ended", "left: by mail", "")


def test_a_complaint_of_microsoft_counts_like_any_other(world, sent):
    """Issue 11, 12: JMRP"""
    original = plain(VI, X_HmXmrOriginalRecipient=f"<{VI}>", Message_ID=sent.message_id)
    assert take(world, b"From: staff@hotmail.com\r\nContent-Type: message/rfc822\r\n\r\n" + original)
    assert reason(sent.point) == "marked as spam"


def test_a_bounce_in_words_counts_only_at_the_address_of_its_own_delivery(world, sent):
    """Case 53: it quotes what anybody who got the mail knows, so the envelope sender must be ours and signed."""
    words = f"550 5.1.1 <{VI}>: user unknown\r\n\r\n--- Below this line is a copy\r\n\r\nReturn-Path: <{sent.sender}>"
    raw = f"From: MAILER-DAEMON@mx.example.net\r\nMessage-ID: {sent.message_id}\r\nTo: {{}}\r\n\r\n{words}\r\n"
    for to in ("bounces@returns.example.org", sent.sender.replace("@", "0@"), VI):
        assert not take(world, raw.format(to).encode())
    assert take(world, raw.format(sent.sender).encode())
    sent.delivery.refresh_from_db()
    assert (reason(sent.point), VI in sent.delivery.reason) == (BOUNCED, False)


SENT_BACK = {
    "full": ("failed", "5.2.2 mailbox full"),
    "gone": ("failed", "5.1.1 no such user"),
    "us": ("failed", "5.7.1 refused"),
    "delayed": ("delayed", ""),
    "delivered": ("delivered", ""),
    "spam": ("complaint", ""),
    "leave": ("opt-out", ""),
}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(sorted(SENT_BACK)), max_size=5))
def test_reports_of_one_delivery_in_any_order(world, sent, order):
    """Issue 11, must show 2: the first failure decides; a complaint or a wish to leave counts whenever it comes."""
    with transaction.atomic():
        for number, kind in enumerate(order):
            bounces.take_report(sent.delivery, *SENT_BACK[kind], now=world.now + number * HOUR)
            bounces.follow_up(world.now + number * HOUR)
        sent.delivery.refresh_from_db()
        failures = [kind for kind in order if kind in ("full", "gone", "us")]
        assert (sent.delivery.state == "failed") == bool(failures)
        assert sent.delivery.attempts.count() == 1 + bool(failures), "a delivery comes back once"
        bounced = BOUNCED if failures[:1] == ["gone"] else ""
        assert reason(sent.point) == ("marked as spam" if "spam" in order else bounced)
        left = "leave" in order or "spam" in order
        assert Subscription.objects.filter(state="active").exists() != left
        transaction.set_rollback(True)


def test_what_is_about_none_of_our_mails_does_nothing(world, sent):
    for raw in (
        dsn(),
        arf(),
        b"",
        b"\xff" * 99,
        plain("leave@returns.example.org"),
        plain("bounces@returns.example.org"),
    ):
        assert not take(world, raw)
    assert (reason(sent.point), len(Delivery.objects.exclude(state="sent"))) == ("", 0)


def test_nothing_is_answered(world, sent, mail):
    """S8, RFC 3834"""
    before = len(mail.server.mails)
    for raw in (dsn(sent.sender), arf(), plain(sent.leave), plain("bounces@returns.example.org")):
        take(world, raw)
    assert len(mail.server.mails) == before


# --- leaving by mail ---------------------------------------------------------------------------------------------------


def test_a_mail_to_the_address_of_the_header_ends_the_subscriptions(world, sent):
    """Part C: List-Unsubscribe with mailto; in any case (K30)."""
    assert take(world, plain(sent.leave.upper()))
    row = Subscription.objects.get()
    assert (row.state, row.end_reason) == ("ended", "left: by mail")
    assert take(world, plain(sent.leave)), "a second one does no harm"


def test_a_forged_mail_ends_nobody_elses_subscriptions(world, sent):
    """Invariant 14: signed, for one contact point and one purpose."""
    other = reader(world, "other@example.org")
    for to in (
        sent.leave.replace(f"+{sent.point.pk}-", f"+{other.pk}-"),
        tagged_addresses.address("leave@returns.example.org", tagged_addresses.BOUNCE, links.mail_token(sent.point)),
        f"leave+{sent.point.pk}-1@returns.example.org",
    ):
        assert not take(world, plain(to))
    assert not Subscription.objects.filter(state="ended").exists()


def test_revoked_links_revoke_the_address_to_leave_by(world, sent):
    """Invariant 14"""
    links.revoke(sent.point)
    assert not take(world, plain(sent.leave))
    assert states(sent.point) == [("Product A, everywhere", "active")]


# --- how it comes in ---------------------------------------------------------------------------------------------------


SECRET, SIGNING = "a-secret-of-the-path", "another-for-signing"


@pytest.fixture
def inbound(settings):
    settings.INBOUND_SECRET, settings.INBOUND_SIGNING_SECRET = SECRET, SIGNING
    return Client(enforce_csrf_checks=True)


def post(client, raw: bytes, secret=SECRET, **more):
    return client.post(f"/inbound/mail/{secret}/", raw, content_type="message/rfc822", **more)


def test_a_mail_server_posts_a_mail(inbound, sent):
    """Part C: without login, cookie or token of a form."""
    assert post(inbound, dsn(sent.sender)).status_code == 200
    sent.delivery.refresh_from_db()
    assert sent.delivery.state == "failed"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_whatever_the_request_calls_it(inbound, sent, content_type):
    answer = inbound.post(f"/inbound/mail/{SECRET}/", dsn(sent.sender), content_type=content_type)
    sent.delivery.refresh_from_db()
    assert (answer.status_code, sent.delivery.state) == (200, "failed")


def test_what_matches_nothing_is_answered_alike(inbound, sent):
    answers = [post(inbound, raw) for raw in (dsn(sent.sender), dsn(), b"junk", arf(), b"")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"status": "success"}')}


def test_nobody_gets_in_without_the_secret(inbound, sent, settings):
    for secret in ("x", SECRET.upper(), SECRET + "x"):
        assert post(inbound, dsn(sent.sender), secret).status_code == 401
    assert inbound.get(f"/inbound/mail/{SECRET}/").status_code == 405
    settings.INBOUND_SECRET = ""
    assert post(inbound, dsn(sent.sender), "x").status_code == 401
    sent.delivery.refresh_from_db()
    assert sent.delivery.state == "sent"


def test_reports_of_any_form_suspend_the_address_by_the_web(world, inbound, sent):
    """Encoded, in HTML, in Japanese, to a list, with several recipients in the head."""
    for form, (raw, _) in ODD.items():
        with transaction.atomic():
            assert post(inbound, raw.replace(b"BOUNCE", sent.sender.encode())).status_code == 200
            bounces.follow_up(clock.now())
            sent.delivery.refresh_from_db()
            assert (sent.delivery.state, reason(sent.point)) == ("failed", BOUNCED), form
            transaction.set_rollback(True)


def test_what_is_too_large_is_refused(inbound, db):
    assert post(inbound, b"x" * (2 * 1024 * 1024 + 1)).status_code == 413


def report(client, secret=SECRET, signing=SIGNING, age=0, **values):
    body = json.dumps(values).encode()
    timestamp = str(int(clock.now().timestamp()) - age)
    headers = {"X-Tocsin-Timestamp": timestamp, "X-Tocsin-Signature": "v1=" + signature(body, timestamp, signing)}
    return client.post(f"/inbound/bounces/{secret}/", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize(
    ("said", "state", "outcome"),
    [
        ({"kind": "bounce", "hard": True}, "failed", "gone"),
        ({"kind": "bounce"}, "failed", "temporary"),
        ({"kind": "delivered"}, "delivered", "accepted"),
    ],
)
def test_a_provider_reports_by_message_id(inbound, sent, said, state, outcome):
    """Part C: by provider webhook with checked signature."""
    assert report(inbound, message_id=sent.message_id.upper(), **said).status_code == 200
    sent.delivery.refresh_from_db()
    assert (sent.delivery.state, sent.delivery.attempts.latest("number").outcome) == (state, outcome)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "bounce", "hard": True}, BOUNCED),
        ({"kind": "bounce"}, ""),
        ({"kind": "delivered", "hard": True}, ""),
        ({"kind": "complaint"}, "marked as spam"),
    ],
)
def test_a_provider_reports_by_address(inbound, sent, said, why):
    """P10"""
    assert report(inbound, address=VI.upper(), **said).status_code == 200
    assert reason(sent.point) == why


def test_a_provider_reports_a_complaint(inbound, sent):
    report(inbound, message_id=sent.message_id, kind="complaint")
    assert reason(sent.point) == "marked as spam"


def test_a_report_of_a_provider_is_signed_and_fresh(inbound, sent, settings):
    values = {"message_id": sent.message_id, "kind": "bounce", "hard": True}
    for wrong in ({"secret": "x"}, {"signing": "x"}, {"signing": SECRET}, {"age": 301}, {"age": -400}):
        assert report(inbound, **wrong, **values).status_code == 401
    settings.INBOUND_SIGNING_SECRET = ""
    assert report(inbound, signing="", **values).status_code == 401
    sent.delivery.refresh_from_db()
    assert sent.delivery.state == "sent"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "bounce"}, "message_id"),
        ({"message_id": "x"}, "kind"),
        ({"message_id": "x", "kind": "sneeze"}, "kind"),
        ({"message_id": 7, "kind": "bounce"}, "message_id"),
        ({"address": "x", "kind": "bounce", "hard": "yes"}, "hard"),
    ],
)
def test_a_wrong_report_is_refused_by_the_field(inbound, db, values, field):
    answer = report(inbound, **values)
    assert answer.status_code == 400 and answer.json()["errors"][0].startswith(f"{field}:")


@pytest.mark.parametrize("message_id", ["", "<>", "<x@y>", "4711", "é" * 300, "{}", "0" * 32])
def test_a_message_id_that_is_none_of_ours_matches_nothing(db, message_id):
    assert bounces.delivery_of(message_id) is None


def test_a_mail_server_hands_a_mail_to_the_command(sent, monkeypatch, capsys):
    """A pipe: it says nothing, so that the mail server has nothing to send on."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(dsn("x@example.org"))))
    call_command("receive_mail", to=sent.sender)
    sent.delivery.refresh_from_db()
    assert (sent.delivery.state, capsys.readouterr().out) == ("failed", "")


def test_the_mail_server_keeps_the_mail_while_the_database_is_away():
    env = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run([sys.executable, "manage.py", "receive_mail"], input=dsn(), env=env, capture_output=True)
    assert done.returncode == 75, done.stderr


# --- webhooks ----------------------------------------------------------------------------------------------------------


def challenge(handler, server) -> None:
    """A receiver that proves to be one: it answers with the challenge."""
    body = json.loads(server.requests[-1].body)
    reply = json.dumps({"challenge": body["challenge"]}).encode() if body["kind"] == "confirm" else b"ok"
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(reply)))
    handler.end_headers()
    handler.wfile.write(reply)


def test_a_webhook_confirms_by_answering_the_challenge(world, webhook):
    """Part C: prove ownership by echoing a challenge before activation."""
    webhook.server.always = lambda handler: challenge(handler, webhook.server)
    point = sure(subscribing.ask("webhook", webhook.address, [world.open], now=world.now))
    world.work()
    [asked] = [json.loads(request.body) for request in webhook.server.requests]
    assert (asked["kind"], "/subscriptions/confirm/" in asked["url"]) == ("confirm", True)
    assert "with nothing but the challenge" in asked["body"]
    point.refresh_from_db()
    assert (point.verified, states(point)) == (True, [("Product A, everywhere", "active")])
    world.outage()
    world.work()
    assert json.loads(webhook.server.requests[-1].body)["outage"]["title"] == "Uploads fail"


def test_a_webhook_that_does_not_answer_it_gets_nothing_until_the_link_is_opened(world, webhook):
    """B2"""
    point = sure(subscribing.ask("webhook", webhook.address, [world.open], now=world.now))
    world.work()
    point.refresh_from_db()
    assert (point.verified, states(point)) == (False, [("Product A, everywhere", "asked")])
    url = json.loads(webhook.server.requests[0].body)["url"]
    assert Client().post(url.partition("8000")[2]).status_code == 200
    assert states(point) == [("Product A, everywhere", "active")]


def test_an_answer_counts_for_what_was_asked_by_then(world, webhook):
    """Somebody else asks for more later: that needs an answer of its own."""
    webhook.server.always = lambda handler: challenge(handler, webhook.server)
    point = sure(subscribing.ask("webhook", webhook.address, [world.open], now=world.now))
    world.sweep()  # it has answered, and nobody has looked at that yet
    world.now += HOUR
    subscribing.ask("webhook", webhook.address, [world.europe], now=world.now)
    world.work()
    assert states(point) == [("Product A, everywhere", "active"), ("Europe", "asked")]


def test_an_answer_of_an_address_that_must_not_be_written_to_holds_up_no_other(world, webhook):
    """Two contact points with one address: the owner of the first wants no more."""
    webhook.server.always = lambda handler: challenge(handler, webhook.server)
    subscribing.ask("webhook", webhook.address, [world.open], now=world.now)
    operators(f"{webhook.address}/other")
    allowed = subscribing.ask("webhook", f"{webhook.address}/other", [world.open], now=world.now)
    world.sweep()  # both have answered, and nobody has looked at that yet
    addresses.suppress("webhook", webhook.address, Suppression.Reason.NOT_ME, now=world.now)
    world.work()
    assert states(allowed) == [("Product A, everywhere", "active")]


def test_a_mail_carries_no_challenge(world):
    ask(world)
    asked = Delivery.objects.get()
    assert (asked.data["kind"], "challenge" in asked.body) == ("notice", False)


def hook(world, webhook, recipient=None) -> ContactPoint:
    point = reader(world, webhook.address, "webhook")
    if recipient:
        ContactPoint.objects.filter(pk=point.pk).update(recipient=recipient)
    webhook.server.always = lambda handler: handler.send_error(503)
    world.outage()
    return point


def test_a_webhook_that_fails_for_an_hour_is_suspended_and_its_owner_told(world, webhook):
    """Part C: 10 failures over about an hour → suspend and mail the contact."""
    rep = world.colleague()
    point = hook(world, webhook, rep.recipient)
    pass_time(world, timedelta(minutes=30))
    assert (reason(point), 6 <= len(webhook.server.requests) <= 8) == ("", True)
    pass_time(world, timedelta(minutes=40))
    assert (reason(point), 10 <= len(webhook.server.requests) <= 12) == (BOUNCED, True)
    assert world.told() == ["rep"]
    assert webhook.address in memory.outbox[-1].body


def test_without_a_contact_the_operators_see_it(world, webhook):
    point = hook(world, webhook)
    pass_time(world, timedelta(minutes=70))
    assert (reason(point), world.told()) == (BOUNCED, [])
    coach = world.person("coach", is_superuser=True, is_staff=True)
    row = Subscription.objects.get()
    assert BOUNCED in text(browser_of(coach).get(f"/admin/stakeholders/subscription/{row.pk}/change/"))


def test_a_webhook_that_works_now_and_then_is_not_suspended(world, webhook):
    point = hook(world, webhook)
    pass_time(world, timedelta(minutes=20))
    webhook.server.always = lambda handler: challenge(handler, webhook.server)
    pass_time(world, timedelta(minutes=20))
    webhook.server.always = lambda handler: handler.send_error(404)
    for _ in range(9):
        world.outage()
        world.work()
        world.now += HOUR
    assert reason(point) == ""
    world.outage()
    world.work()
    assert reason(point) == BOUNCED


def test_a_webhook_that_is_gone_is_suspended_at_once(world, webhook):
    """P10"""
    point = hook(world, webhook)
    webhook.server.always = lambda handler: handler.send_error(410)
    world.work()
    assert reason(point) == BOUNCED


def test_leaving_by_a_link_that_several_people_have_deletes_nothing(world, webhook):
    """P9: what a webhook shared by several was subscribed to stays on record, with the reason, and can be switched on."""
    point = reader(world, webhook.address, "webhook")
    waiting = hook(world, webhook)
    leave, manage = (links.url(purpose, point).partition("8000")[2] for purpose in ("unsubscribe", "manage"))
    assert Client().post(leave).status_code == 200
    assert news_of(waiting).state == "suppressed"
    row = Subscription.objects.get()
    assert (row.state, row.end_reason) == ("ended", "left: by the link in a message")
    assert "left: by the link in a message" in text(Client().get(manage))
    point.refresh_from_db()
    assert point.usable
    subscribing.choose(point, {world.open: Wish()}, now=world.now)
    assert states(point)[-1] == ("Product A, everywhere", "active")


def test_the_failures_of_many_are_followed_up_at_once(world, django_assert_max_num_queries):
    """A blocked server refuses everybody: that is written down by the batch."""
    for number in range(20):
        subscriber(world, f"v{number}@example.org")
    world.work()
    world.outage()
    memory.fail_next(20, outcome=Outcome.PERMANENT)
    world.sweep()
    assert Delivery.objects.filter(state="failed", due_at=world.now).count() == 20
    with django_assert_max_num_queries(3):
        assert bounces.follow_up(world.now) == 20
    assert not Delivery.objects.filter(state="failed", due_at__isnull=False).exists()
