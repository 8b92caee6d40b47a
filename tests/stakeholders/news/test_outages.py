"""Outages told in brackets: announced, updated, ended; to those who asked, once each, always with an end."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from dispatching.alerts import lifecycle, timeline
from dispatching.models import Alert, Batch, Escalation, Notice, Priority
from schedules.refused import Refused
from schedules.templatetags.times import moment
from stakeholders.models import Bracket, Message, Outage, Subscription, Update
from stakeholders.news import fanning, messages, outages
from tests.stakeholders.organisation import EU, HOUR, JP, SHOW, US
from tests.sure import sure

MINUTE = timedelta(minutes=1)


def end_subscription(subscription: Subscription, now) -> None:
    Subscription.objects.filter(pk=subscription.pk).update(state="ended", ended_at=now, end_reason="left")


# --- whom -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "what", "told"),
    [
        ([US], "B", ["two"]),  # B19
        ([EU], "C", ["five"]),  # B20
        ([EU], "AB", ["five", "four"]),  # B21
        ([JP], "A", ["six"]),  # B22
        ([JP], "ABC", ["six"]),
        ([SHOW], "B", ["seven"]),  # B23
    ],
    ids=["B19", "B20", "B21", "B22", "B22 all", "B23"],
)
def test_table_8_4(outside, where, what, told):
    """B18, B82"""
    for number, name in enumerate(("one", "two", "three", "four", "five", "six", "seven"), 1):
        outside.subscriber(name, str(number))
    outside.announce(outside.outage(where, what))
    assert outside.told() == told


def test_one_message_each_however_many_groups_match(outside):
    """B4, B14, invariant 12: the mail names all groups that matched."""
    outside.subscriber("ann", "4", "5")
    outside.announce(outside.outage([EU], "AB"))
    [delivery] = outside.planned()
    assert delivery.data["parts"] == [str(outside.groups["4"].pk), str(outside.groups["5"].pk)]


def test_only_confirmed_contact_points_with_an_active_subscription(outside):
    """B2, B44, invariant 11"""
    point = outside.subscriber("unverified", "7")
    point.verified = False
    point.save()
    end_subscription(outside.subscriber("left", "7").subscriptions.get(), outside.world.now)
    outside.subscribe(outside.subscriber("asked"), "7")
    Subscription.objects.filter(contact_point__address="asked").update(state="asked", confirmed_at=None)
    outside.subscriber("ann", "7")
    outside.announce(outside.outage())
    assert outside.told() == ["ann"]


def test_a_subscription_can_be_narrowed(outside):
    """B10, B15"""
    a, b = (outside.products[name].pk for name in "AB")
    outside.subscriber("only-a", "7", products=[a])
    outside.subscriber("only-b", "7", products=[b])
    outside.subscriber("elsewhere", "7", deployments=[outside.deployments[US].pk])
    outside.subscriber("important", "7", least_priority=1)
    outside.announce(outside.outage([SHOW], "A"))
    assert outside.told() == ["only-a"]


def test_quiet_hours_put_it_off_until_they_end(outside):
    """B10: on the subscriber's own clock, over midnight, too."""
    # 9:00 UTC is 14:30 in Kolkata and 10:00 in Berlin.
    outside.subscriber(
        "asleep", "7", quiet={"time_zone": "Asia/Kolkata", "quiet_from": "14:00", "quiet_until": "06:00"}
    )
    outside.subscriber(
        "awake", "7", quiet={"time_zone": "Europe/Berlin", "quiet_from": "22:00", "quiet_until": "10:00"}
    )
    outside.announce(outside.outage())
    due = {each.contact_point.address: each.due_at for each in outside.planned()}
    assert due == {"asleep": datetime(2026, 1, 6, 0, 30, tzinfo=UTC), "awake": outside.world.now}


def test_a_cell_that_no_group_covers_warns(outside):
    """B26"""
    outside.groups["6"].products.set([outside.products["A"]])
    outside.groups["6"].all_products = False
    outside.groups["6"].save()
    with pytest.raises(Refused, match="nobody would be told: choose groups") as refused:
        outside.announce(outside.outage([JP], "B"))
    assert refused.value.field == "groups"
    outage = outside.outage([JP], "AB")
    outside.announce(outage)
    assert "no group covers Production JP × B: nobody there was told" in [event.text for event in outage.events.all()]


def test_chosen_groups_reach_their_matching_subgroups(outside):
    """B17, B41"""
    parent = outside.group("Marketing")
    for name in ("6", "7"):
        outside.groups[name].parent = parent
        outside.groups[name].save()
    outside.subscriber("jp", "6")
    outside.subscriber("show", "7")
    outside.groups["M"] = parent
    outside.subscriber("all", "M", "7")
    outside.announce(outside.outage([SHOW], "A", links={"groups": [parent]}))
    assert outside.told() == ["all", "show"]


# --- whether ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sentence", "field"),
    [
        ({"high_profile": False}, "not high-profile", "high_profile"),  # B1
        ({"priority": None}, "no priority", "priority"),  # B139, B142
    ],
    ids=["B1", "B142"],
)
def test_what_stakeholders_are_not_told(outside, values, sentence, field):
    """B1, B139, B142"""
    outside.subscriber("ann", "7")
    with pytest.raises(Refused, match=sentence) as refused:
        outside.announce(outside.outage(**values))
    assert refused.value.field == field and outside.told() == []


def test_a_priority_that_tells_no_stakeholders(outside):
    """B134"""
    outside.subscriber("ann", "7")
    silent = Priority.objects.create(level=5, name="P5")
    with pytest.raises(Refused, match="With priority P5 stakeholders are not told"):
        outside.announce(outside.outage(priority=silent))
    assert outside.told() == []


@pytest.mark.parametrize(("where", "what", "field"), [((), "A", "deployments"), ((SHOW,), "", "products")])
def test_a_message_without_what_its_readers_need_is_not_sent(outside, where, what, field):
    """B5, B85"""
    with pytest.raises(Refused) as refused:
        outside.announce(outside.outage(where, what))
    assert refused.value.field == field
    with pytest.raises(Refused) as refused:
        outside.announce(outside.outage(), "  ")
    assert refused.value.field == "text" and not Update.objects.exists()


@pytest.mark.parametrize(
    ("within", "late", "sentence"),
    [
        (None, "", "Say when the next message comes"),
        (timedelta(0), "", "Choose a time in the future"),
        (5 * HOUR, "", "The priority promises a message every 4 hours"),
    ],
)
def test_a_promise_that_cannot_be_made(outside, within, late, sentence):
    """B88, invariants 3 and 4"""
    now = outside.world.now
    promise = now + within if within is not None else None
    with pytest.raises(Refused, match=sentence) as refused:
        outages.announce(outside.outage(), "text", next_update_by=promise, now=now, late_reason=late)
    assert refused.value.field == "next_update_by"


def test_a_later_promise_needs_a_reason(outside):
    """B89, invariant 4"""
    update = outside.announce(outside.outage(), within=6 * HOUR, late_reason="the parts arrive tomorrow")
    assert "Later than usual: the parts arrive tomorrow" in update.messages.get().content.text


# --- brackets ---------------------------------------------------------------------------------------------------------


def test_announced_updated_ended(outside):
    """B86, B90, B99: those who were told the start are told the rest, except who has left."""
    stays, leaves = outside.subscriber("stays", "7"), outside.subscriber("leaves", "7")
    outage = outside.outage()
    outside.announce(outage)
    assert outside.told() == ["leaves", "stays"]
    end_subscription(leaves.subscriptions.get(), outside.world.now)
    outside.advance(minutes=30)
    outages.nothing_new(outage, now=outside.world.now)
    assert outside.told() == ["stays"]
    outside.advance(minutes=21)
    outages.end(outage, "Uploads work again.", now=outside.world.now)
    assert outside.told() == ["stays"]
    outage.refresh_from_db()
    assert (outage.state, outage.next_update_by, outage.brackets.get().state) == ("ended", None, "closed")
    assert [update.kind for update in outage.updates.all()] == ["announcement", "progress", "end"]
    assert stays.subscriptions.get().state == "active"


def test_those_told_the_start_get_the_end_even_if_they_no_longer_match(outside):
    """B35, B97"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    outside.told()
    outside.groups["7"].deployments.set([outside.deployments[US]])
    outages.end(outage, "It works again.", now=outside.world.now + MINUTE)
    assert outside.told() == []  # not due yet: the clock has not moved
    outside.advance(minutes=1)
    assert outside.told() == ["ann"]


def test_who_subscribes_in_the_middle_gets_the_state_as_of_now_then_the_rest(outside):
    """B98"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    outages.update(outage, "We found it.", next_update_by=outside.world.now + HOUR, now=outside.world.now)
    assert outside.told() == ["ann", "ann"]
    late = outside.subscriber("late", "7")
    assert fanning.catch_up([late.pk], now=outside.world.now) == 1
    [state] = outside.planned()
    assert state.contact_point == late and "We found it." in state.content.text
    assert fanning.catch_up([late.pk], now=outside.world.now) == 0, "told once"
    outages.end(outage, "It works again.", now=outside.world.now)
    assert outside.told() == ["ann", "late"]


def test_only_the_first_and_the_last_message_for_those_who_want_no_more(outside):
    """B10, B83"""
    outside.subscriber("brief", "7", kinds="ends")
    outage = outside.outage()
    outside.announce(outage)
    assert outside.told() == ["brief"]
    outages.nothing_new(outage, now=outside.world.now)
    assert outside.told() == []
    outages.end(outage, "It works again.", now=outside.world.now)
    assert outside.told() == ["brief"]


def test_nothing_but_a_correction_follows_the_end_and_nothing_precedes_the_announcement(outside):
    """B87, invariant 2, invariant 15"""
    outside.subscriber("ann", "7")
    outage, now = outside.outage(), outside.world.now
    for early in (outages.nothing_new, lambda o, now: outages.correct(o, "text", now=now)):
        with pytest.raises(Refused, match="announcement comes first"):
            early(outage, now=now)
    outside.announce(outage)
    with pytest.raises(Refused, match="already been announced"):
        outside.announce(outage)
    outages.end(outage, "It works again.", now=now)
    for late in (outages.nothing_new, lambda o, now: outages.end(o, "text", now=now)):
        with pytest.raises(Refused, match="only a correction may follow"):
            late(outage, now=now)
    assert outside.told() == ["ann", "ann"]
    outages.correct(outage, "It was product B.", now=now)
    assert outside.told() == ["ann"]


def test_an_outage_that_nobody_was_told_of_ends_in_silence(outside):
    """B1"""
    outside.subscriber("ann", "7")
    outage = outside.outage(high_profile=False)
    assert outages.end(outage, "", now=outside.world.now) is None
    outage.refresh_from_db()
    assert outage.state == "ended" and outside.told() == []


@pytest.mark.parametrize("kind", ["announcement", "end"])
def test_one_announcement_and_one_end_are_constraints(outside, kind):
    """Invariant 2"""
    outage, now = outside.outage(), outside.world.now
    promise = now + HOUR if kind == "announcement" else None
    values = {"outage": outage, "kind": kind, "text": "t", "at": now, "next_update_by": promise}
    Update.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Update.objects.create(**values)


def test_saving_a_message_without_the_next_time_fails(outside):
    """B88"""
    with pytest.raises(IntegrityError), transaction.atomic():
        Update.objects.create(outage=outside.outage(), kind="progress", text="t", at=outside.world.now)


# --- priority and promises --------------------------------------------------------------------------------------------


def test_a_change_of_priority_keeps_a_promise_or_brings_it_forward(outside):
    """B140, B141, invariant 23; bB3: what was read before the change promises by it, too."""
    urgent = Priority.objects.create(level=1, name="P1", tells_stakeholders=True, update_interval=2 * HOUR)
    rare = Priority.objects.create(level=3, name="P3", tells_stakeholders=True, update_interval=6 * HOUR)
    outage, start = outside.outage(), outside.world.now
    outside.announce(outage)
    outages.change_priority(outage, rare, reason="fewer customers", now=start)
    outage.refresh_from_db()
    assert outage.next_update_by == start + 4 * HOUR
    read_before = Outage.objects.get()
    outages.change_priority(outage, urgent, reason="log-on, too", now=start)
    outage.refresh_from_db()
    assert (outage.next_update_by, outage.priority_reason) == (start + 2 * HOUR, "log-on, too")
    assert outages.nothing_new(read_before, now=start).next_update_by == start + 2 * HOUR


def test_the_communicator_is_reminded_before_the_promise_at_it_and_while_it_is_overdue(outside):
    """B170"""
    ana = outside.world.person("ana")
    outage = outside.outage(communicator=ana)
    outside.announce(outage)
    outside.advance(hours=3, minutes=40)
    assert not Notice.objects.exists()
    for minutes in (5, 15, 15):
        outside.advance(minutes=minutes)
    assert [notice.text for notice in Notice.objects.order_by("pk")] == [
        "An update on “Uploads fail” is due in 15 minutes.",
        "An update on “Uploads fail” has been due since Mon 5 Jan 2026, 13:00 UTC.",
        "An update on “Uploads fail” has been due since Mon 5 Jan 2026, 13:00 UTC.",
    ]
    outages.nothing_new(outage, now=outside.world.now)
    outside.advance(minutes=20)
    assert Notice.objects.count() == 3


# --- the atypical case ------------------------------------------------------------------------------------------------


def test_by_default_nobody_needs_to_acknowledge(outside):
    """B7"""
    outside.subscriber("ann", "7")
    outside.announce(outside.outage())
    outside.advance(hours=1)
    assert not Alert.objects.exists() and not Escalation.objects.exists()


def test_where_it_is_required_it_escalates_along_a_chain_until_one_acknowledges(outside):
    """B8, B9: by the engine that pages people on call."""
    world = outside.world
    first, second, third = (world.person(name) for name in ("first", "second", "third"))
    chain = world.service(world.policy((HOUR, first), (HOUR, second), (HOUR, third)), name="Leadership")
    outage = outside.outage([SHOW], "A", chain=chain)
    outside.subscriber("ann", "7")
    outside.announce(outage)
    world.sweep()
    assert "first" in world.told()
    outside.advance(hours=1)
    assert "second" in world.told()
    lifecycle.acknowledge(Alert.objects.get(), by=second, now=world.now)
    outside.advance(hours=3)
    assert "third" not in world.told()
    ended_by = world.person("desk")
    outages.end(outage, "It works again.", by=ended_by, now=world.now)
    alert = Alert.objects.get()
    assert alert.state == Alert.State.RESOLVED
    last = timeline.of(alert)[-1]
    assert (last.text, last.by) == (f"resolved by Desk via the end of outage #{outage.pk}", ended_by), "bA6"


# --- fan-out ----------------------------------------------------------------------------------------------------------


def test_planning_goes_on_where_it_stopped_and_tells_nobody_twice(outside):
    """B4, P15, invariant 20"""
    for number in range(25):
        outside.subscriber(f"s{number:02}", "7")
    outside.announce(outside.outage())
    now = outside.world.now
    assert fanning.plan_due(now, most=10)
    message = Message.objects.get()
    assert (message.planned, [len(each.contact_points) for each in Batch.objects.all()]) == (10, [10])
    Message.objects.update(planned_up_to=0)  # as if what was planned had been forgotten
    while fanning.plan_due(now, most=10):
        pass
    assert len(outside.told()) == 25
    message.refresh_from_db()
    assert (message.due_at, message.planned_at, message.planned) == (None, now, 25)


def test_who_leaves_before_it_is_planned_is_not_told(outside):
    """B99, P8"""
    outside.subscriber("ann", "7")
    point = outside.subscriber("bea", "7")
    outside.announce(outside.outage())
    end_subscription(point.subscriptions.get(), outside.world.now)
    assert outside.told() == ["ann"]


def test_the_audience_is_kept_with_the_message(outside):
    """B34, invariant 21"""
    outside.subscriber("ann", "7")
    outside.announce(outside.outage())
    [told] = Message.objects.get().audience["told"]
    outside.groups["7"].name = "Renamed"
    outside.groups["7"].save()
    assert told["name"] == "7" and told["reason"] == "covers what is affected" and told["counts"] == {"memory": 1}


# --- Tables 8.6 and 8.7 -----------------------------------------------------------------------------------------------


def test_tables_8_6_and_8_7_field_by_field(outside):
    """B85, B89, B90, B91, B92, B93, D3, D5, D6; P8: how long it lasted, and the time to recovery with its anchor; P40: the
    subject of the end says that it is over; P1: the readers' ring is named, not numbered.
    """
    world = outside.world
    world.now = datetime(2020, 12, 1, 15, 0, tzinfo=UTC)
    outside.subscriber("ann", "7")
    text = (
        "No data uploads from most point-of-sale devices of the showcase deployment after the latest cloud deployment."
    )
    began = world.now - timedelta(minutes=22)
    outage = outside.outage(title="Uploads fail", said_geography="worldwide", started_at=began)
    first = outside.announce(outage, text).messages.get().content
    for line in (
        "ANNOUNCEMENT: Uploads fail",
        text,
        "We will write again within 4 hours (by 1 December 2020, 19:00 UTC), sooner if there is news.",
        "Recipients: everyone",
        "Geography: worldwide",
        "Products: all",
        "Since: 1 December 2020, 14:38 UTC",
        "Sent: 1 December 2020, 15:00 UTC",
    ):
        assert line in messages.specimen(first), line
    assert "recovery" not in first.text
    end = datetime(2020, 12, 1, 15, 51, tzinfo=UTC)
    said = outages.end(
        outage,
        "Uploads are reinstated.",
        done="A deployment with a fix was performed.",
        remains="Missing data is re-uploaded within 24 hours.",
        now=end,
    )
    last = sure(said).messages.get().content
    for line in (
        "RESOLVED: Uploads fail",
        "Uploads are reinstated.",
        "What was done: A deployment with a fix was performed.",
        "What is still to come: Missing data is re-uploaded within 24 hours.",
        "This is our last message about this outage.",
        "Lasted: 1 hour 13 minutes, from 1 December 2020, 14:38 UTC to 1 December 2020, 15:51 UTC",
        "Sent: 1 December 2020, 15:51 UTC",
        "Time to recovery: 51 minutes, counted from the announcement on 1 December 2020, 15:00 UTC",
    ):
        assert line in messages.specimen(last), line
    assert "We will write again" not in last.text and last.subject == f"Resolved: {first.subject}"
    for said_ in (*vars(first).values(), *vars(last).values()):
        assert not re.search(r"\bring\b", str(said_)), said_
    assert Bracket.objects.get().state == "closed" and Outage.objects.get().ended_at == end


def test_an_end_that_is_written_late_says_since_when_it_was_over(outside):
    """The length that people read, and the one on record, end when it worked again, not when somebody found the time to write."""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    began, now = outside.world.now, outside.world.now + 3 * HOUR
    for wrong, why in ((now + HOUR, "in the future"), (began - HOUR, "before it began")):
        with pytest.raises(Refused, match=why) as refused:
            outages.end(outage, "It works again.", over_since=wrong, now=now)
        assert refused.value.field == "over_since" and not Update.objects.filter(kind="end").exists()
    last = sure(outages.end(outage, "It works again.", over_since=began + HOUR, now=now)).messages.get().content
    said = messages.specimen(last)
    assert "Lasted: 1 hour, from " in said and "Time to recovery: 1 hour, counted from " in said
    outage.refresh_from_db()
    assert (outage.over_since, outage.ended_at) == (began + HOUR, now)
    assert sure(outage.events.last()).text == f"ended, over since {moment(began + HOUR)}"


def test_what_was_over_before_it_was_announced_has_no_time_to_recovery(outside):
    outside.subscriber("ann", "7")
    began = outside.world.now - 3 * HOUR
    outage = outside.outage(started_at=began)
    outside.announce(outage)
    last = outages.end(outage, "It works again.", over_since=began + HOUR, now=outside.world.now)
    said = messages.specimen(sure(last).messages.get().content)
    assert "Lasted: 1 hour, from " in said and "Time to recovery" not in said


def test_each_group_reads_what_to_do_with_the_news(outside):
    """B15a"""
    outside.groups["7"].advice = "Move demos to tomorrow."
    outside.groups["7"].save()
    outside.subscriber("ann", "7")
    content = outside.announce(outside.outage()).messages.get().content
    assert content.parts[str(outside.groups["7"].pk)]["text"] == "- 7: Move demos to tomorrow."
    assert "- 7: Move demos to tomorrow." in messages.specimen(content)


def test_markup_in_what_is_said_is_only_text(outside):
    """K9"""
    content = outside.announce(outside.outage(title="<b>Up</b>"), "<script>x</script>").messages.get().content
    assert "<script>" not in content.html and "<b>" not in content.html
    assert "<script>x</script>" in content.text


def test_a_correction_after_a_missed_promise_says_no_length_of_time(outside):
    """bB6: it read “within -1 day 23 hours”."""
    outage = outside.outage()
    outside.announce(outage, within=HOUR)
    outside.world.now += 2 * HOUR
    text = messages.specimen(outages.correct(outage, "It was product B.", now=outside.world.now).messages.get().content)
    assert "The next message was due by 5 January 2026, 10:00 UTC. We will send it as soon as we can." in text
    assert "We will write again within" not in text and "-1" not in text
