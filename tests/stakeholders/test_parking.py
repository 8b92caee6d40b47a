"""A15: one row of a part of the stakeholders' sweep that raises is parked; the others are done in the same sweep."""

from datetime import timedelta

import pytest

from dispatching.models import AlertEvent, Notice, Parked
from stakeholders.definitions import defining
from stakeholders.models import Match, Message, NotificationDefinition, Outage, ScheduleSubscription
from stakeholders.news import outages, promises
from stakeholders.teams import dependents, engineering_managers
from tests.failing import failing_for
from tests.stakeholders.organisation import SHOW

HOUR = timedelta(hours=1)
WORDS = {"title": "Uploads fail", "text": "No uploads.", "why_major": "x", "why_needed": "x", "what_they_do": "x"}


def parked() -> list[str]:
    return sorted(Parked.objects.values_list("pk", flat=True))


class Whose:
    """Is equal to the outage that this alert led to."""

    def __init__(self, alert):
        self.alert = alert

    def __eq__(self, row):
        return isinstance(row, Outage) and self.alert in row.alerts.all()


def services(world):
    return [world.service(world.policy((HOUR, world.person(name))), name=name) for name in ("ana", "bo")]


def test_a_message_that_cannot_be_planned_holds_up_only_later_ones_of_its_bracket(outside):
    outside.subscriber("ann", "7")
    broken, whole = outside.outage(title="Broken"), outside.outage(title="Whole")
    outside.announce(broken)
    first = Message.objects.get()
    Message.objects.update(audience={"level": 1, "anybody": True, "told": []})
    outside.world.now += timedelta(seconds=1)
    outages.end(broken, "It works.", now=outside.world.now)
    outside.announce(whole)
    assert [each.content.subject for each in outside.planned()] == [Message.objects.latest("pk").content.subject]
    assert parked() == [f"message/{first.pk}"]
    assert Message.objects.filter(due_at__isnull=False, bracket=first.bracket).count() == 2
    Message.objects.filter(pk=first.pk).update(audience=Message.objects.latest("pk").audience)
    outside.advance(seconds=9)
    assert outside.told() == []
    outside.advance(seconds=1)
    assert outside.told() == ["ann", "ann"] and parked() == []


def test_an_outage_whose_communicator_cannot_be_reminded_holds_up_no_other(outside, monkeypatch):
    broken, whole = (outside.outage(communicator=outside.world.person(name)) for name in ("ana", "bo"))
    for outage in (broken, whole):
        outside.announce(outage)
    monkeypatch.setattr(promises, "_remind", failing_for(promises._remind, broken))
    outside.world.now += 4 * HOUR
    outside.sweep()
    reminded = Notice.objects.filter(kind=Notice.Kind.PROMISE)
    assert [notice.recipient.name for notice in reminded] == ["Bo"] and parked() == [f"promise/{broken.pk}"]
    broken.refresh_from_db()
    assert broken.due_at <= outside.world.now, "it counts as overdue"


@pytest.mark.parametrize("kind", ["definition", "match", "announcement"])
def test_a_definition_an_alert_or_an_outage_that_raises_holds_up_no_other(outside, monkeypatch, kind):
    outside.subscriber("ann", "7")
    world, made = outside.world, []
    for service in services(world):
        definition = NotificationDefinition.objects.create(
            name=service.name, service=service.service, mode="auto", repeats=1 + (kind == "definition"), **WORDS
        )
        defining.put_live(definition, now=world.now)
        about = {"deployment": SHOW, "product": "A", "priority": 2}
        made.append((definition, [world.trigger(service, "k", **about) for _ in range(2)][0]))
    [_, alert], [whole, _] = made
    if kind == "definition":
        AlertEvent.objects.filter(alert=alert).update(data={"count": "many"})
    elif kind == "match":
        monkeypatch.setattr(defining, "_match", failing_for(defining._match, alert.pk))
    else:
        monkeypatch.setattr(defining, "_announce", failing_for(defining._announce, Whose(alert)))
    assert outside.told() == ["ann"]
    announced = Outage.objects.filter(announced_at__isnull=False)
    assert [match.definition for match in Match.objects.filter(outage__in=announced)] == [whole]
    assert [key.partition("/")[0] for key in parked()] == [kind]


def test_a_team_or_a_manager_that_cannot_be_told_holds_up_no_other(outside, monkeypatch):
    world = outside.world
    members = []
    for name in ("ana", "bo"):
        [schedule] = world.weekly(world.person(name), positions=1)
        members.append(
            ScheduleSubscription.objects.create(schedule=schedule, group=outside.groups["7"], since=world.now)
        )
    monkeypatch.setattr(dependents, "_tell", failing_for(dependents._tell, members[0].pk))
    outside.priority.tells_management = True
    outside.priority.save()
    broken, whole = outside.outage(), outside.outage()
    say = engineering_managers._say_that_nobody_is_told
    monkeypatch.setattr(engineering_managers, "_say_that_nobody_is_told", failing_for(say, broken))
    outside.announce(whole)
    outside.sweep()
    assert [notice.recipient.name for notice in Notice.objects.filter(kind=Notice.Kind.NEWS)] == ["Bo"]
    assert whole.events.filter(text__contains="told to management").exists()
    assert not broken.events.filter(text__contains="told to management").exists()
    assert parked() == [f"manager/management/outage/{broken.pk}", f"team/{whole.updates.get().pk}/{members[0].pk}"]
