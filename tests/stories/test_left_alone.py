"""Nobody is left alone silently: messages that cannot arrive are noticed, and take another way (bA4, bA5, bA7)."""

from datetime import timedelta

import pytest

from dispatching.alerts import timeline
from dispatching.channels import Outcome, memory
from dispatching.models import ContactPoint, Delivery, Notice, Recipient
from dispatching.notices import notices
from dispatching.policies.forecast import forecast
from schedules.models import User
from schedules.people import reach
from stakeholders.models import OutageEvent
from tests.browser import browser_of, text
from tests.stakeholders.organisation import Stakeholders
from tests.world import World

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=15)


# --- the medium works -------------------------------------------------------------------------------------------------


@pytest.fixture
def by_sms(world: World, settings) -> User:
    """Bo, who has a phone and nothing else, after the gateway was taken away."""
    settings.SMS_GATEWAY_URL = ""
    bo = User.objects.create(username="bo", first_name="Bo")
    recipient = Recipient.objects.create(user=bo)
    ContactPoint.objects.create(recipient=recipient, channel="sms", address="+447700900123", verified=True)
    return bo


def test_ba4_a_contact_point_is_usable_only_if_its_medium_is_set_up(world, by_sms, settings):
    point = ContactPoint.objects.get()
    assert (point.usable, point.trouble) == (False, "text message is not set up here")
    assert not ContactPoint.objects.usable().exists() and reach.unreachable([by_sms.pk]) == {by_sms.pk}
    policy = world.policy((HOUR, by_sms))
    assert forecast(policy.snapshot(), world.now).runs[0].reached == []
    alert = world.trigger(world.service(policy))
    assert not Delivery.objects.exists(), "nothing is sent that fails at once"
    assert "Bo cannot be reached: text message is not set up here (named in the policy)" in [
        line.text for line in timeline.of(alert)
    ]
    coach = browser_of(User.objects.create_superuser("coach"))
    page = text(coach.get(f"/admin/dispatching/recipient/{point.recipient_id}/change/"))
    assert "text message +447700900123 (text message is not set up here)" in page
    settings.SMS_GATEWAY_URL = "https://sms.example.org"
    assert ContactPoint.objects.usable().get() == point and point.usable and not reach.unreachable([by_sms.pk])


def test_ba4_with_a_second_medium_pages_and_notices_go_there(world, by_sms):
    world.point(by_sms.recipient, "bo")
    world.trigger(world.service(world.policy((HOUR, by_sms))))
    assert world.told() == ["bo"]
    remind(world, by_sms)
    assert world.told() == ["bo"]


# --- a notice falls back ----------------------------------------------------------------------------------------------


def remind(world: World, user: User, **more) -> Notice:
    notice = notices.tell(
        user, "x", Notice.Kind.PROMISE, "An update is due", {"promised": "13:00"}, now=world.now, **more
    )
    assert notice
    world.sweep()
    return notice


def now_at(notice: Notice) -> tuple[str, str, str]:
    """(the present address, its state, what a timeline says)"""
    notice = Notice.objects.select_related("delivery__contact_point").get(pk=notice.pk)
    assert notice.delivery and notice.delivery.contact_point
    return notice.delivery.contact_point.address, notice.delivery.state, notice.outcome


@pytest.mark.parametrize("outcome", [Outcome.PERMANENT, Outcome.GONE])
def test_ba5_a_notice_that_fails_goes_to_the_next_contact_point(world, outcome):
    """The first of Ana's points was a dead webhook, the second a good address: she heard of no promise and no handover."""
    ana = world.person("ana", points=3)
    memory.fail_next(2, outcome=outcome)
    notice = remind(world, ana)
    assert world.told() == ["ana-3"] and now_at(notice) == ("ana-3", "sent", "told by memory")
    assert Delivery.objects.filter(state="failed", due_at=None).count() == 2
    world.advance(hours=2)
    assert world.told() == []


def test_ba5_a_notice_does_not_wait_for_long_where_there_is_another_way(world):
    ana = world.person("ana", points=2)
    memory.fail_next(4)
    notice = remind(world, ana, until=world.now + 5 * HOUR)
    assert now_at(notice) == ("ana", "pending", "on its way by memory: mailbox full")
    world.advance(minutes=2)
    assert world.told() == ["ana-2"] and now_at(notice)[1:] == ("sent", "told by memory")
    assert Delivery.objects.get(contact_point__address="ana").state == "suppressed"


def test_ba5_the_only_way_is_tried_on_and_a_notice_that_failed_everywhere_says_so(world, ana):
    memory.fail_next(5)
    notice = remind(world, ana)
    world.advance(minutes=10)
    assert world.told() == ["ana"]
    Notice.objects.all().delete()
    memory.fail_next(6)
    notice = remind(world, ana)
    world.advance(minutes=10)
    assert now_at(notice)[1:] == ("failed", "not told: mailbox full (after 6 tries)")


def test_ba5_a_notice_takes_the_other_way_only_while_it_is_of_use(world):
    ana = world.person("ana", points=2)
    memory.fail_next(2)
    notice = remind(world, ana, until=world.now + timedelta(seconds=15))
    world.advance(minutes=5)
    assert world.told() == ["ana-2"], "the next try at the first would have come too late"
    Notice.objects.all().delete()
    memory.fail_next(outcome=Outcome.AWAY, final=True)
    notice = remind(world, ana, until=world.now + timedelta(seconds=7))
    assert now_at(notice)[:2] == ("ana", "pending")
    world.now += timedelta(minutes=1)
    world.sweep()
    assert world.told() == [] and now_at(notice)[2] == "not told: too late to be of use"


# --- "was told" only when it was --------------------------------------------------------------------------------------


@pytest.fixture
def outside(world: World) -> Stakeholders:
    return Stakeholders(world)


def test_ba7_the_timeline_of_an_outage_says_told_only_when_it_was(outside):
    world = outside.world
    mo = User.objects.create(username="mo", first_name="Mo")
    outage = outside.outage(communicator=mo)
    outside.announce(outage)

    def remind() -> str:
        outside.advance(minutes=15)
        world.sweep()
        return str(OutageEvent.objects.filter(outage=outage).last())

    outside.advance(hours=3, minutes=30)
    due = "reminder to Mo: An update on “Uploads fail”"
    assert remind() == f"{due} is due in 15 minutes. (not told: no verified contact point)"
    world.point(mo.recipient, "mo")
    memory.fail_next()
    assert remind().endswith("(on its way by memory: mailbox full)")
    world.advance(minutes=1)
    assert str(OutageEvent.objects.filter(outage=outage).last()).endswith("(told by memory)")
    memory.fail_next(outcome=Outcome.GONE)
    assert remind().endswith("(not told: mailbox full)")
    page = browser_of(User.objects.create_superuser("coach")).get(f"/admin/stakeholders/outage/{outage.pk}/change/")
    assert "(told by memory)" in text(page) and "(not told: mailbox full)" in text(page)
