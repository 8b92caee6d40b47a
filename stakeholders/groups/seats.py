"""How many people get messages, by the openness of their groups, and how that number grows (B119)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q

from dispatching.models import ContactPoint
from stakeholders.models import StakeholderGroup, Subscription

SPANS = (30, 90)  # days


@dataclass(frozen=True, slots=True)
class Seats:
    """A kind of group, how many people it reaches now, and how many more (or fewer) that is than each of SPANS ago."""

    who: str
    now: int
    growth: tuple[int, ...]


def estimate(now: datetime) -> list[Seats]:
    """Returns a row for each kind of group and one for all people, in one query."""
    kinds = [*StakeholderGroup.Openness.choices, ("", "all, each once")]
    counts = {f"{kind}_{days}": _people(kind, now - timedelta(days=days)) for kind, _ in kinds for days in (0, *SPANS)}
    reached = Subscription.objects.filter(contact_point__in=ContactPoint.objects.usable())
    people = reached.aggregate(**counts)
    return [_seats(label, *(people[f"{kind}_{days}"] for days in (0, *SPANS))) for kind, label in kinds]


def _people(kind: str, at: datetime) -> Count:
    """The number of people subscribed at that time to groups of this kind (empty: of any); a person in several counts once."""
    then = Q(confirmed_at__lte=at) & (Q(ended_at=None) | Q(ended_at__gt=at))
    wanted = then & Q(group__openness=kind) if kind else then
    return Count("contact_point__recipient", distinct=True, filter=wanted)


def _seats(who: str, now: int, *before: int) -> Seats:
    return Seats(who, now, tuple(now - then for then in before))
