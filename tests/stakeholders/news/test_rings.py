"""Rings: who is told first, who later, and who never. Ring 1 is told at once, ring 2 after an hour, ring 3 by the projection."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction

from dispatching.models import Delivery, Priority
from schedules.refused import Refused
from stakeholders.models import Bracket, Message, Outage, StakeholderGroup, StakeholderRing, Subscription, UpdateWording
from stakeholders.news import atom, fanning, messages, outages, wordings
from tests.races import behind
from tests.stakeholders.organisation import HOUR, SHOW, US, Stakeholders
from tests.sure import sure
from tests.world import World

MINUTE = timedelta(minutes=1)


def rings_of(outside: Stakeholders) -> Stakeholders:
    """Three rings with a group each for the showcase, and ann, bob and cem in them; dan is in the first two."""
    for number, rule in ((1, {}), (2, {"elapsed": HOUR}), (3, {"projected": 4 * HOUR})):
        ring = StakeholderRing.objects.create(number=10 + number, name=f"circle {number}", boundary="external", **rule)
        outside.groups[f"ring {number}"] = outside.group(f"ring {number}", [SHOW], None, ring=ring)
    for name, groups in (("ann", "1"), ("bob", "2"), ("cem", "3"), ("dan", "12")):
        outside.subscriber(name, *(f"ring {number}" for number in groups))
    StakeholderGroup.objects.exclude(name__startswith="ring").update(ring=None)
    return outside


@pytest.fixture
def rings(outside) -> Stakeholders:
    return rings_of(outside)


def states(outage: Outage) -> list[str]:
    return [bracket.state for bracket in outage.brackets.all()]


def subjects(outside: Stakeholders) -> list[tuple[str, str]]:
    """Who is told something since the last time, and the first word of what they read."""
    found = outside.planned()
    return sorted((sure(each.contact_point).address, specimen(each).split(":")[0]) for each in found)


def specimen(delivery: Delivery) -> str:
    return messages.specimen(sure(delivery.content))


def test_the_innermost_ring_is_told_at_once_and_the_next_when_its_time_has_come(rings):
    """B46 to B51, B54: with the last news as the state of now, and a promise that counts from now."""
    outage = rings.outage()
    rings.announce(outage, "No uploads.")
    assert subjects(rings) == [("ann", "ANNOUNCEMENT"), ("dan", "ANNOUNCEMENT")]
    assert states(outage) == ["open", "waiting", "waiting"]
    rings.advance(minutes=30)
    outages.update(outage, "US only.", next_update_by=rings.world.now + 4 * HOUR, now=rings.world.now)
    assert subjects(rings) == [("ann", "UPDATE"), ("dan", "UPDATE")]
    rings.advance(minutes=29, seconds=59)
    assert states(outage)[1] == "waiting" and rings.told() == []
    rings.advance(seconds=1)
    assert states(outage) == ["open", "open", "waiting"]
    [first] = rings.planned()
    text = specimen(first)
    assert sure(first.contact_point).address == "bob", "B4: dan is told once, by the inner ring"
    assert text.startswith("ANNOUNCEMENT: Uploads fail\n\nUS only.\n")
    assert "Recipients: circle 2" in text and "Sent: 5 January 2026, 10:00 UTC" in text
    assert "within 3 hours 30 minutes (by 5 January 2026, 13:30 UTC)" in text
    assert first.content.data["update"]["kind"] == "announcement"


def test_who_wants_only_the_first_and_the_last_message_gets_the_first_of_their_ring(rings):
    """The first message of ring 2 is its announcement, also if it tells what an update has told ring 1."""
    Subscription.objects.filter(contact_point__address="bob").update(kinds="ends")
    outage = rings.outage()
    rings.announce(outage)
    outages.update(outage, "US only.", next_update_by=rings.world.now + 2 * HOUR, now=rings.world.now)
    rings.advance(hours=1)
    assert ("bob", "ANNOUNCEMENT") in subjects(rings)
    outages.update(outage, "Still.", next_update_by=rings.world.now + 2 * HOUR, now=rings.world.now)
    assert rings.told() == ["ann", "dan"]


def test_who_wants_less_of_the_inner_ring_does_not_get_the_rest_by_the_outer_one(rings):
    """B4: somebody in two rings is told by the inner one, as they chose there."""
    Subscription.objects.filter(contact_point__address="dan", group__name="ring 1").update(kinds="ends")
    outage = rings.outage()
    rings.announce(outage)
    outages.update(outage, "US only.", next_update_by=rings.world.now + 2 * HOUR, now=rings.world.now)
    assert subjects(rings) == [("ann", "ANNOUNCEMENT"), ("ann", "UPDATE"), ("dan", "ANNOUNCEMENT")]
    rings.advance(hours=1)
    assert subjects(rings) == [("bob", "ANNOUNCEMENT")]


def test_the_messages_of_an_outage_are_planned_in_the_order_of_the_rings(transactional_db):
    """While a worker plans the message of the inner ring, no other one plans that of the outer ring, which depends on it."""
    outside = rings_of(Stakeholders(World(datetime.now(UTC))))
    StakeholderRing.objects.filter(number=12).update(priority=2)
    outside.announce(outside.outage())
    inner = Message.objects.earliest("pk")
    with transaction.atomic():
        Message.objects.select_for_update().get(pk=inner.pk)
        with ThreadPoolExecutor(1) as worker:
            assert worker.submit(planned_apart, outside.world.now).result() is False
    assert fanning.plan_due(outside.world.now) and fanning.plan_due(outside.world.now)


def planned_apart(now: datetime) -> bool:
    try:
        return fanning.plan_due(now)
    finally:
        connection.close()


def test_a_later_ring_is_not_told_that_there_is_no_news_but_the_last_news_with_its_correction(rings):
    outage = rings.outage()
    rings.announce(outage, "No uploads.")
    outages.correct(outage, "It is product B.", now=rings.world.now)
    rings.advance(minutes=30)
    outages.nothing_new(outage, now=rings.world.now)
    rings.planned()
    rings.advance(minutes=30)
    assert subjects(rings) == [("bob", "ANNOUNCEMENT"), ("bob", "CORRECTION")]
    first = messages.specimen(Message.objects.filter(bracket__ring__number=12).earliest("pk").content)
    assert "No uploads." in first and "(by 5 January 2026, 13:30 UTC)" in first, "the promise is the one of now"


def test_an_outage_that_ends_after_51_minutes_tells_ring_2_nothing_then_and_later(rings):
    """B94, invariant 6"""
    outage = rings.outage()
    rings.announce(outage)
    rings.planned()
    rings.advance(minutes=51)
    outages.end(outage, "It works again.", now=rings.world.now)
    waited = outage.brackets.get(ring__number=12)
    assert (waited.state, waited.reason, waited.due_at) == ("not_needed", "not needed: ended first", None)
    assert rings.told() == ["ann", "dan"]
    rings.advance(minutes=60)
    assert rings.told() == [] and not waited.messages.exists()
    outage.deployments.add(rings.deployments[US])
    rings.group("US only", [US], None, ring=StakeholderRing.objects.get(number=1))
    outages.consider(outage, now=rings.world.now)
    assert outage.brackets.count() == 3, "a ring that is affected afterwards has nothing to be told"
    assert "ring 12: circle 2: not needed: ended first" in outage.events.values_list("text", flat=True)


def test_a_ring_that_was_told_a_minute_before_the_end_is_told_the_end(rings):
    """B96"""
    outage = rings.outage()
    rings.announce(outage)
    rings.advance(minutes=60)
    rings.planned()
    rings.advance(minutes=1)
    outages.end(outage, "It works again.", now=rings.world.now)
    assert subjects(rings) == [("ann", "RESOLVED"), ("bob", "RESOLVED"), ("dan", "RESOLVED")]
    assert states(outage) == ["closed", "closed", "not_needed"]


def test_an_end_and_the_clock_of_the_ring_in_the_same_instant(transactional_db):
    """B95: whoever gets the lock first, ring 2 is told either nothing, or the start and the end."""
    outside = rings_of(Stakeholders(World(datetime.now(UTC))))
    won = set()
    for _ in range(5):
        outage = outside.outage()
        outside.announce(outage)
        due = outside.world.now + HOUR
        [ended, _] = behind(
            outage,
            partial(outages.end, outage, "It works again.", now=due),
            partial(outages.consider, outage, now=due),
        )
        assert not isinstance(ended, Refused)
        assert not outages.tell_due_rings(due)
        said = list(
            Message.objects.filter(bracket__outage=outage, bracket__ring__number=12).values_list("kind", flat=True)
        )
        assert said in ([], ["announcement", "end"])
        won.add(len(said))
        outside.world.now += 2 * HOUR
    assert won <= {0, 2}


def test_while_an_outage_is_locked_the_clock_goes_on_to_the_next_one(rings):
    """The clock waits for no lock, and a row that it skips is found again."""
    outage = rings.outage()
    rings.announce(outage)
    assert not outages.tell_due_rings(rings.world.now)
    assert outages.tell_due_rings(rings.world.now + HOUR)
    assert not outages.tell_due_rings(rings.world.now + HOUR)


def test_a_projection_is_looked_at_at_once_and_its_history_is_kept(rings):
    """B52, B56, B57: a shorter one un-tells nobody. Ring 3 still waits for ring 2 (B49)."""
    outage, now = rings.outage(), rings.world.now
    rings.announce(outage)
    outages.project(outage, now + 5 * HOUR, reason="a disk is being replaced", now=now)
    assert states(outage) == ["open", "waiting", "waiting"]
    assert outage.brackets.get(ring__number=13).due_at == now + HOUR, "with ring 2"
    rings.advance(hours=1)
    assert states(outage) == ["open", "open", "open"]
    outages.project(outage, rings.world.now + MINUTE, now=rings.world.now)
    assert states(outage) == ["open", "open", "open"]
    lines = list(outage.events.values_list("text", flat=True))
    assert (
        "expected recovery unknown → Mon 5 Jan 2026, 14:00 UTC: a disk is being replaced" in lines
        and "expected recovery Mon 5 Jan 2026, 14:00 UTC → Mon 5 Jan 2026, 10:01 UTC" in lines
    )
    with pytest.raises(Refused, match="in the future"):
        outages.project(outage, rings.world.now, now=rings.world.now)


def test_a_projection_that_shortens_before_the_ring_was_told_lets_it_wait(rings):
    outage, now = rings.outage(), rings.world.now
    rings.announce(outage)
    outages.project(outage, now + 5 * HOUR, now=now)
    outages.project(outage, now + 2 * HOUR, now=now)
    assert outage.brackets.get(ring__number=13).due_at is None
    rings.advance(hours=1)
    assert states(outage) == ["open", "open", "waiting"]


def test_a_change_of_priority_or_severity_is_looked_at_at_once(rings):
    """B53, B56, B141; invariant 23: it un-tells nobody."""
    StakeholderRing.objects.filter(number=12).update(elapsed=None, priority=1)
    StakeholderRing.objects.filter(number=13).update(projected=None, severity="error")
    outage, now = rings.outage(), rings.world.now
    rings.announce(outage)
    first = Priority.objects.create(level=1, name="P1", tells_stakeholders=True, update_interval=HOUR)
    outages.change_priority(outage, first, reason="all shops", now=now)
    assert states(outage) == ["open", "open", "waiting"]
    Outage.objects.filter(pk=outage.pk).update(severity="critical")
    outages.consider(outage, now=now)
    assert states(outage) == ["open", "open", "open"]
    outages.change_priority(outage, rings.priority, reason="some shops", now=now)
    assert states(outage) == ["open", "open", "open"]


def test_an_outage_that_stops_being_for_stakeholders_tells_no_further_ring(rings):
    outage = rings.outage()
    rings.announce(outage)
    Outage.objects.filter(pk=outage.pk).update(high_profile=False)
    rings.advance(hours=2)
    assert states(outage) == ["open", "waiting", "waiting"]
    Outage.objects.filter(pk=outage.pk).update(high_profile=True)
    outages.consider(outage, now=rings.world.now)
    assert states(outage) == ["open", "open", "waiting"]


def test_the_lowest_ring_with_a_group_that_is_affected_is_the_first(rings):
    """B50, B59"""
    rings.group("US only", [US], None, ring=StakeholderRing.objects.get(number=13))
    rings.subscriber("eve", "ring 3")
    outage = rings.outage(where=(US,))
    rings.announce(outage)
    assert [bracket.ring.number for bracket in outage.brackets.all()] == [13] and states(outage) == ["open"]


def test_a_ring_whose_group_is_affected_later_is_told_then(rings):
    outage = rings.outage(where=(US,))
    rings.groups["far"] = rings.group("far", [US], None, ring=StakeholderRing.objects.get(number=12))
    rings.announce(outage)
    assert [bracket.ring.number for bracket in outage.brackets.all()] == [12]
    both = rings.subscriber("hal", "ring 1", "far")
    outage.deployments.add(rings.deployments[SHOW])
    outages.consider(outage, now=rings.world.now)
    assert states(outage) == ["open", "open", "waiting"]
    assert rings.told() == ["ann", "dan", "hal"]
    assert [message.bracket.ring.number for message, _ in atom.wanted(both)] == [11]


def test_the_rule_is_the_one_of_the_announcement(rings):
    outage = rings.outage()
    rings.announce(outage)
    StakeholderRing.objects.filter(number=12).update(elapsed=MINUTE)
    rings.advance(minutes=30)
    assert states(outage) == ["open", "waiting", "waiting"]


def test_without_a_ring_nobody_is_told(outside):
    """B63"""
    outside.subscriber("ann", "7")
    StakeholderGroup.objects.filter(name="7").update(ring=None)
    outage = outside.outage()
    with pytest.raises(Refused, match="these groups lie in no ring: 7"):
        outside.announce(outage)
    StakeholderGroup.objects.update(ring=None)
    StakeholderRing.objects.all().delete()
    with pytest.raises(Refused, match="No ring is defined"):
        outside.announce(outage)
    assert outside.told() == [] and not Bracket.objects.exists()


def test_a_group_without_a_ring_is_not_told_beside_others_and_is_named(rings):
    rings.groups["lost"] = rings.group("lost", [SHOW], None, ring=None)
    rings.subscriber("fay", "lost")
    outage = rings.outage()
    rings.announce(outage)
    assert rings.told() == ["ann", "dan"]
    assert "lost lies in no ring: nobody in it is told" in outage.events.values_list("text", flat=True)


def test_who_subscribes_in_the_middle_gets_the_state_of_their_inner_ring_once(rings):
    """B98, B4"""
    outage = rings.outage()
    rings.announce(outage)
    rings.advance(hours=1)
    rings.planned()
    late = rings.subscriber("gil", "ring 1", "ring 2")
    assert fanning.catch_up([late.pk], now=rings.world.now) == 1
    [got] = rings.planned()
    assert got.content.message.bracket.ring.number == 11
    outages.end(outage, "It works again.", now=rings.world.now)
    assert rings.told() == ["ann", "bob", "dan", "gil"]


def test_somebody_who_leaves_the_inner_ring_goes_on_by_the_outer_one(rings):
    outage = rings.outage()
    rings.announce(outage)
    rings.planned()
    Subscription.objects.filter(contact_point__address="dan", group__name="ring 1").update(
        state="ended", ended_at=rings.world.now, end_reason="left"
    )
    rings.advance(hours=1)
    assert rings.told() == ["bob"], "dan has read this update"
    outages.update(outage, "Still.", next_update_by=rings.world.now + HOUR, now=rings.world.now)
    assert [each.content.message.bracket.ring.number for each in rings.planned()] == [11, 12, 12]


def test_each_ring_reads_its_own_words(rings):
    """The words for one ring replace those for all; a later ring gets those of the last news."""
    inner, outer = (StakeholderRing.objects.get(number=number) for number in (11, 12))
    words = [
        UpdateWording(ring=inner, language="en", text="The database is full."),
        UpdateWording(ring=outer, language="en", title="No uploads", text="Tell customers to wait."),
        UpdateWording(ring=outer, language="de", title="Keine Uploads", text="Bitte warten."),
    ]
    outage = rings.outage()
    rings.announce(outage, "Uploads are down.", others=words)
    rings.advance(hours=1)
    said = {each.content.message.bracket.ring.number: specimen(each) for each in rings.planned()}
    assert "ANNOUNCEMENT: Uploads fail\n\nThe database is full." in said[11]
    assert "ANNOUNCEMENT: No uploads\n\nTell customers to wait." in said[12]
    assert [row for row, _ in wordings.by_language(outage.updates.get(), outer)] == ["de", "en"]
    assert wordings.titles(outage, outer) == {"en": "No uploads", "de": "Keine Uploads"}
    assert wordings.titles(outage, inner) == {"en": "Uploads fail"}


def test_the_feed_of_somebody_in_two_rings_has_each_update_once(rings):
    outage = rings.outage()
    rings.announce(outage)
    rings.advance(hours=1)
    dan = sure(Subscription.objects.filter(contact_point__address="dan").first()).contact_point
    assert [message.bracket.ring.number for message, _ in atom.wanted(dan)] == [11]


def test_a_group_is_never_open_further_than_its_ring(outside):
    """The database holds it, whatever saves the group or the ring."""
    inside = StakeholderRing.objects.create(number=5, name="inside", boundary="enterprise")
    group = outside.group("sales", [SHOW], None, ring=inside, openness="enterprise")
    for change in (
        lambda: StakeholderGroup.objects.filter(pk=group.pk).update(openness="everyone"),
        lambda: StakeholderRing.objects.filter(pk=inside.pk).update(boundary="product"),
        lambda: outside.group("open", [SHOW], None, ring=inside, openness="everyone"),
    ):
        with pytest.raises(IntegrityError, match="beyond"), transaction.atomic():
            change()
    StakeholderRing.objects.filter(pk=inside.pk).update(boundary="external")
    StakeholderGroup.objects.filter(pk=group.pk).update(openness="everyone")
