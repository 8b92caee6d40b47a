"""Descriptions and records of a group: its coverage in words and since when, its owner's permission, its review; the usual groups."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count
from guardian.shortcuts import assign_perm, remove_perm

from dispatching.models import ContactPoint
from schedules.models import User
from stakeholders.models import StakeholderGroup, StakeholderRing, Subscription

Openness = StakeholderGroup.Openness
CHANGE = "change_stakeholdergroup"
REVIEW = timedelta(days=182)


@dataclass(frozen=True, slots=True)
class Usual:
    name: str
    purpose: str
    openness: str
    ring: int  # its number in figure 8.4

    @property
    def lies_in(self) -> StakeholderRing | None:
        return StakeholderRing.objects.filter(number=self.ring).first()


# The usual four groups (table 8.2).
USUAL = [
    Usual(
        "Product management",
        "Managers, owners and analysts of the products are ready to talk with marketing, sales, leadership and customers.",
        Openness.PRODUCT,
        1,
    ),
    Usual("Leadership", "Leaders are ready when customers call them.", Openness.PRODUCT, 2),
    Usual(
        "Marketing and sales",
        "They reschedule demos, trainings and campaigns, and are ready to talk to customers.",
        Openness.ENTERPRISE,
        3,
    ),
    Usual(
        "Partners and customers",
        "They can work around it until everything works again, and know that we are working on it.",
        Openness.EVERYONE,
        4,
    ),
]


def missing() -> list[Usual]:
    """Returns those of the usual four groups that do not exist, compared by name without regard to case."""
    there = {name.casefold() for name in StakeholderGroup.objects.values_list("name", flat=True)}
    return [usual for usual in USUAL if usual.name.casefold() not in there]


def covers(group: StakeholderGroup) -> str:
    """Returns what the group covers, in words: its subscribers get the outage messages about these deployments and products."""
    where = "all deployments" if group.all_deployments else _names(group.deployments.all())
    what = "all products" if group.all_products else _names(group.products.all())
    return f"{where} × {what}" if where and what else "no product directly"


def _names(rows) -> str:
    return ", ".join(str(row) for row in rows)


def described(group: StakeholderGroup | None) -> dict[str, str]:
    """Returns the group's current properties as texts, to be stored; empty if `group` is None."""
    if group is None:
        return {}
    return {
        "name": group.name,
        "purpose": group.purpose,
        "covers": covers(group),
        "ring": str(group.ring or ""),
        "part of": group.parent.name if group.parent else "",
        "open to": group.get_openness_display(),
        "advice": group.advice,
    }


def note_coverage(group: StakeholderGroup, before: str, *, now: datetime) -> None:
    """Records `now` as the start of the group's coverage if that has changed; `before` is what `covers` returned before."""
    if covers(group) != before:
        group.covers_since = now
        group.save(update_fields=["covers_since"])


def grant_to_owner(group: StakeholderGroup, *, before: User | None = None) -> None:
    """Lets the group's owner change it, and takes this permission away from the previous owner, `before`."""
    if before and before != group.owner:
        remove_perm(CHANGE, before, group)
    if group.owner:
        assign_perm(CHANGE, group.owner, group)


def reviewed(group: StakeholderGroup, *, now: datetime) -> None:
    """Records that the group has been reviewed and still fits: the next review is due in half a year."""
    group.review_by = (now + REVIEW).date()
    group.save(update_fields=["review_by"])


def review_words(group: StakeholderGroup, today: date) -> str:
    if group.review_by is None:
        return "no date set"
    return f"{group.review_by} (overdue)" if group.review_by < today else str(group.review_by)


def by_medium(group: StakeholderGroup) -> dict[str, int]:
    """Returns how many usable contact points the group's active subscriptions have, by medium."""
    points = ContactPoint.objects.usable().filter(
        subscriptions__group=group, subscriptions__state=Subscription.State.ACTIVE
    )
    return dict(points.order_by().values_list("channel").annotate(Count("pk")))
