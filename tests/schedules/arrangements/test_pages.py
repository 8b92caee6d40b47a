"""What one arranges oneself on /on-call/mine/: shifts, swaps, absences, notes; and who cannot be reached."""

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dispatching.models import ContactPoint, Recipient
from schedules.arrangements import swapping
from schedules.models import Absence, HandoverNote, Override, Schedule, SwapRequest, User
from schedules.people import reach
from tests.browser import browser_of, everything, form_in, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
MINE, SWAP = "/on-call/mine/", "/on-call/mine/swap/"
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
NOW = MONDAY + HOUR
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(NOW, tick=False)
    return clock


@pytest.fixture
def ana(world) -> User:
    return world.person("ana", time_zone="Europe/Berlin")


@pytest.fixture
def main(world, ana, bo) -> Schedule:
    """Ana and Bo by turns, each a week; Ana is on duty now."""
    return world.weekly(ana, bo, positions=1)[0]


def part(response, heading: str) -> str:
    """The section of the page under a heading, without markup; empty if there is none."""
    found = re.search(rf"<section[^>]*> <h2[^>]*>{heading}</h2>(.*?)</section>", text(response))
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else ""


def said(response) -> str:
    """What the page says after a change."""
    return " ".join(re.findall(r'<p class="message [^>]*>(.*?)</p>', text(response)))


def press(user: User, do: str, **values):
    return browser_of(user).post(MINE, {"do": do, **values}, follow=True)


def query(schedule: Schedule, start, end) -> dict[str, str]:
    return {"schedule": str(schedule.pk), "start": start.isoformat(), "end": end.isoformat()}


def ask(schedule: Schedule, by: User, start=MONDAY + DAY, end=MONDAY + 2 * DAY, **more) -> SwapRequest:
    return swapping.ask(schedule, by, start, end, now=NOW, **more)


def test_who_is_asked_reads_that_they_would_be_two_people_at_once(world, ana, bo):
    """P25: main and backup would be one person, and no step would reach another."""
    main, backup = world.weekly(ana, bo)
    ask(main, ana, asked=bo)
    warning = f"You are on duty on {backup.name} in this time, too."
    assert warning in part(browser_of(bo).get(MINE), "Waiting for your answer")
    [swap] = SwapRequest.objects.all()
    SwapRequest.objects.filter(pk=swap.pk).update(start=MONDAY + 2 * WEEK, end=MONDAY + 2 * WEEK + DAY, schedule=backup)
    assert "in this time, too" not in text(browser_of(bo).get(MINE)), "it is the one that is asked for"


# --- reading ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [MINE, SWAP])
def test_a_stranger_is_asked_to_log_in(db, path):
    answer = Client().get(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


def test_the_page_is_linked_from_who_is_on_call(ana):
    assert f'href="{MINE}"' in text(browser_of(ana).get("/on-call/"))


def test_ones_shifts_of_eight_weeks_stand_there_on_ones_own_clock(main, ana, bo):
    """A12"""
    page = browser_of(ana).get(MINE)
    assert "rotation 0 main until Mon 12 Jan 2026, 10:00 CET" in part(page, "On duty now")
    shifts = part(page, "My next shifts")
    starts = re.findall(r"rotation 0 main \w+ (\d+ \w+) 2026, 10:00 CET \(09:00 UTC\) –", shifts)
    assert starts == ["19 Jan", "2 Feb", "16 Feb", "2 Mar"]
    page = browser_of(bo).get(MINE)
    assert part(page, "On duty now") == "You are not on duty now."
    assert "Mon 12 Jan 2026, 09:00 UTC – Mon 19 Jan 2026, 09:00 UTC" in part(page, "My next shifts")


def test_a_shift_without_end_says_so(world, ana):
    world.weekly(ana, positions=1)
    page = browser_of(ana).get(MINE)
    assert "no change in the next 70 days" in part(page, "On duty now")
    assert part(page, "My next shifts") == "None in the next 8 weeks."


def test_who_has_no_shifts_sees_that(world):
    page = browser_of(world.person("cy")).get(MINE)
    assert part(page, "My next shifts") == "None in the next 8 weeks."
    assert "Handover note" not in text(page)


def test_opening_the_pages_changes_nothing(main, ana, bo):
    """No state change on GET, whatever stands in the address."""
    swap, absence = ask(main, ana), Absence.objects.create(user=bo, start=NOW, end=NOW + DAY)
    clients = [browser_of(user) for user in (ana, bo)]
    before = everything()
    for client in clients:
        for do in ("accept", "decline", "withdraw", "ask-all", "delete-absence"):
            for pk in (swap.pk, absence.pk):
                assert client.get(MINE, {"do": do, "id": pk}).status_code == 200
        assert client.get(SWAP, query(main, MONDAY + WEEK, MONDAY + 2 * WEEK)).status_code == 200
    assert everything() == before


def test_a_form_without_its_token_is_refused(main, ana):
    client = browser_of(ana, enforce_csrf_checks=True)
    assert client.post(MINE, {"do": "ask-all"}).status_code == 403
    address = f"{SWAP}?{urlencode(query(main, NOW, NOW + DAY))}"
    assert client.post(address, {}).status_code == 403


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"do": "explode"},
        {"do": "accept"},
        {"do": "accept", "id": "abc"},
        {"do": "withdraw", "id": "٣"},
        {"do": "decline", "id": "9" * 30},
        {"do": "accept", "id": "999999999"},
        {"do": "delete-absence", "id": "1\0"},
        {"do": "ask-anyone", "schedule": "999999999", "start": "x", "end": "x"},
        {"do": "ask-anyone", "schedule": "", "start": "", "end": ""},
    ],
)
def test_junk_is_not_found_and_never_an_error(main, ana, sent):
    assert browser_of(ana).post(MINE, sent).status_code == 404


@pytest.mark.parametrize("name", ["schedule", "start", "end"])
@pytest.mark.parametrize("value", ["", "x", "-1", "\0", "2026-01-05T09:00", "9999-12-31T23:59:59-12:00", "٣"])
def test_junk_in_the_address_of_a_swap_is_not_found(main, ana, name, value):
    client = browser_of(ana)
    sent = query(main, NOW, NOW + DAY) | {name: value}
    assert client.get(SWAP, sent).status_code == 404
    assert client.post(f"{SWAP}?{urlencode(sent)}").status_code == 404
    assert press(ana, "ask-anyone", **sent).status_code == 404


# --- asking for a swap ------------------------------------------------------------------------------------------------


def send_swap(user: User, turn: dict[str, str], **filled):
    client, address = browser_of(user), f"{SWAP}?{urlencode(turn)}"
    form = form_in(client.get(address), "swap_form")
    return client.post(address, form | filled, follow=True)


def test_a_shift_is_offered_to_anyone_and_taken(main, ana, bo):
    """A8: from one's page to the other's, and back."""
    turn = query(main, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK)
    assert f"?{urlencode(turn)}".replace("&", "&amp;") in text(browser_of(ana).get(MINE))
    page = send_swap(ana, turn, note="concert")
    assert page.redirect_chain == [(MINE, 302)]
    assert "You have asked your colleagues." in said(page)
    assert "asked anyone: waiting for an answer" in part(page, "My requests")
    waiting = part(browser_of(bo).get(MINE), "Waiting for your answer")
    assert "Ana asks anyone to take a shift on rotation 0 main Mon 19 Jan 2026, 09:00 UTC – Mon 26 Jan" in waiting
    assert "“concert”" in waiting and "Accept" in waiting and "Decline" not in waiting
    page = press(bo, "accept", id=SwapRequest.objects.get().pk)
    assert "You take rotation 0 main for Ana." in said(page)
    assert "swap: concert, in place of Ana" in part(page, "My next shifts")
    assert "accepted by Bo" in part(browser_of(ana).get(MINE), "My requests")


def test_one_colleague_is_asked_for_a_part_of_a_shift_with_one_in_return(main, ana, bo):
    """A8: the times are on the reader's own clock."""
    back = MONDAY + 3 * WEEK
    page = send_swap(
        ana,
        query(main, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK),
        asked=str(bo.pk),
        back=f"{bo.pk} {back.isoformat()}",
        start="2026-01-20T10:00",
        end="2026-01-21T10:00",
    )
    assert "You have asked Bo." in said(page)
    swap = SwapRequest.objects.get()
    assert (swap.asked, swap.start, swap.end) == (bo, MONDAY + 15 * DAY, MONDAY + 16 * DAY)
    assert (swap.return_start, swap.return_end) == (back, back + WEEK)
    waiting = part(browser_of(bo).get(MINE), "Waiting for your answer")
    assert "Ana asks you to take" in waiting and "In return Ana takes your shift Mon 26 Jan" in waiting
    press(bo, "accept", id=swap.pk)
    assert Override.objects.count() == 2


def test_only_colleagues_of_the_schedule_and_their_coming_shifts_are_offered(main, world, ana, bo):
    world.weekly(world.person("dee"), positions=1)
    page = text(browser_of(ana).get(SWAP, query(main, NOW, MONDAY + WEEK)))
    assert ">Bo</option>" in page and "Dee" not in page and ">Ana</option>" not in page
    assert "Bo: Mon 12 Jan 2026, 10:00 – Mon 19 Jan 2026, 10:00 CET</option>" in page


SWAPS_REFUSED = {
    "a colleague who is none": ({"asked": "999999"}, 400, "Select a valid choice"),
    "a return of anyone": ({"back": "BO"}, 400, "This shift belongs to Bo. Ask Bo, or take none in return."),
    "a return that is none": ({"back": "junk"}, 400, "Select a valid choice"),
    "a note that is too long": ({"note": "x" * 201}, 400, "at most 200 characters"),
    "a note with NUL": ({"note": "x\0"}, 400, "Null characters"),
    "no time": ({"start": "tomorrow"}, 400, "This is not a date and a time."),
    "a time before all years": ({"end": "0001-01-01T00:00"}, 400, "The year must lie between 1970 and 2199."),
    "not one's own time": ({"end": "2026-01-28T09:00"}, 409, "Ana is not on duty on rotation 0 main"),
    "backwards": ({"start": "2026-01-22T09:00", "end": "2026-01-21T09:00"}, 409, "must end after it starts"),
}


@pytest.mark.parametrize(("filled", "status", "sentence"), SWAPS_REFUSED.values(), ids=SWAPS_REFUSED.keys())
def test_what_is_wrong_in_the_form_is_said_in_it(main, ana, bo, filled, status, sentence):
    filled = {k: f"{bo.pk} {(MONDAY + 3 * WEEK).isoformat()}" if v == "BO" else v for k, v in filled.items()}
    page = send_swap(ana, query(main, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK), **filled)
    assert (page.status_code, page.redirect_chain) == (status, [])
    assert sentence in text(page)
    assert not SwapRequest.objects.exists()


def test_declining_withdrawing_and_coming_too_late(main, world, ana, bo):
    """A8"""
    press(bo, "decline", id=ask(main, ana, asked=bo).pk)
    assert "declined" in part(browser_of(ana).get(MINE), "My requests")
    swap = ask(main, ana)
    assert "You have withdrawn your request." in said(press(ana, "withdraw", id=swap.pk))
    page = press(bo, "accept", id=swap.pk)
    assert "This request has already been withdrawn by Ana." in said(page)
    assert not Override.objects.exists()


def test_what_is_over_is_not_shown_any_more(main, ana, bo, clock):
    ask(main, ana, asked=bo)
    clock.move_to(MONDAY + 2 * DAY, tick=False)
    assert part(browser_of(bo).get(MINE), "Waiting for your answer") == ""
    assert part(browser_of(ana).get(MINE), "My requests") == ""


# --- absences ---------------------------------------------------------------------------------------------------------


def add_absence(user: User, start: str, end: str, **more):
    client = browser_of(user)
    form = form_in(client.get(MINE), "absence_form") | {"start": start, "end": end, "do": "add-absence"}
    return client.post(MINE, form | more, follow=True)


def test_an_absence_shows_what_has_to_be_covered_and_one_button_asks_for_it(main, ana, bo):
    """A8, A9"""
    page = add_absence(ana, "2026-01-19T00:00", "2026-02-09T00:00", reason="holiday")
    assert "Nobody takes your shifts during that time yet: ask for it below." in said(page)
    absence = Absence.objects.get()
    assert (absence.user, absence.start, absence.reason) == (ana, MONDAY + 2 * WEEK - 10 * HOUR, "holiday")
    left = part(page, "Shifts that nobody takes while you are away")
    assert left.count("Ask anyone to take it") == 2 and "Ask anyone to take them all" in left
    page = press(ana, "ask-anyone", **query(main, MONDAY + 2 * WEEK, MONDAY + 3 * WEEK))
    left = part(page, "Shifts that nobody takes while you are away")
    assert left.count("Ask anyone to take it") == 1 and "You have asked; nobody has accepted yet." in left
    press(ana, "ask-all")
    assert SwapRequest.objects.filter(asked=None).count() == 2
    for swap in SwapRequest.objects.all():
        press(bo, "accept", id=swap.pk)
    assert part(browser_of(ana).get(MINE), "Shifts that nobody takes while you are away") == ""


def test_an_absence_without_shifts_in_it_asks_for_nothing(main, ana):
    page = add_absence(ana, "2026-01-13T00:00", "2026-01-14T00:00")
    assert said(page) == "Your absence is saved."
    assert part(page, "Shifts that nobody takes while you are away") == ""


ABSENCES = {
    "nothing": ("", "", "This field is required."),
    "no time": ("soon", "2026-01-14T00:00", "This is not a date and a time. Example: 2026-01-05 09:00."),
    "with an offset": ("2026-01-13T00:00Z", "2026-01-14T00:00", "This is not a date and a time."),
    "no day": ("2026-02-30T00:00", "2026-03-14T00:00", "This is not a date and a time."),
    "too far": ("2026-01-13T00:00", "9999-12-31T23:59", "The year must lie between 1970 and 2199."),
    "empty": ("2026-01-13T00:00", "2026-01-13T00:00", "An absence must end after it starts."),
    "backwards": ("2026-01-13T00:00", "2026-01-12T00:00", "An absence must end after it starts."),
    "over": ("2026-01-01T00:00", "2026-01-02T00:00", "That time has passed."),
}


@pytest.mark.parametrize(("start", "end", "sentence"), ABSENCES.values(), ids=ABSENCES.keys())
def test_a_wrong_absence_is_refused_at_the_field(ana, start, end, sentence):
    page = add_absence(ana, start, end)
    assert page.status_code == 400
    assert sentence in text(page) and 'aria-invalid="true"' in text(page)
    assert "Nothing was saved." in said(page)
    assert 'role="alert"' in text(page).partition(": " + sentence)[0] and 'href="#absence_' in text(page), (
        "named at the top, too"
    )
    assert not Absence.objects.exists()


def test_a_reason_that_is_too_long_is_refused_at_the_field(ana):
    page = add_absence(ana, "2026-01-13T00:00", "2026-01-14T00:00", reason="x" * 201)
    assert "at most 200 characters" in text(page) and not Absence.objects.exists()


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-29T02:30", "2026-03-29T01:00:00+00:00"),  # left out by the clock: the first moment after
        ("2026-10-25T02:30", "2026-10-25T00:30:00+00:00"),  # comes twice: the first
    ],
)
def test_a_time_at_a_clock_change_is_understood(ana, local, utc):
    add_absence(ana, local, "2026-12-01T00:00")
    assert Absence.objects.get().start.isoformat() == utc


def test_one_deletes_ones_own_absence_and_nobody_elses(ana, bo):
    absence = Absence.objects.create(user=ana, start=NOW, end=NOW + DAY, reason="ill")
    assert press(bo, "delete-absence", id=absence.pk).status_code == 404
    page = browser_of(ana).get(MINE)
    assert "ill" in part(page, "My absences")
    page = press(ana, "delete-absence", id=absence.pk)
    assert part(page, "My absences").startswith("None.")
    assert not Absence.objects.exists()


# --- handover notes --------------------------------------------------------------------------------------------------


def test_who_is_on_duty_leaves_a_note_and_who_comes_reads_it(main, ana, bo, clock):
    """A12"""
    client = browser_of(ana)
    form = form_in(client.get(MINE), "note_form") | {"schedule": str(main.pk), "text": "The disk is full.\n" + EVIL}
    page = client.post(MINE, form | {"do": "hand-over"}, follow=True)
    assert "Your note is saved for the person who comes next." in said(page)
    note = HandoverNote.objects.get()
    assert (note.schedule, note.by, note.at) == (main, ana, NOW)
    clock.move_to(MONDAY + WEEK, tick=False)
    page = browser_of(bo).get(MINE)
    assert "Last handover note, by Ana" in part(page, "On duty now") and "The disk is full." in part(
        page, "On duty now"
    )
    assert "<img" not in text(page)


@pytest.mark.parametrize(
    ("after", "allowed"),
    [(timedelta(0), True), (WEEK - HOUR, True), (WEEK + DAY - HOUR, True), (WEEK + DAY, False), (-HOUR, False)],
)
def test_a_note_is_written_on_duty_and_within_a_day_after(main, ana, clock, after, allowed):
    """A12: shown only to whom it is allowed, and refused to everybody else."""
    clock.move_to(MONDAY + after, tick=False)
    client = browser_of(ana)
    assert bool(form_in(client.get(MINE), "note_form")) == allowed
    client.post(MINE, {"do": "hand-over", "schedule": str(main.pk), "text": "x"})
    assert HandoverNote.objects.exists() == allowed


@pytest.mark.parametrize(
    ("filled", "sentence"),
    [({"text": ""}, "This field is required."), ({"text": "x" * 4001}, "at most 4000 characters"),
     ({"schedule": "x"}, "Select a valid choice"), ({"text": "\0"}, "Null characters")],
)  # fmt: skip
def test_a_wrong_note_is_refused_at_the_field(main, ana, filled, sentence):
    client = browser_of(ana)
    form = form_in(client.get(MINE), "note_form") | {"do": "hand-over", "schedule": str(main.pk), "text": "x"}
    page = client.post(MINE, form | filled)
    assert page.status_code == 400 and sentence in text(page)
    assert not HandoverNote.objects.exists()


# --- who cannot be reached --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "reached"),
    [
        (None, False),  # not even a recipient
        ([], False),
        ([{"verified": False}], False),
        ([{"verified": True, "disabled_reason": "no such number"}], False),
        ([{"verified": True}], True),
        ([{"verified": False}, {"verified": True}], True),
    ],
)
def test_who_has_no_usable_contact_point_is_said_to_be_unreachable(db, points, reached, django_assert_num_queries):
    """A48, F6"""
    user = User.objects.create(username="ana")
    if points is not None:
        recipient = Recipient.objects.create(user=user)
        for n, values in enumerate(points):
            ContactPoint.objects.create(recipient=recipient, channel="memory", address=f"{n}", **values)
    with django_assert_num_queries(1):
        assert reach.unreachable([user.pk]) == (set() if reached else {user.pk})
    assert reach.unreachable([]) == set()


def test_who_cannot_be_reached_is_marked_now_and_next_and_told_so(main, ana, bo):
    """A48: before the shift starts."""
    sentence = "cannot be reached: no verified contact point"
    yours = "You cannot be reached: you have no verified contact point in use."
    assert sentence not in text(browser_of(bo).get("/on-call/")) + text(browser_of(bo).get(MINE))
    ContactPoint.objects.filter(recipient__user=bo).update(verified=False)
    page = text(browser_of(ana).get("/on-call/"))
    assert page.count(sentence) == 1 and page.index("then Bo") < page.index(sentence)
    assert yours not in text(browser_of(ana).get(MINE))
    assert yours in text(browser_of(bo).get(MINE))
    ContactPoint.objects.all().delete()
    assert text(browser_of(ana).get("/on-call/")).count(sentence) == 2


# --- all of it --------------------------------------------------------------------------------------------------------


def test_names_and_notes_with_markup_are_only_text(main, ana, bo):
    """K9"""
    User.objects.update(last_name=EVIL)
    Schedule.objects.update(name=EVIL)
    Absence.objects.create(user=ana, start=NOW + WEEK, end=NOW + 3 * WEEK, reason=EVIL)
    ask(main, ana, note=EVIL)
    for user in (ana, bo):
        page = text(browser_of(user).get(MINE)) + text(browser_of(user).get(SWAP, query(main, NOW, NOW + WEEK)))
        assert "<img" not in page and page.count("&lt;img src=x") >= 3


def test_the_page_takes_the_same_number_of_queries_however_much_there_is(world, ana, bo):
    def fill(count: int) -> None:
        for n in range(count):
            [own] = world.weekly(ana, bo, positions=1)
            ask(own, ana, asked=bo)
            Absence.objects.create(user=ana, start=NOW + n * DAY, end=NOW + (n + 1) * DAY)
            HandoverNote.objects.create(schedule=own, by=bo, at=NOW, text="x")

    def queries(user: User) -> int:
        client = browser_of(user)
        with CaptureQueriesContext(connection) as taken:
            assert client.get(MINE).status_code == 200
        return len(taken)

    fill(2)
    few = [queries(user) for user in (ana, bo)]
    fill(10)
    assert [queries(user) for user in (ana, bo)] == few
    assert max(few) <= 18


# --- my shifts in my calendar -----------------------------------------------------------------------------------------


def test_the_calendar_link_is_made_shown_and_revoked(ana, main):
    """A10"""
    assert "Make a calendar link" in part(browser_of(ana).get(MINE), "My shifts in my calendar")
    assert "Your calendar link is below" in said(press(ana, "make-link"))
    shown = part(press(ana, "make-link"), "My shifts in my calendar")
    [path] = re.findall(r"/calendar/\S+\.ics", shown)
    assert b"On call: rotation 0 main" in Client().get(path).content
    assert "revoked" in said(press(ana, "revoke-link"))
    assert Client().get(path).status_code == 404
