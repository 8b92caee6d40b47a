"""Who takes whose shift: what is refused, what follows, and who wins."""

from datetime import timedelta

import pytest

from schedules.arrangements import swapping, turns
from schedules.models import (
    Absence,
    CalendarFeed,
    FeedEntry,
    Layer,
    Override,
    Participant,
    Rotation,
    Schedule,
    SwapRequest,
    User,
)
from schedules.oncall import on_call
from schedules.refused import Refused
from tests.races import behind, together
from tests.world import MONDAY, World

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
TUESDAY = MONDAY + DAY
db = pytest.mark.django_db


class Cast:
    """Ana and Bo take turns by the week from MONDAY, Ana first; Cy is on their team, Dee belongs nowhere."""

    def __init__(self, world: World):
        self.ana, self.bo, self.cy, self.dee = (world.person(name) for name in ("ana", "bo", "cy", "dee"))
        [self.main] = world.weekly(self.ana, self.bo, positions=1)
        self.main.team = world.team("Team 1", self.cy)
        self.main.save()

    def ask(self, start=TUESDAY, end=TUESDAY + DAY, *, now=MONDAY, by: User | None = None, **more) -> SwapRequest:
        return swapping.ask(self.main, by or self.ana, start, end, now=now, **more)

    def on(self, at, schedule: Schedule | None = None) -> list[str]:
        return [each.user.username for each in on_call(schedule or self.main, at)]


@pytest.fixture
def cast(world) -> Cast:
    return Cast(world)


def away(user: User, start=TUESDAY, end=TUESDAY + DAY) -> Absence:
    return Absence.objects.create(user=user, start=start, end=end)


# --- asking -----------------------------------------------------------------------------------------------------------


@db
def test_a_request_that_is_accepted_puts_the_other_person_on_duty_and_says_so(cast):
    """A8, A11"""
    swap = cast.ask(asked=cast.bo, note="dentist")
    assert cast.on(TUESDAY) == ["ana"], "asking changes nothing yet"
    swapping.accept(swap, cast.bo, MONDAY)
    swap.refresh_from_db()
    assert (swap.state, swap.answered_by, swap.answered_at) == ("accepted", cast.bo, MONDAY)
    [override] = swap.overrides.all()
    assert (override.user, override.instead_of, override.start, override.end, override.reason) == (
        *(cast.bo, cast.ana, TUESDAY, TUESDAY + DAY),
        "dentist",
    )
    assert [cast.on(at) for at in (TUESDAY - HOUR, TUESDAY, TUESDAY + DAY - HOUR, TUESDAY + DAY)] == [
        *(["ana"], ["bo"], ["bo"], ["ana"])
    ]
    assert [each.why for each in on_call(cast.main, TUESDAY)] == ["swap: dentist, in place of Ana"]


ASKS = {
    "a turn of somebody else": (
        lambda c: c.ask(MONDAY + WEEK, MONDAY + WEEK + DAY),
        "Ana is not on duty on rotation 0",
    ),
    "partly somebody else's": (lambda c: c.ask(MONDAY + DAY, MONDAY + WEEK + HOUR), "not on duty"),
    "before the first turn": (lambda c: c.ask(MONDAY - HOUR, MONDAY + HOUR, now=MONDAY - DAY), "not on duty"),
    "by somebody without a turn": (lambda c: c.ask(by=c.dee), "Dee is not on duty"),
    "in the past": (lambda c: c.ask(now=TUESDAY + DAY), "That time has passed."),
    "empty": (lambda c: c.ask(TUESDAY, TUESDAY), "must end after it starts"),
    "backwards": (lambda c: c.ask(TUESDAY, MONDAY), "must end after it starts"),
    "longer than a year": (lambda c: c.ask(MONDAY, MONDAY + 367 * DAY), "At most 366 days"),
    "of oneself": (lambda c: c.ask(asked=c.ana), "You cannot swap with yourself."),
    "of a stranger": (lambda c: c.ask(asked=c.dee), "Dee is neither in a rotation of rotation 0 main nor in its team."),
    "of somebody who is away": (lambda c: away(c.bo) and c.ask(asked=c.bo), "Bo is away during that time."),
    "the same twice": (lambda c: c.ask() and c.ask(), "Anyone has already been asked for that time."),
    "a part of it again": (lambda c: c.ask() and c.ask(TUESDAY + HOUR), "has already been asked for that time"),
    "a return of nobody": (
        lambda c: c.ask(return_start=MONDAY + WEEK, return_end=MONDAY + WEEK + DAY),
        "the person whose shift it is",
    ),
    "half a return": (lambda c: c.ask(asked=c.bo, return_start=MONDAY + WEEK), "give its start, its end"),
    "a return that is not theirs": (
        lambda c: c.ask(asked=c.bo, return_start=TUESDAY + DAY, return_end=TUESDAY + 2 * DAY),
        "Bo is not on duty",
    ),
    "a return in the same time": (
        lambda c: c.ask(asked=c.bo, return_start=TUESDAY, return_end=TUESDAY + DAY),
        "must lie outside",
    ),
    "a return in the past": (
        lambda c: c.ask(TUESDAY, TUESDAY + DAY, asked=c.bo, return_start=MONDAY - WEEK, return_end=MONDAY),
        "That time has passed.",
    ),
    "a return while away": (
        lambda c: (
            away(c.ana, MONDAY + WEEK, MONDAY + 2 * WEEK)
            and c.ask(asked=c.bo, return_start=MONDAY + WEEK, return_end=MONDAY + WEEK + DAY)
        ),
        "Ana is away during that time.",
    ),
}


@db
@pytest.mark.parametrize(("act", "sentence"), ASKS.values(), ids=ASKS.keys())
def test_what_cannot_be_asked(cast, act, sentence):
    """A8"""
    with pytest.raises(Refused, match=sentence.replace(".", r"\.")):
        act(cast)


@db
def test_of_a_shift_that_runs_the_rest_is_asked(cast):
    """The past stays as it was."""
    swap = cast.ask(MONDAY, MONDAY + WEEK, now=TUESDAY)
    assert swap.start == TUESDAY
    swapping.accept(swap, cast.bo, TUESDAY + DAY)
    assert [cast.on(at) for at in (TUESDAY, TUESDAY + DAY)] == [["ana"], ["bo"]]


@db
def test_an_absent_persons_turn_is_theirs_to_give_and_the_swap_covers_it(cast):
    """A8"""
    away(cast.ana)
    assert cast.on(TUESDAY) == []
    swapping.accept(cast.ask(), cast.cy, MONDAY)
    assert cast.on(TUESDAY) == ["cy"]


@db
def test_somebody_of_the_schedule_by_rotation_pair_calendar_or_team_can_be_asked(cast):
    """Both readings of who belongs to a schedule agree."""
    eve, fay, gil = (User.objects.create(username=name) for name in ("eve", "fay", "gil"))
    Participant.objects.create(rotation=Rotation.objects.get(), user=cast.bo, partner=eve, order=5)
    feed = CalendarFeed.objects.create(name="calendar")
    FeedEntry.objects.create(feed=feed, user=fay, start=MONDAY, end=TUESDAY)
    Layer.objects.create(schedule=cast.main, feed=feed)
    gil.groups.add(cast.main.team)
    User.objects.filter(pk=gil.pk).update(is_active=False)
    assert {user.username for user in turns.colleagues(cast.main)} == {"ana", "bo", "cy", "eve", "fay"}
    Schedule.objects.create(name="of no team")
    for user in User.objects.all():
        there = user.username in {"ana", "bo", "cy", "eve", "fay", "gil"}
        assert list(turns.belonging(user)) == ([cast.main] if there else []), user


# --- answers ----------------------------------------------------------------------------------------------------------


def settled(state: str):
    def arrange(cast: Cast) -> SwapRequest:
        swap = cast.ask(asked=cast.bo)
        verb, by = {"accepted": (swapping.accept, cast.bo), "declined": (swapping.decline, cast.bo)}.get(
            state, (swapping.withdraw, cast.ana)
        )
        return verb(swap, by, MONDAY)

    return arrange


def overridden(cast: Cast) -> SwapRequest:
    swap = cast.ask()
    Override.objects.create(schedule=cast.main, user=cast.cy, start=TUESDAY, end=TUESDAY + HOUR)
    return swap


def with_return_taken_away(cast: Cast) -> SwapRequest:
    swap = cast.ask(asked=cast.bo, return_start=MONDAY + WEEK, return_end=MONDAY + WEEK + DAY)
    span = {"start": MONDAY + WEEK, "end": MONDAY + WEEK + HOUR}
    Override.objects.create(schedule=cast.main, user=cast.cy, instead_of=cast.bo, **span)
    return swap


def inactive(cast: Cast) -> SwapRequest:
    User.objects.filter(pk=cast.cy.pk).update(is_active=False)
    return cast.ask()


REFUSED = {
    # how it came about, verb, by whom, when, sentence
    "accepting what is accepted": (settled("accepted"), "accept", "bo", MONDAY, "has already been accepted by Bo"),
    "accepting what is declined": (settled("declined"), "accept", "bo", MONDAY, "has already been declined by Bo"),
    "accepting what is withdrawn": (settled("withdrawn"), "accept", "bo", MONDAY, "has already been withdrawn by Ana"),
    "declining what is accepted": (settled("accepted"), "decline", "bo", MONDAY, "has already been accepted by Bo"),
    "withdrawing what is accepted": (settled("accepted"), "withdraw", "ana", MONDAY, "has already been accepted by Bo"),
    "accepting for somebody else": (lambda c: c.ask(asked=c.bo), "accept", "cy", MONDAY, "Only Bo has been asked."),
    "accepting one's own": (lambda c: c.ask(), "accept", "ana", MONDAY, "You cannot swap with yourself."),
    "accepting as a stranger": (lambda c: c.ask(), "accept", "dee", MONDAY, "Dee is neither in a rotation"),
    "accepting after one has left": (inactive, "accept", "cy", MONDAY, "Cy is neither in a rotation"),
    "accepting when it is over": (lambda c: c.ask(), "accept", "bo", TUESDAY + DAY, "That time has passed."),
    "accepting while away": (
        lambda c: away(c.bo, TUESDAY + 23 * HOUR, TUESDAY + WEEK) and c.ask(),
        *("accept", "bo", MONDAY, "Bo is away during that time."),
    ),
    "accepting what is not theirs any more": (overridden, "accept", "bo", MONDAY, "Ana is not on duty"),
    "accepting without the return": (with_return_taken_away, "accept", "bo", MONDAY, "Bo is not on duty"),
    "declining what anyone is asked": (
        lambda c: c.ask(),
        "decline",
        "bo",
        MONDAY,
        "Only the person who has been asked",
    ),
    "declining for somebody else": (
        lambda c: c.ask(asked=c.bo),
        "decline",
        "cy",
        MONDAY,
        "Only the person who has been asked",
    ),
    "withdrawing somebody else's": (lambda c: c.ask(asked=c.bo), "withdraw", "bo", MONDAY, "Only Ana can withdraw"),
}


@db
@pytest.mark.parametrize(("arrange", "verb", "by", "now", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_changes_nothing(cast, arrange, verb, by, now, sentence):
    """A8"""
    swap = arrange(cast)
    before = SwapRequest.objects.values().get(), list(Override.objects.values())
    with pytest.raises(Refused, match=sentence.replace(".", r"\.")):
        getattr(swapping, verb)(swap, User.objects.get(username=by), now)
    assert (SwapRequest.objects.values().get(), list(Override.objects.values())) == before


@db
@pytest.mark.parametrize(("verb", "by", "state"), [("decline", "bo", "declined"), ("withdraw", "ana", "withdrawn")])
def test_a_request_that_is_declined_or_withdrawn_changes_nobodys_shift(cast, verb, by, state):
    """A8"""
    swap = getattr(swapping, verb)(cast.ask(asked=cast.bo), User.objects.get(username=by), MONDAY + HOUR)
    assert (swap.state, swap.answered_by.username, swap.answered_at) == (state, by, MONDAY + HOUR)
    assert not Override.objects.exists()


@db
def test_in_return_the_one_who_asks_takes_the_other_shift(cast):
    """A8"""
    span = {"return_start": MONDAY + WEEK + DAY, "return_end": MONDAY + WEEK + 2 * DAY}
    swap = swapping.accept(cast.ask(asked=cast.bo, **span), cast.bo, MONDAY)
    rows = swap.overrides.values_list("user__username", "instead_of__username", "start", "end")
    assert list(rows) == [("bo", "ana", TUESDAY, TUESDAY + DAY), ("ana", "bo", TUESDAY + WEEK, TUESDAY + WEEK + DAY)]
    assert [cast.on(at) for at in (TUESDAY, MONDAY + WEEK, TUESDAY + WEEK)] == [["bo"], ["bo"], ["ana"]]


@db
def test_what_was_taken_can_be_given_back(cast):
    swapping.accept(cast.ask(), cast.bo, MONDAY)
    swapping.accept(cast.ask(by=cast.bo, asked=cast.ana), cast.ana, MONDAY)
    assert cast.on(TUESDAY) == ["ana"]
    swapping.accept(cast.ask(), cast.cy, MONDAY)
    assert cast.on(TUESDAY) == ["cy"]


@db
def test_what_else_was_asked_for_that_time_is_withdrawn(cast):
    one, other = cast.ask(asked=cast.bo), cast.ask(MONDAY, MONDAY + 2 * DAY)
    later = cast.ask(TUESDAY + DAY, TUESDAY + 2 * DAY)
    swapping.accept(one, cast.bo, MONDAY)
    states = {swap.pk: swap.state for swap in SwapRequest.objects.all()}
    assert states == {one.pk: "accepted", other.pk: "withdrawn", later.pk: "offered"}


# --- whatever puts somebody on duty -----------------------------------------------------------------------------------


def by_pair(cast: Cast) -> set[str]:
    Participant.objects.filter(user=cast.ana).update(partner=cast.bo)
    return {"bo", "cy"}


def by_everybodys_override(cast: Cast) -> set[str]:
    Layer.objects.all().delete()
    Override.objects.create(schedule=cast.main, user=cast.ana, start=MONDAY, end=MONDAY + WEEK)
    return {"cy"}


def partly_by_everybodys_override(cast: Cast) -> set[str]:
    Override.objects.create(schedule=cast.main, user=cast.ana, start=TUESDAY + HOUR, end=TUESDAY + 2 * HOUR)
    return {"cy"}


def by_override_of_one(cast: Cast) -> set[str]:
    Participant.objects.filter(user=cast.ana).update(user=cast.dee)
    Override.objects.create(schedule=cast.main, user=cast.ana, instead_of=cast.dee, start=MONDAY, end=MONDAY + WEEK)
    return {"cy"}


def by_calendar(cast: Cast) -> set[str]:
    feed = CalendarFeed.objects.create(name="calendar")
    FeedEntry.objects.create(feed=feed, user=cast.ana, start=MONDAY, end=MONDAY + WEEK)
    Layer.objects.update(rotation=None, feed=feed)
    return {"cy"}


def by_filling(cast: Cast) -> set[str]:
    Rotation.objects.update(fills=True)
    for order, user in enumerate((cast.ana, cast.bo), 1):
        Participant.objects.filter(user=user).update(order=order)
    Participant.objects.create(rotation=Rotation.objects.get(), user=cast.dee, order=0)
    away(cast.dee, MONDAY, MONDAY + WEEK)
    return {"cy"}


def by_second_layer(cast: Cast) -> set[str]:
    rotation = Rotation.objects.create(name="experts", first_day=MONDAY.date())
    Participant.objects.create(rotation=rotation, user=cast.ana)
    Participant.objects.filter(user=cast.ana, rotation__name="rotation 0").update(user=cast.dee)
    Layer.objects.create(schedule=cast.main, rotation=rotation, order=1, adds=True)
    return {"dee", "cy"}


WAYS = [
    by_pair,
    by_everybodys_override,
    partly_by_everybodys_override,
    by_override_of_one,
    by_calendar,
    by_filling,
    by_second_layer,
]


@db
@pytest.mark.parametrize("arrange", WAYS)
def test_whatever_puts_somebody_on_duty_can_be_swapped(cast, arrange):
    """A8: the one who accepts is on duty for all of it, and the others are as before."""
    expected = arrange(cast)
    moments = [TUESDAY + n * HOUR / 2 for n in range(48)]
    assert all("ana" in cast.on(at) for at in moments)
    swapping.accept(cast.ask(), cast.cy, MONDAY)
    assert [set(cast.on(at)) for at in moments] == [expected] * 48


# --- absences look for cover ------------------------------------------------------------------------------------------


def needed(cast: Cast, user: User | None = None, now=MONDAY) -> list[tuple]:
    return [(t.start - MONDAY, t.end - MONDAY, t.asked) for t in turns.cover_needed(user or cast.ana, now)]


@db
def test_turns_in_an_absence_need_cover_until_somebody_takes_them(cast):
    """A8, A9"""
    assert needed(cast) == []
    away(cast.ana, TUESDAY, MONDAY + 15 * DAY)
    assert needed(cast) == [(DAY, WEEK, False), (2 * WEEK, 15 * DAY, False)]
    swap = cast.ask(TUESDAY, MONDAY + WEEK)
    assert needed(cast) == [(DAY, WEEK, True), (2 * WEEK, 15 * DAY, False)]
    swapping.withdraw(swap, cast.ana, MONDAY)
    swapping.accept(cast.ask(TUESDAY, TUESDAY + DAY), cast.cy, MONDAY)
    assert needed(cast) == [(2 * DAY, WEEK, False), (2 * WEEK, 15 * DAY, False)]


def nothing(cast: Cast) -> None:
    pass


def another_instead(cast: Cast) -> None:
    Override.objects.create(schedule=cast.main, user=cast.cy, start=TUESDAY, end=TUESDAY + HOUR)


def one_who_is_away_instead(cast: Cast) -> None:
    another_instead(cast)
    away(cast.cy, MONDAY, MONDAY + WEEK)


def filled(cast: Cast) -> None:
    Rotation.objects.update(fills=True)


def paired(cast: Cast) -> None:
    Participant.objects.filter(user=cast.ana).update(partner=cast.bo)


def layer_below(cast: Cast) -> None:
    rotation = Rotation.objects.create(name="below", first_day=MONDAY.date())
    Participant.objects.create(rotation=rotation, user=cast.cy)
    Layer.objects.update(order=1)
    Layer.objects.create(schedule=cast.main, rotation=rotation, order=0)


@db
@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        (nothing, [(DAY, 2 * DAY)]),
        (another_instead, [(DAY + HOUR, 2 * DAY)]),
        (one_who_is_away_instead, [(DAY, 2 * DAY)]),
        (filled, []),
        (paired, [(DAY, 2 * DAY)]),
        (layer_below, []),
    ],
)
def test_what_others_cover_needs_no_cover(cast, arrange, expected):
    """A8: the place of one of two who are on duty together has to be taken, too."""
    arrange(cast)
    away(cast.ana)
    assert [each[:2] for each in needed(cast)] == expected


@db
def test_cover_is_looked_for_from_now_on_and_for_ten_weeks(cast):
    away(cast.ana, MONDAY - WEEK, MONDAY + 52 * WEEK)
    found = needed(cast, now=TUESDAY)
    assert found[0] == (DAY, WEEK, False)
    assert found[-1] == (10 * WEEK, 10 * WEEK + DAY, False)


@db
def test_somebody_who_took_a_turn_and_is_away_needs_cover_for_it(cast):
    swapping.accept(cast.ask(), cast.cy, MONDAY)
    away(cast.cy, MONDAY, MONDAY + WEEK)
    assert needed(cast, cast.cy) == [(DAY, 2 * DAY, False)]
    swapping.accept(cast.ask(by=cast.cy), cast.bo, MONDAY)
    assert (needed(cast, cast.cy), cast.on(TUESDAY)) == ([], ["bo"])


# --- races ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(transactional_db) -> Cast:
    return Cast(World())


@pytest.mark.parametrize("turn", range(5))
def test_of_many_who_accept_at_once_exactly_one_wins(crowd, turn):
    """A8"""
    swap = crowd.ask()
    takers = [crowd.bo, crowd.cy] * 3
    answers = together(*(lambda by=by: swapping.accept(swap, by, MONDAY) for by in takers))
    assert sum(isinstance(answer, Refused) for answer in answers) == 5
    [override] = Override.objects.all()
    swap.refresh_from_db()
    assert (swap.state, swap.answered_by, list(swap.overrides.all())) == ("accepted", override.user, [override])


@pytest.mark.parametrize("turn", range(5))
def test_of_two_requests_for_one_shift_one_is_accepted(crowd, turn):
    """A8: asking Bo and asking anyone, and both are answered at the same moment."""
    one, other = crowd.ask(asked=crowd.bo), crowd.ask(TUESDAY + HOUR)
    answers = together(lambda: swapping.accept(one, crowd.bo, MONDAY), lambda: swapping.accept(other, crowd.cy, MONDAY))
    assert sum(isinstance(answer, Refused) for answer in answers) == 1
    assert sorted(SwapRequest.objects.values_list("state", flat=True)) == ["accepted", "withdrawn"]
    assert Override.objects.count() == 1


def test_accepting_and_withdrawing_at_once_leave_one_truth(crowd):
    swap = crowd.ask()
    answers = behind(
        crowd.main,
        lambda: swapping.accept(swap, crowd.bo, MONDAY),
        lambda: swapping.withdraw(swap, crowd.ana, MONDAY),
    )
    assert sum(isinstance(answer, Refused) for answer in answers) == 1
    swap.refresh_from_db()
    assert swap.overrides.count() == Override.objects.count() == (1 if swap.state == "accepted" else 0)


def test_asking_twice_at_once_is_one_request(crowd):
    answers = behind(crowd.main, *[lambda: crowd.ask()] * 4)
    assert sum(isinstance(answer, Refused) for answer in answers) == 3
    assert SwapRequest.objects.count() == 1
