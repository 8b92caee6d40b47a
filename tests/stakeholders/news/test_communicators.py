"""An outage that a definition has opened has somebody who is told at once and reminded (C6, bB2; B169, B170)."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from dispatching.alerts import lifecycle, links
from dispatching.channels import memory
from dispatching.models import Delivery, Notice
from schedules.models import Absence, Team, User
from stakeholders.definitions import defining
from stakeholders.models import NotificationDefinition, Outage
from stakeholders.news import outages
from tests.browser import browser_of, text
from tests.stakeholders.organisation import SHOW
from tests.sure import sure

HOUR = timedelta(hours=1)


@pytest.fixture
def team(world) -> Team:
    return world.team("Team 1", manager=world.person("mo"))


@pytest.fixture
def uploads(world, team, ana):
    [main] = world.weekly(ana, positions=1)
    integration = world.service(world.policy((HOUR, main)), name="Uploads")
    integration.service.team = team
    integration.service.save()
    return integration


@pytest.fixture
def definition(outside, uploads) -> NotificationDefinition:
    words = dict.fromkeys(("why_major", "why_needed", "what_they_do"), "x")
    made = NotificationDefinition.objects.create(
        name="Uploads", service=uploads.service, title="Uploads fail", text="No data uploads.", **words
    )
    defining.put_live(made, now=outside.world.now)
    outside.subscriber("ann", "7")
    outside.world.sweep()
    outside.world.told()
    return made


def breach(outside, uploads, **more) -> Outage:
    outside.world.trigger(uploads, **{"deployment": SHOW, "product": "A", "priority": 2, **more})
    outside.world.told()  # the page of the alert
    outside.sweep()
    return Outage.objects.get()


def heard(outside, minutes: int = 0) -> list[tuple[str, str]]:
    """(who, which subject) was told since the last time, after so many minutes have passed."""
    before = len(memory.outbox)
    for _ in range(minutes // 5):
        outside.advance(minutes=5)
    outside.world.sweep()
    return [(each.address, each.subject) for each in memory.outbox[before:] if each.address != "ann"]


def test_c6_a_prepared_outage_tells_the_person_on_call_at_once_and_reminds_them(outside, world, uploads, definition):
    """The coach's trial: an outage opened at 22:14, and six minutes later nobody knew."""
    outage = breach(outside, uploads)
    assert heard(outside) == [("ana", "Outage “Uploads fail” is prepared, and waits for you to announce it.")]
    body = memory.outbox[-1].body
    assert "log-on is down" in body and f"/admin/stakeholders/outage/{outage.pk}/change/" in body
    assert sure(outage.communicator).username == "ana"
    waited = "Outage “Uploads fail” has waited for {} to be announced."
    assert heard(outside, 25) == [("ana", waited.format("15 minutes"))]
    assert heard(outside, 95) == [("ana", waited.format(span)) for span in ("30 minutes", "1 hour", "2 hours")]
    ana = browser_of(User.objects.get(username="ana"))
    User.objects.update(is_staff=True)
    page = text(ana.get(f"/admin/stakeholders/outage/{outage.pk}/change/"))
    assert "Announce it …" in page, "the communicator may write"
    assert "message to Ana: Outage “Uploads fail” is prepared" in page and "(told by memory)" in page
    assert f'href="/admin/dispatching/alert/{outage.alerts.get().pk}/change/"' in page
    alert = text(ana.get(f"/admin/dispatching/alert/{outage.alerts.get().pk}/change/"))
    assert f'href="/admin/stakeholders/outage/{outage.pk}/change/"' in alert and "not announced yet" in alert
    outside.announce(outage)
    assert heard(outside, 200) == []
    assert heard(outside, 30) == [("ana", "An update on “Uploads fail” is due in 15 minutes.")]
    outages.end(outage, "It works.", now=world.now)
    assert heard(outside, 120) == []


def test_c6_the_page_and_the_mails_of_an_alert_name_its_outage(outside, world, uploads, definition):
    """With the link for those who may see it."""
    outage = breach(outside, uploads)
    alert, ana = outage.alerts.get(), User.objects.get(username="ana")
    where = f"/admin/stakeholders/outage/{outage.pk}/change/"
    page = urlsplit(links.link(alert, ana.recipient)).path
    shown = text(Client().get(page))
    assert f"{outage}: not announced yet" in shown and where not in shown
    User.objects.update(is_staff=True)
    assert f'<a href="{where}">{outage}: not announced yet</a>' in text(Client().get(page))
    lifecycle.resolve(alert, now=world.now)
    lifecycle.reopen(alert, now=world.now)  # pages again
    world.sweep()
    body = Delivery.objects.filter(page__alert=alert).latest("pk").body
    assert f"Outage: {outage}: not announced yet {settings.PUBLIC_URL}{where}\n" in body


def test_bb2_an_automatic_outage_has_somebody_who_keeps_its_promise(outside, uploads, definition):
    NotificationDefinition.objects.update(mode="auto")
    breach(outside, uploads)
    assert heard(outside) == [("ana", "Outage “Uploads fail” has been announced automatically.")]
    assert heard(outside, 225) == [("ana", "An update on “Uploads fail” is due in 15 minutes.")]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"priority": None}, "not announced: its priority does not say so."),
        ({"product": "Z"}, "could not be announced"),
    ],
    ids=["no priority", "refused"],
)
def test_bb2_an_automatic_outage_that_is_not_announced_waits_for_somebody_too(outside, uploads, definition, more, why):
    NotificationDefinition.objects.update(mode="auto")
    breach(outside, uploads, **more)
    [(who, subject)] = heard(outside)
    assert who == "ana" and why in subject
    assert [who for who, _ in heard(outside, 15)] == ["ana"]


@pytest.mark.parametrize("gone", ["away", "left", "unreachable", "all on call"])
def test_bb2_another_one_takes_over_from_a_communicator_who_cannot(outside, world, uploads, definition, ana, gone):
    outage = breach(outside, uploads)
    heard(outside)
    if gone == "left":
        User.objects.filter(pk=ana.pk).update(is_active=False)
    elif gone == "away":
        Absence.objects.create(user=ana, start=world.now, end=world.now + HOUR)
    elif gone == "unreachable":
        ana.recipient.contact_points.update(disabled_reason="the mailbox is full")
    else:
        User.objects.filter(username__in=("ana", "mo")).update(is_active=False)
        fallback = world.person("fallback")
        fallback.recipient.last_resort = True
        fallback.recipient.save()
    expected = "fallback" if gone == "all on call" else "mo"
    assert [who for who, _ in heard(outside, 15)] == [expected]
    why = "becomes the communicator: Ana has left, is away or cannot be reached"
    assert any(why in str(line) for line in outage.events.all())


def test_bb2_where_there_is_really_nobody_the_timeline_says_so(outside, uploads, definition):
    User.objects.update(is_active=False)
    outage = breach(outside, uploads)
    assert heard(outside) == []
    assert str(outage.events.last()).endswith("there is nobody who could be the communicator.")
    assert Outage.objects.get().due_at is not None, "it is tried again"


def test_c6_the_definition_names_the_schedule_of_communicators(outside, world, uploads, definition):
    [communicators] = world.weekly(world.person("rae"), positions=1)
    NotificationDefinition.objects.update(communicators=communicators)
    assert breach(outside, uploads).communicator == User.objects.get(username="rae")
    assert [who for who, _ in heard(outside)] == ["rae"]


def test_c6_a_person_who_declares_an_outage_is_not_told_what_they_know(outside):
    outside.outage()
    assert heard(outside, 60) == [] and not Notice.objects.exists()
