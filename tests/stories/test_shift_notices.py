"""Messages that are no pages: shift reminders, handovers, calendars that cannot be read (A12, A10, A48, F9)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from dispatching import audit
from dispatching.alerts import lifecycle
from dispatching.channels import memory, webhook
from dispatching.models import ContactPoint, Delivery, Notice, Recipient, ShiftWatch
from dispatching.notices import notices, shift_watch
from schedules.models import Absence, CalendarFeed, HandoverNote, Override, Rotation, Schedule, User
from tests.api import client_of
from tests.browser import browser_of, text
from tests.races import behind, together
from tests.sure import sure
from tests.world import MONDAY, World

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEXT_MONDAY = MONDAY + 7 * DAY


@pytest.fixture
def main(world) -> Schedule:
    """Ana's week; Bo's begins on Monday the 12th at 9:00 UTC, in 13 hours."""
    ana, bo = world.person("ana", time_zone=ZoneInfo("Europe/Berlin")), world.person("bo")
    [main] = world.weekly(ana, bo, positions=1)
    world.now = NEXT_MONDAY - 13 * HOUR
    return main


def person(name: str) -> User:
    return User.objects.get(username=name)


def said(number: int = -1) -> str:
    envelope = memory.outbox[number]
    return f"{envelope.subject}\n{envelope.body}"


# --- reminders --------------------------------------------------------------------------------------------------------


def test_a_shift_is_announced_once_so_long_before_it(world, main):
    """A12: to the minute, whenever the last look was."""
    world.now += 4 * MINUTE
    world.watch(main, remind=12 * HOUR)
    world.advance(minutes=55)
    assert world.told() == []
    world.advance(minutes=1)
    assert world.told() == ["bo"]
    assert "Your shift on rotation 0 main starts on Mon 12 Jan 2026, 09:00 UTC" in said()
    assert "Until: Mon 19 Jan 2026, 09:00 UTC" in said()
    world.advance(hours=14)
    assert world.told() == []
    world.now = NEXT_MONDAY + 7 * DAY - 12 * HOUR
    world.sweep()
    assert world.told() == ["ana"]
    assert "Mon 19 Jan 2026, 10:00 CET (09:00 UTC)" in said()


def test_a_reminder_goes_by_bulk_and_says_that_it_is_no_page(world, main):
    """A12, B13: what is bulk never holds up a page."""
    world.watch(main, remind=14 * HOUR)
    delivery = Delivery.objects.get()
    assert (delivery.queue, delivery.state, delivery.notice.kind) == ("bulk", "sent", "reminder")
    content = webhook.content(memory.outbox[0])
    assert b'"kind":"notice"' in content
    assert b'"url":"http' in content


def test_an_override_made_an_hour_before_it_starts_is_still_announced(world, main):
    """A8, A12: at whichever minute it is entered."""
    world.person("cy")
    world.watch(main, remind=12 * HOUR)
    world.now = NEXT_MONDAY + DAY + 7 * MINUTE
    world.sweep()
    world.told()
    Override.objects.create(schedule=main, user=person("cy"), start=world.now + HOUR, end=world.now + 2 * HOUR)
    world.advance(minutes=30)
    # Bo, who goes on after it, has a break: that shift is announced, too.
    assert world.told() == ["cy", "bo"]
    world.advance(hours=3)
    assert world.told() == []


def test_who_stays_on_duty_is_not_reminded(world, main):
    """A12: the layer gives way to an override, but it is the same person without a break."""
    Override.objects.create(schedule=main, user=person("ana"), start=NEXT_MONDAY, end=NEXT_MONDAY + HOUR)
    world.watch(main, remind=12 * HOUR)
    world.advance(hours=12, minutes=59)
    assert world.told() == ["bo"]
    assert "starts on Mon 12 Jan 2026, 10:00 UTC" in said()


def test_nobody_is_reminded_of_a_shift_that_another_has_taken(world, main):
    """A8, A12"""
    cy, bo = world.person("cy"), person("bo")
    Override.objects.create(schedule=main, user=cy, instead_of=bo, start=NEXT_MONDAY, end=NEXT_MONDAY + 7 * DAY)
    world.watch(main, remind=12 * HOUR)
    world.advance(hours=13)
    assert world.told() == ["cy"]
    assert "in place of Bo" in said()


def test_who_is_away_or_has_left_is_not_reminded(world, main):
    """A8, O3"""
    Absence.objects.create(user=person("bo"), start=NEXT_MONDAY - HOUR, end=NEXT_MONDAY + DAY)
    world.watch(main, remind=12 * HOUR)
    world.advance(hours=13)
    assert world.told() == []
    User.objects.filter(username="ana").update(is_active=False)
    world.now = NEXT_MONDAY + 7 * DAY - 12 * HOUR
    world.sweep()
    assert world.told() == []


def test_no_reminder_comes_after_its_shift_began(world, main):
    """A12, A17: planned, then the engine is away for a day before it is sent; and what it missed is not made up for."""
    world.watch(main, remind=12 * HOUR)
    world.now += HOUR
    shift_watch.watch_due(world.now)
    assert Delivery.objects.get().state == "pending"
    world.now += DAY
    world.sweep()
    assert world.told() == []
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.reason) == ("suppressed", "too late to be of use")
    assert Notice.objects.count() == 1


def test_a_reminder_that_its_provider_refuses_for_now_is_tried_again_until_the_shift_begins(world, main):
    """A12, A17"""
    memory.fail_next(2)
    world.now = NEXT_MONDAY - 10 * timedelta(seconds=1)
    world.watch(main, remind=12 * HOUR)
    world.advance(minutes=30)
    assert world.told() == []
    assert Delivery.objects.get().reason == "mailbox full (after 2 tries)"


# --- handover --------------------------------------------------------------------------------------------------------


def test_whoever_comes_on_duty_is_told_what_is_open_and_the_last_note(world, main):
    """A12"""
    ana, bo = person("ana"), person("bo")
    log_on = world.service(world.policy((HOUR, main)), name="Log-on")
    mine = world.trigger(log_on, summary="log-on is slow")
    lifecycle.acknowledge(mine, by=ana, now=world.now)
    done = world.trigger(log_on, key="done", summary="certificate ran out")
    lifecycle.resolve(done, by=ana, now=world.now)
    world.trigger(world.service(world.policy((HOUR, bo))), summary="not by this schedule")
    HandoverNote.objects.create(schedule=main, by=ana, at=world.now - 20 * DAY, text="an old story")
    HandoverNote.objects.create(schedule=main, by=ana, at=world.now, text="the cache is warming up")
    world.now += 4 * MINUTE
    world.watch(main, hands_over=True)
    world.advance(hours=12, minutes=55)
    world.told()
    world.advance(minutes=1)
    assert world.told() == ["bo"]
    assert said().startswith("You are now on duty: rotation 0 main\n")
    for part in (
        "Since: Mon 12 Jan 2026, 09:00 UTC",
        "Until: Mon 19 Jan 2026, 09:00 UTC",
        "Before you: Ana",
        f"#{mine.pk} [Log-on] log-on is slow\nacknowledged by Ana",
        "/a/",
        "Last handover note, by Ana, Sun 11 Jan 2026, 20:00 UTC:\nthe cache is warming up",
    ):
        assert part in said()
    for part in ("certificate", "not by this schedule", "an old story"):
        assert part not in said()
    world.advance(hours=2)
    assert world.told() == []


def test_a_hand_over_without_anything_open_says_so(world, main):
    Absence.objects.create(user=person("ana"), start=NEXT_MONDAY - HOUR, end=NEXT_MONDAY)
    HandoverNote.objects.create(schedule=main, by=person("ana"), at=world.now - 20 * DAY, text="an old story")
    world.watch(main, hands_over=True)
    world.advance(hours=13)
    assert world.told() == ["bo"]
    assert "Before you: nobody\n" in said()
    assert "No alert is open." in said()
    assert "note" not in said()


def test_switching_hand_overs_on_tells_nobody_who_is_on_duty_already(world, main):
    world.watch(main, hands_over=True)
    world.advance(hours=3)
    assert world.told() == []


def test_stepping_in_at_once_or_after_the_fact_is_a_hand_over_and_stepping_back_too(world, main):
    """A8, A12: entered at 22:07 for from 21:30; taken back at 23:00."""
    cy = world.person("cy")
    world.watch(main, hands_over=True)
    world.advance(hours=2, minutes=7)
    took = Override.objects.create(schedule=main, user=cy, start=world.now - 37 * MINUTE, end=world.now + 5 * HOUR)
    world.advance(minutes=15)
    assert world.told() == ["cy"]
    assert "Since: Sun 11 Jan 2026, 21:30 UTC" in said()
    assert "Before you: Ana" in said()
    took.delete()
    world.advance(minutes=38)
    assert world.told() == ["ana"]
    assert "Since: Mon 5 Jan 2026, 10:00 CET (09:00 UTC)" in said()


def test_the_others_on_duty_are_named_and_are_not_those_before(world):
    ana, bo, cy = (world.person(name) for name in ("ana", "bo", "cy"))
    [main] = world.weekly(ana, bo, positions=1)
    main.layers.create(rotation=world.weekly(cy, positions=1)[0].layers.get().rotation, adds=True, order=1)
    world.now = NEXT_MONDAY - HOUR
    world.watch(main, hands_over=True)
    world.advance(hours=1)
    assert world.told() == ["bo"]
    assert "Before you: Ana\nWith you: Cy\n" in said()


def test_after_a_day_away_only_who_is_on_duty_now_is_told(world, main):
    """A17: Cy's shift has come and gone meanwhile."""
    cy = world.person("cy")
    Override.objects.create(schedule=main, user=cy, start=NEXT_MONDAY - 10 * HOUR, end=NEXT_MONDAY - 8 * HOUR)
    world.watch(main, remind=HOUR, hands_over=True)
    world.now += DAY
    world.sweep()
    assert world.told() == ["bo"]
    assert said().startswith("You are now on duty")
    assert "Since: Mon 12 Jan 2026, 09:00 UTC" in said()
    world.advance(hours=5)
    assert world.told() == []


def test_who_is_back_after_a_break_that_the_engine_missed_is_told(world, main):
    Override.objects.create(
        schedule=main, user=world.person("cy"), start=NEXT_MONDAY - 10 * HOUR, end=NEXT_MONDAY - 8 * HOUR
    )
    world.watch(main, hands_over=True)
    world.now += 6 * HOUR
    world.sweep()
    assert world.told() == ["ana"]


def test_a_hand_over_of_a_shift_that_is_over_is_not_sent(world, main):
    """A17: planned, then the engine dies and comes back when somebody else has it."""
    world.watch(main, hands_over=True)
    world.now = NEXT_MONDAY
    shift_watch.watch_due(world.now)
    world.now += 7 * DAY
    world.sweep()
    assert world.told() == ["ana"]


# --- never twice, never in the way ------------------------------------------------------------------------------------


def test_a_crash_between_the_notice_and_the_commit_is_told_once_later(world, main, monkeypatch):
    """A9: the notice and the move of the row are one transaction; the row that failed waits a little (A15)."""
    world.watch(main, hands_over=True)
    world.now = NEXT_MONDAY
    with monkeypatch.context() as broken:
        broken.setattr(shift_watch, "_next", None)
        world.sweep()
    assert (world.told(), Notice.objects.count()) == ([], 0)
    world.advance(minutes=1)
    assert world.told() == ["bo"]
    world.sweep()
    shift_watch.watch_due(world.now)
    assert world.told() == []


def test_one_schedule_that_cannot_be_read_holds_up_no_other(world, main):
    """A15"""
    broken = Schedule.objects.create(name="broken")
    for schedule in (broken, main):
        world.watch(schedule, remind=12 * HOUR)
    # Longer than there are dates: entered past every form.
    Schedule.objects.filter(pk=broken.pk).update(remind=timedelta(days=9_999_999))
    ShiftWatch.objects.filter(schedule=broken).update(due_at=world.now)
    world.advance(hours=1)
    assert world.told() == ["bo"]


@pytest.mark.parametrize("turn", range(3))
def test_many_engines_at_once_tell_once(transactional_db, turn):
    """A12, B5"""
    world = World(NEXT_MONDAY - HOUR)
    ana, bo = world.person("ana"), world.person("bo")
    schedules = world.weekly(ana, bo) + world.weekly(ana, bo)
    for schedule in schedules:
        world.watch(schedule, hands_over=True)
    world.now = NEXT_MONDAY
    together(*[lambda: shift_watch.watch_due(world.now)] * 8)
    assert Notice.objects.count() == Delivery.objects.count() == 4
    assert set(ShiftWatch.objects.values_list("seen_until", flat=True)) == {NEXT_MONDAY}


def test_a_notice_that_failed_is_sent_by_the_next_contact_point_once_whoever_is_quicker(transactional_db):
    """Two workers follow up the same failure; the notice's lock decides."""
    world = World(NEXT_MONDAY - HOUR)
    notice = notices.tell(world.person("ana", points=3), "k", Notice.Kind.NEWS, "broken", {}, now=world.now)
    failed = sure(sure(notice).delivery)
    Delivery.objects.update(state=Delivery.State.FAILED)
    behind(sure(notice), *[lambda: notices.fall_back(failed.pk, now=world.now)] * 2)
    assert list(Delivery.objects.order_by("pk").values_list("contact_point__address", flat=True))[1:] == ["ana-2"]


def test_the_same_key_is_told_once_whoever_is_quicker(transactional_db):
    world = World()
    ana = User.objects.create(username="ana")
    calls = [lambda: notices.tell(ana, "k", Notice.Kind.NEWS, "broken", {}, now=world.now)] * 8
    told = together(*calls)
    assert sum(notice is not None for notice in told) == 1
    assert (Notice.objects.count(), Recipient.objects.count()) == (1, 1)
    world.point(Recipient.objects.get(), "ana")
    told = together(*[lambda: notices.tell(ana, "l", Notice.Kind.NEWS, "broken", {}, now=world.now)] * 8)
    assert sum(notice is not None for notice in told) == 1
    assert Delivery.objects.count() == 1


def test_by_default_not_one_message_more(world, main):
    """A12: both are off until somebody wants them."""
    world.now = NEXT_MONDAY - HOUR
    world.advance(days=2)
    assert world.told() == []
    assert not ShiftWatch.objects.exists()
    assert not Notice.objects.exists()


def test_switched_off_again_nothing_more_comes(world, main):
    world.watch(main, remind=12 * HOUR, hands_over=True)
    Schedule.objects.update(remind=None, hands_over=False)
    world.advance(days=1)
    assert world.told() == []
    assert not ShiftWatch.objects.exists()


def test_a_sweep_without_anything_due_costs_two_queries_of_ours(world, main, django_assert_num_queries):
    world.watch(main, remind=12 * HOUR)
    with django_assert_num_queries(2):
        assert shift_watch.watch_due(world.now) == 0


def test_a_look_that_nobody_takes_turns_health_red(world, main):
    """A9"""
    world.watch(main, remind=12 * HOUR)
    assert audit.overdue(world.now + 15 * MINUTE)["shift watches"] == 0
    assert audit.overdue(world.now + 17 * MINUTE)["shift watches"] == 1


# --- who cannot be reached --------------------------------------------------------------------------------------------


def test_who_cannot_be_reached_is_on_the_list(world, main):
    """A48, F6"""
    ContactPoint.objects.update(verified=False)
    world.watch(main, remind=14 * HOUR)
    notice = Notice.objects.get()
    assert (notice.delivery, notice.reason, str(notice.recipient)) == (None, "no verified contact point", "Bo")
    assert not Delivery.objects.exists()
    coach = User.objects.create_superuser("coach")
    browser = browser_of(coach)
    page = text(browser.get("/admin/dispatching/notice/"))
    assert "cannot be reached" in page
    assert "no verified contact point" in page
    assert "shift reminder" in text(browser.get(f"/admin/dispatching/notice/{notice.pk}/change/"))
    [row] = client_of(coach).get("notices/?sent=false").json()["results"]
    assert row["username"] == "bo"
    assert (row["kind"], row["delivery"], row["state"]) == ("reminder", None, None)
    assert row["reason"] == "no verified contact point"


def test_the_first_usable_contact_point_of_the_chain_is_used(world, main):
    """A47"""
    bo = person("bo").recipient
    world.point(bo, "chat", after={"chat": 5 * MINUTE})
    world.point(bo, "call", after={"call": 2 * MINUTE})
    ContactPoint.objects.filter(address="call").update(disabled_reason="number not in use")
    world.watch(main, remind=14 * HOUR)
    assert world.told() == ["chat"]


def test_the_ledger_says_what_a_notice_is_for(world, main):
    world.watch(main, remind=14 * HOUR)
    coach = User.objects.create_superuser("coach")
    browser, delivery = browser_of(coach), Delivery.objects.get()
    assert "shift reminder" in text(browser.get("/admin/dispatching/delivery/"))
    page = text(browser.get(f"/admin/dispatching/delivery/{delivery.pk}/change/"))
    assert reverse("admin:dispatching_notice_change", args=[delivery.notice.pk]) in page
    [row] = client_of(coach).get("deliveries/?username=bo").json()["results"]
    assert (row["alert"], row["notice"], row["username"], row["address"]) == (None, "reminder", "bo", "bo")
    assert client_of(coach).get("deliveries/?username=ana").json()["results"] == []
    # One's own address is no secret; another's is.
    assert client_of(person("bo")).get("deliveries/").json()["results"][0]["address"] == "bo"
    assert client_of(person("ana")).get("deliveries/").json()["results"] == []


# --- calendars --------------------------------------------------------------------------------------------------------


def broken(team=None, **more) -> CalendarFeed:
    return CalendarFeed.objects.create(
        name="Team 1 calendar",
        team=team,
        url="https://calendar.example/1.ics",
        error="the server answered 500",
        failing_since=MONDAY - HOUR,
        fetched_at=MONDAY - 2 * HOUR,
        **more,
    )


def tell_owners(world) -> list[str]:
    audit.audit(world.now)
    world.sweep()
    return world.told()


def test_a_calendar_that_breaks_is_told_once_and_again_when_it_breaks_anew(world):
    """A10, F9"""
    ana, mo = world.person("ana"), world.person("mo")
    feed = broken(world.team("Team 1", ana, manager=mo))
    assert tell_owners(world) == ["mo"]
    for part in (
        "The calendar Team 1 calendar has been unreadable since Mon 5 Jan 2026, 08:00 UTC",
        "Why: the server answered 500",
        "the last good copy, read on Mon 5 Jan 2026, 07:00 UTC",
    ):
        assert part in said()
    world.now += HOUR
    assert tell_owners(world) == []
    CalendarFeed.objects.update(failing_since=None, error="")
    assert tell_owners(world) == []
    CalendarFeed.objects.filter(pk=feed.pk).update(failing_since=world.now, error="not a calendar")
    assert tell_owners(world) == ["mo"]
    assert tell_owners(world) == []


def test_without_a_manager_the_whole_team_hears_of_it(world):
    """F9"""
    ana, bo, mo = world.person("ana"), world.person("bo"), world.person("mo", is_active=False)
    broken(world.team("Team 1", ana, bo, world.person("gone", is_active=False), manager=mo))
    assert sorted(tell_owners(world)) == ["ana", "bo"]


@pytest.mark.parametrize("teamed", [False, True])
def test_without_a_team_or_with_an_empty_one_the_superusers_hear_of_it(world, teamed):
    """F9"""
    world.person("ana")
    world.person("coach", is_superuser=True)
    world.person("former", is_superuser=True, is_active=False)
    broken(world.team("Team 1") if teamed else None)
    assert tell_owners(world) == ["coach"]


def test_engines_that_find_it_at_the_same_time_tell_once(transactional_db):
    """F9, B5"""
    world = World()
    broken(world.team("Team 1", *[world.person(f"p{n}") for n in range(4)]))
    together(*[lambda: audit.audit(world.now)] * 6)
    assert Notice.objects.count() == Delivery.objects.count() == 4


def test_a_calendar_that_was_never_read_says_so(world):
    world.person("coach", is_superuser=True)
    broken()
    CalendarFeed.objects.update(fetched_at=None)
    tell_owners(world)
    assert "It has never been read" in said()


# --- the clock --------------------------------------------------------------------------------------------------------


def test_a_reminder_across_the_change_of_clocks_names_the_readers_time(world):
    """A12: announced before the clocks in Berlin go forward, for after it."""
    ana = world.person("ana", time_zone=ZoneInfo("Europe/Berlin"))
    [main] = world.weekly(ana, world.person("bo"), positions=1)
    Rotation.objects.update(time_zone="Europe/Berlin")
    world.now = datetime(2026, 3, 28, 18, tzinfo=UTC)
    world.watch(main, remind=36 * HOUR)
    world.advance(minutes=59)
    assert world.told() == []
    world.advance(minutes=1)
    assert world.told() == ["ana"]
    assert "Mon 30 Mar 2026, 09:00 CEST (07:00 UTC)" in said()
