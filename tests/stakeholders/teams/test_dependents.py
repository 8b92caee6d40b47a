"""A team that uses what others look after: its on-call schedule hears of their outages, and it opens its own because of one."""

from datetime import time, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from dispatching.channels import memory
from dispatching.models import Notice, Service
from schedules.models import User
from stakeholders.models import Outage, ScheduleSubscription, Subscriber, TeamTold
from stakeholders.news import outages
from tests.browser import browser_of, everything, form_in, text
from tests.stakeholders.organisation import US
from tests.sure import sure

WEEK = timedelta(weeks=1)


@pytest.fixture
def team(world, outside):
    """Team 2, ana before bo, depends on what group 7 covers."""
    ana, bo = world.person("ana", is_staff=True), world.person("bo", is_staff=True)
    [schedule] = world.weekly(ana, bo, positions=1)
    team = world.team("Team 2", ana, bo)
    schedule.team = team
    schedule.save()
    ScheduleSubscription.objects.create(schedule=schedule, group=outside.groups["7"], since=world.now)
    return team


def told(outside) -> list[str]:
    for _ in range(2):
        outside.sweep()
        outside.world.sweep()
    return outside.world.told()


def own(outage) -> str:
    return f"/stakeholders/outages/{outage.pk}/own/"


def test_whoever_is_on_call_when_a_message_is_sent_is_told_once(outside, team):
    """B146"""
    outage = outside.outage()
    outside.announce(outage)
    assert told(outside) == ["ana"]
    mail = memory.outbox[-1]
    assert mail.subject == "Announcement: Uploads fail" and "No data uploads." in mail.body
    assert own(outage) in mail.body and "We will write again within 4 hours" in mail.body
    outside.world.now += WEEK
    outages.nothing_new(outage, now=outside.world.now)
    assert told(outside) == ["bo"]
    assert Notice.objects.filter(kind="news").count() == 2


def test_told_once_is_a_constraint(outside, team):
    """B146"""
    outside.announce(outside.outage())
    told(outside)
    row = TeamTold.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        TeamTold.objects.create(update=row.update, subscription=row.subscription, at=outside.world.now)


def test_on_duty_on_two_schedules_is_told_once(outside, world, team):
    """B146"""
    [second] = world.weekly(User.objects.get(username="ana"), positions=1)
    ScheduleSubscription.objects.create(schedule=second, group=outside.groups["7"], since=world.now)
    outside.announce(outside.outage())
    assert told(outside) == ["ana"] and TeamTold.objects.count() == 2


def test_what_the_group_does_not_cover_is_not_told(outside, team):
    """B146, B18"""
    outside.announce(outside.outage([US], "A"))
    assert told(outside) == []


def test_who_was_told_the_start_is_told_the_end_even_if_the_group_changes(outside, team):
    """B146, B97"""
    outage = outside.outage()
    outside.announce(outage)
    told(outside)
    outside.groups["7"].deployments.set([outside.deployments[US]])
    outages.end(outage, "It works again.", now=outside.world.now)
    assert told(outside) == ["ana"] and memory.outbox[-1].subject == "Resolved: Uploads fail"


def test_where_nobody_is_on_call_the_timeline_says_so(outside, world, team):
    """B146"""
    [empty] = world.weekly(positions=1)
    ScheduleSubscription.objects.filter(schedule__team=team).update(schedule=empty)
    outage = outside.outage()
    outside.announce(outage)
    assert told(outside) == []
    assert f"{empty}: nobody is on call, so nobody was told" in [event.text for event in outage.events.all()]


def test_what_was_said_before_it_became_a_member_is_not_told(outside, team):
    ScheduleSubscription.objects.update(since=outside.world.now + timedelta(minutes=1))
    outside.announce(outside.outage())
    assert told(outside) == []


def test_on_duty_and_subscribed_is_told_once_and_still_opens_an_outage_of_its_own(outside, team):
    """bB12, B4: by the subscription, unless that waits for the end of quiet hours."""
    ana = User.objects.get(username="ana")
    point = ana.recipient.contact_points.get()
    outside.subscribe(point, "7")
    outage = outside.outage()
    outside.announce(outage)
    assert told(outside) == ["ana"] and not Notice.objects.filter(kind="news").exists()
    assert TeamTold.objects.get().names == "Ana"
    assert f'href="{own(outage)}"' in text(browser_of(ana).get(reverse("my_subscriptions")))
    Subscriber.objects.create(recipient=ana.recipient, quiet_from=time(0), quiet_until=time(20), time_zone="UTC")
    outages.nothing_new(outage, now=outside.world.now)
    assert told(outside) == ["ana"] and Notice.objects.filter(kind="news").count() == 1


# --- an outage of its own ---------------------------------------------------------------------------------------------


def test_the_team_opens_its_own_outage_in_its_own_words(outside, team):
    """B147"""
    outage = outside.outage()
    outside.announce(outage)
    told(outside)
    service = Service.objects.create(
        name="Reports", team=team, policy=outside.world.policy((WEEK, User.objects.get(username="ana")))
    )
    ana = browser_of(User.objects.get(username="ana"))
    form = form_in(ana.get(own(outage)), "own_outage")
    assert form["title"] == ["Uploads fail"] and form["deployments"] == [str(outage.deployments.get().pk)]
    answer = ana.post(own(outage), form | {"title": "Reports are late", "services": [service.pk]}, follow=True)
    assert "Nobody has been told yet" in text(answer)
    made = Outage.objects.get(title="Reports are late")
    assert (made.caused_by, sure(made.communicator).username, made.announced_at) == (outage, "ana", None)
    assert list(made.services.all()) == [service] and made.products.count() == 3
    assert f"Team 2 opened an outage of its own because of it: {made}" == outage.events.last().text
    assert "Announce it …" in text(answer), "the team writes about its own"
    assert "Announce it …" not in text(ana.get(f"/admin/stakeholders/outage/{outage.pk}/change/"))


def test_others_do_not_and_looking_changes_nothing(outside, world, team):
    """B147, K11"""
    outage = outside.outage()
    outside.announce(outage)
    ana, stranger = User.objects.get(username="ana"), world.person("cy")
    assert browser_of(ana).get(own(outage)).status_code == 403, "the team has not been told of it"
    told(outside)
    browsers = browser_of(ana), browser_of(stranger)
    before = everything()
    assert [browser.get(own(outage)).status_code for browser in browsers] == [200, 403]
    assert browser_of(stranger).post(own(outage), {"title": "x"}).status_code == 403
    assert browser_of(ana, enforce_csrf_checks=True).post(own(outage), {"title": "x"}).status_code == 403
    assert browser_of(ana).get("/stakeholders/outages/999/own/").status_code == 404
    after = everything()
    assert {name for name in after if after[name] != before[name]} <= {"schedules.User"}  # the last log-in


@pytest.mark.parametrize("filled", [{"title": ""}, {"title": "x" * 201}, {"title": "\0"}, {"products": ["9" * 30]}])
def test_what_is_wrong_is_said_at_the_field(outside, team, filled):
    outage = outside.outage()
    outside.announce(outage)
    told(outside)
    answer = browser_of(User.objects.get(username="ana")).post(own(outage), {"title": "x", **filled})
    assert answer.status_code == 400 and list(answer.context["form"].errors) == list(filled)
    assert Outage.objects.count() == 1


# --- becoming a member ------------------------------------------------------------------------------------------------


def test_a_team_makes_its_own_schedule_a_member_and_no_other(outside, world, team):
    """B146"""
    [other] = world.weekly(world.person("cy"), positions=1)
    ScheduleSubscription.objects.all().delete()
    ana, add = browser_of(User.objects.get(username="ana")), "/admin/stakeholders/schedulesubscription/add/"
    group = outside.groups["7"].pk
    assert ana.post(add, {"schedule": other.pk, "group": group}).status_code == 200
    assert not ScheduleSubscription.objects.exists()
    assert ana.post(add, {"schedule": team.schedules.get().pk, "group": group}).status_code == 302
    made = ScheduleSubscription.objects.get()
    delete = f"/admin/stakeholders/schedulesubscription/{made.pk}/delete/"
    cy = User.objects.get(username="cy")
    cy.is_staff = True
    cy.save()
    assert browser_of(cy).post(delete, {"post": "yes"}).status_code == 403
    assert ana.post(delete, {"post": "yes"}).status_code == 302
    assert not ScheduleSubscription.objects.exists()
