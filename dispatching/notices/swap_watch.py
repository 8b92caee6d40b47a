"""Tells people that they are asked to take a shift, and tells the person who asked the answer; each once (A8)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from dispatching import parking
from dispatching.models import Notice
from dispatching.notices import notices
from schedules.arrangements import turns
from schedules.models import SwapRequest, User
from schedules.surfaces.public_urls import public_url

State = SwapRequest.State
FRESH = timedelta(days=1)  # people are not told answers that are older than this


def tell_swaps(now: datetime) -> int:
    """Tells the people who are asked for a swap or were answered and have not been told yet. Returns how many it told."""
    swaps = SwapRequest.objects.select_related("schedule", "asked_by", "asked", "answered_by")
    rows = parking.Rows("swap", now)
    answered = swaps.filter(state__in=(State.ACCEPTED, State.DECLINED), answered_at__gt=now - FRESH)
    due = [swap for swap in (*swaps.waiting(now), *answered) if rows.due(swap.pk)]
    return sum(rows.handle(swap.pk, _tell, swap, now) for swap in due)


def _people(swap: SwapRequest) -> Iterable[User]:
    """Whom the swap's state concerns: those who are asked, or else the person who asked."""
    if swap.state != State.OFFERED:
        return [swap.asked_by]
    return [swap.asked] if swap.asked else turns.colleagues(swap.schedule).exclude(pk=swap.asked_by_id)


def _tell(swap: SwapRequest, now: datetime) -> int:
    if swap.state == State.OFFERED:
        subject = f"{swap.asked_by.name} asks {'you' if swap.asked else 'anyone'} to take {swap.schedule}"
    else:
        answer = "agreed" if swap.state == State.ACCEPTED else "declined"
        subject = f"{swap.answered_by.name if swap.answered_by else 'Somebody'} has {answer} to take {swap.schedule}"
    url, told = public_url("mine"), 0
    for key, user in notices.untold((f"swap/{swap.pk}/{swap.state}", user) for user in _people(swap)):
        notice = notices.tell(user, key, Notice.Kind.SWAP, subject, {"swap": swap}, now=now, url=url, until=swap.end)
        told += notice is not None
    return told
