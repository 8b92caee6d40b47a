"""What is said and recorded of a group: what it covers in words, since when, who may change it; the usual four."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count
from guardian.models import UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from dispatching.models import ContactPoint
from schedules.models import User
from schedules.surfaces import access
from stakeholders.models import StakeholderGroup, Subscription

Openness = StakeholderGroup.Openness
CHANGE = "change_stakeholdergroup"
REVIEW = timedelta(days=182)


@dataclass(frozen=True, slots=True)
class Usual:
    name: str
    purpose: str
    openness: str


# Table 8.2
USUAL = [
    Usual(
        "Product management",
        "Managers, owners and analysts of the products are ready to talk with marketing, sales, leadership and customers.",
        Openness.PRODUCT,
    ),
    Usual("Leadership", "Leaders are ready when customers call them.", Openness.PRODUCT),
    Usual(
        "Marketing and sales",
        "They reschedule demos, trainings and campaigns, and are ready to talk to customers.",
        Openness.ENTERPRISE,
    ),
    Usual(
        "Partners and customers",
        "They do what helps at their end until everything works again, and know that we are working on it.",
        Openness.EVERYONE,
    ),
]


def missing() -> list[Usual]:
    """Those of the usual four that are not there."""
    there = {name.casefold() for name in StakeholderGroup.objects.values_list("name", flat=True)}
    return [usual for usual in USUAL if usual.name.casefold() not in there]


def covers(group: StakeholderGroup) -> str:
    """Its membership rule in words: whose news its subscribers get."""
    where = "all deployments" if group.all_deployments else _names(group.deployments.all())
    what = "all products" if group.all_products else _names(group.products.all())
    return f"{where} × {what}" if where and what else "nothing of its own"


def _names(rows) -> str:
    return ", ".join(str(row) for row in rows)


def described(group: StakeholderGroup | None) -> dict[str, str]:
    """The group as it is, in words that stay as they are; empty if there is none."""
    if group is None:
        return {}
    return {
        "name": group.name,
        "purpose": group.purpose,
        "covers": covers(group),
        "part of": group.parent.name if group.parent else "",
        "open to": group.get_openness_display(),
        "advice": group.advice,
    }


def note_coverage(group: StakeholderGroup, before: str, *, now: datetime) -> None:
    """Records since when it covers what it covers now; `before` is what `covers` said until now."""
    if covers(group) != before:
        group.covers_since = now
        group.save(update_fields=["covers_since"])


def grant_to_owner(group: StakeholderGroup, *, before: User | None = None) -> None:
    """The owner may change it from now on; the one before may not any more."""
    if before and before != group.owner:
        remove_perm(CHANGE, before, group)
    if group.owner:
        assign_perm(CHANGE, group.owner, group)


def forget(group: StakeholderGroup) -> None:
    """To be called before it is deleted: see `schedules.access.forget`."""
    access.forget(group)
    content_type = ContentType.objects.get_for_model(group)
    UserObjectPermission.objects.filter(content_type=content_type, object_pk=group.pk).delete()


def reviewed(group: StakeholderGroup, *, now: datetime) -> None:
    """Somebody has looked: it still fits, and is looked at again in half a year."""
    group.review_by = (now + REVIEW).date()
    group.save(update_fields=["review_by"])


def review_words(group: StakeholderGroup, today: date) -> str:
    if group.review_by is None:
        return "no date set"
    return f"{group.review_by} (overdue)" if group.review_by < today else str(group.review_by)


def by_medium(group: StakeholderGroup) -> dict[str, int]:
    """How many addresses of its subscribers are in use, by medium."""
    points = ContactPoint.objects.usable().filter(
        subscriptions__group=group, subscriptions__state=Subscription.State.ACTIVE
    )
    return dict(points.order_by().values_list("channel").annotate(Count("pk")))
