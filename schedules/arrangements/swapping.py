"""Swaps of shifts, one function for each verb, called by both the page and the API.

Every verb that settles a request locks its schedule's row first, and only it, so that neither two answers to one
request nor two requests for one shift are settled at the same time. A refusal raises Refused, which the page shows and
the API answers with 409.
"""

from datetime import datetime, timedelta

from django.db import transaction

from schedules.arrangements import turns
from schedules.models import Absence, Override, Schedule, SwapRequest, User
from schedules.oncall import Timetable, timetables
from schedules.refused import Refused
from schedules.rules.coverage import Cover

State = SwapRequest.State
LONGEST = timedelta(days=366)


def ask(
    schedule: Schedule,
    asked_by: User,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
    asked: User | None = None,
    return_start: datetime | None = None,
    return_end: datetime | None = None,
    note: str = "",
) -> SwapRequest:
    """Asks `asked`, or if None the first colleague to accept, to take the turn of `asked_by` in [start, end).

    In return `asked_by` takes the turn of `asked` in [return_start, return_end). Time that has passed is left out.
    """
    start = _from_now(start, end, now)
    if asked == asked_by:
        raise Refused("You cannot swap with yourself.")
    if asked:
        _may_take(asked, schedule, start, end)
    if return_start or return_end:
        if not (asked and return_start and return_end):
            raise Refused("To take a shift in return, give its start, its end and the person whose shift it is.")
        return_start = _from_now(return_start, return_end, now)
        if return_start < end and start < return_end:
            raise Refused("The shift taken in return must lie outside the time that is given away.")
        _must_not_be_away(asked_by, return_start, return_end)
    with transaction.atomic():
        _lock(schedule.pk)
        _must_have(asked_by, schedule, start, end)
        if asked and return_start and return_end:
            _must_have(asked, schedule, return_start, return_end)
        same = SwapRequest.objects.waiting(now).filter(schedule=schedule, asked_by=asked_by, asked=asked)
        if same.filter(start__lte=start, end__gte=end).exists():
            raise Refused(f"{asked.name if asked else 'Anyone'} has already been asked for that time.")
        spans = {"start": start, "end": end, "return_start": return_start, "return_end": return_end}
        return SwapRequest.objects.create(
            schedule=schedule, asked_by=asked_by, asked=asked, note=note, created_at=now, **spans
        )


def accept(swap: SwapRequest, by: User, now: datetime) -> SwapRequest:
    """Gives the shift to `by`, and the shift in return to the person who asked, as overrides.

    A shift that has started changes hands from now on. Other requests for the same time are withdrawn. Raises Refused.
    """
    with transaction.atomic():
        swap = _waiting(swap)
        start = _from_now(swap.start, swap.end, now)
        if swap.asked and swap.asked != by:
            raise Refused(f"Only {swap.asked.name} has been asked.")
        if swap.asked_by == by:
            raise Refused("You cannot swap with yourself.")
        _may_take(by, swap.schedule, start, swap.end)
        made = _hand_over(swap, swap.asked_by, by, start, swap.end)
        if swap.return_start and swap.return_end:
            back = _from_now(swap.return_start, swap.return_end, now)
            _must_not_be_away(swap.asked_by, back, swap.return_end)
            made += _hand_over(swap, by, swap.asked_by, back, swap.return_end)
        _settle(swap, State.ACCEPTED, by, now)
        swap.overrides.add(*made)
        for override in made:
            _give_up(swap.schedule, by if override.user == swap.asked_by else swap.asked_by, override, now)
    return swap


def decline(swap: SwapRequest, by: User, now: datetime) -> SwapRequest:
    """Declines the request; only the person who has been asked may."""
    with transaction.atomic():
        swap = _waiting(swap)
        if swap.asked != by:
            raise Refused("Only the person who has been asked can decline.")
        return _settle(swap, State.DECLINED, by, now)


def withdraw(swap: SwapRequest, by: User, now: datetime) -> SwapRequest:
    """Withdraws the request; only the person who asked may."""
    with transaction.atomic():
        swap = _waiting(swap)
        if swap.asked_by != by:
            raise Refused(f"Only {swap.asked_by.name} can withdraw this request.")
        return _settle(swap, State.WITHDRAWN, by, now)


# --- conditions -------------------------------------------------------------------------------------------------------


def _lock(schedule: int) -> None:
    Schedule.objects.select_for_update(no_key=True).get(pk=schedule)


def _waiting(swap: SwapRequest) -> SwapRequest:
    _lock(swap.schedule_id)
    swap = SwapRequest.objects.select_related("schedule", "asked_by", "asked", "answered_by").get(pk=swap.pk)
    if swap.state != State.OFFERED:
        who = f" by {swap.answered_by.name}" if swap.answered_by else ""
        raise Refused(f"This request has already been {swap.get_state_display()}{who}.")
    return swap


def _from_now(start: datetime, end: datetime, now: datetime) -> datetime:
    if end <= start:
        raise Refused("A swap must end after it starts.")
    if end <= now:
        raise Refused("That time has passed.")
    if end - start > LONGEST:
        raise Refused(f"At most {LONGEST.days} days can be swapped at a time.")
    return max(start, now)


def _may_take(user: User, schedule: Schedule, start: datetime, end: datetime) -> None:
    if not turns.colleagues(schedule).filter(pk=user.pk).exists():
        raise Refused(f"{user.name} is neither in a rotation of {schedule.name} nor in its team.")
    _must_not_be_away(user, start, end)


def _must_have(user: User, schedule: Schedule, start: datetime, end: datetime) -> Timetable:
    """Refuses unless the whole span is this person's own turn; it stays theirs during an absence."""
    table = timetables([schedule.pk], start, end)[schedule.pk]
    if turns.turns(table, user, start, end) != [(start, end)]:
        raise Refused(f"{user.name} is not on duty on {schedule.name} for all of that time.")
    return table


def _must_not_be_away(user: User, start: datetime, end: datetime) -> None:
    if Absence.objects.filter(user=user, start__lt=end, end__gt=start).exists():
        raise Refused(f"{user.name} is away during that time.")


# --- consequences -----------------------------------------------------------------------------------------------------


def _hand_over(swap: SwapRequest, giver: User, taker: User, start: datetime, end: datetime) -> list[Override]:
    table = _must_have(giver, swap.schedule, start, end)
    after = turns.with_covers(table, [Cover(taker.pk, start, end, "", giver.pk)], [taker])
    # A person put on duty by an override in place of everybody can be replaced only by another override of that kind.
    left = turns.turns(after, giver, start, end)
    spans = [] if left == [(start, end)] else [(giver, start, end)]
    return [
        Override.objects.create(
            schedule=swap.schedule, user=taker, instead_of=instead_of, start=first, end=last, reason=swap.note
        )
        for instead_of, first, last in (*spans, *((None, *span) for span in left))
    ]


def _settle(swap: SwapRequest, state: SwapRequest.State, by: User, now: datetime) -> SwapRequest:
    swap.state, swap.answered_by, swap.answered_at = state, by, now
    swap.save(update_fields=["state", "answered_by", "answered_at"])
    return swap


def _give_up(schedule: Schedule, giver: User, override: Override, now: datetime) -> None:
    """Withdraws other requests for a time that has been taken, because they can no longer be accepted."""
    others = SwapRequest.objects.waiting(now).filter(schedule=schedule, asked_by=giver)
    others.filter(start__lt=override.end, end__gt=override.start).update(state=State.WITHDRAWN, answered_at=now)
