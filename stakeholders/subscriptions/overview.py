"""What one contact point is subscribed to and may change, and what one person sees of outages."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import QueryDict

from dispatching.contact import links
from dispatching.models import ContactPoint, Priority
from schedules.models import User
from stakeholders.groups import joining
from stakeholders.models import (
    Deployment,
    Message,
    Outage,
    OutageEvent,
    Product,
    StakeholderGroup,
    Subscriber,
    Subscription,
)
from stakeholders.news import outages
from stakeholders.subscriptions.forms import WishForm

PAST = 20  # outages that are over


def addresses_of(point: ContactPoint) -> dict[str, Any]:
    """The other pages of the same contact point."""
    return {
        "unsubscribe": links.path("unsubscribe", point),
        "feed": links.url("feed", point),
        "ended": Subscription.objects.filter(contact_point=point, state="ended")
        .select_related("group")
        .order_by("-pk")[:20],
    }


def settings_of(point: ContactPoint, *, keep: bool) -> Subscriber:
    """How they want to be told; `keep` makes the row if there is none yet, else the defaults are shown."""
    if keep:
        return Subscriber.objects.get_or_create(recipient=point.recipient)[0]
    return Subscriber.objects.filter(recipient=point.recipient).first() or Subscriber(recipient=point.recipient)


def rows(point: ContactPoint) -> list[Subscription]:
    """The subscriptions that have not ended, each with the names of what it is narrowed to (`only`)."""
    current = Subscription.objects.filter(contact_point=point).exclude(state=Subscription.State.ENDED)
    found = list(current.select_related("group", "invited_by").order_by("group__name"))
    where = Deployment.objects.in_bulk({pk for row in found for pk in row.deployments})
    what = Product.objects.in_bulk({pk for row in found for pk in row.products})
    for row in found:
        kept: list[tuple[Mapping[int, Deployment | Product], list[int]]]
        kept = [(where, row.deployments), (what, row.products)]
        row.only = [names[pk].name for names, ids in kept for pk in ids if pk in names]
    return found


def wish_forms(point: ContactPoint, data: QueryDict | None) -> list[WishForm]:
    """A form for each group that the contact point has, or may join alone."""
    current = {row.group_id: row for row in rows(point)}
    user = point.recipient.user
    open_ = set(joining.open_to(user).values_list("pk", flat=True))
    groups = StakeholderGroup.objects.filter(pk__in=open_ | set(current)).prefetch_related("deployments", "products")
    priorities = list(Priority.objects.order_by("level"))
    where, what = joining.parts(groups)
    return [
        WishForm(
            data,
            group=group,
            row=current.get(group.pk),
            parts=joining.within_group(group, where, what),
            priorities=priorities,
        )
        for group in groups
    ]


def overview(user: User) -> dict[str, Any]:
    """One's own subscriptions by contact point, and the outages that were told to their groups, newest first."""
    points = ContactPoint.objects.filter(recipient__user=user).order_by("pk")
    found = [(point, rows(point), links.path("manage", point)) for point in points]
    said = OutageEvent.objects.filter(by=user, text__startswith=outages.COMMENT)
    known = told_to_user(user).select_related("priority")
    known = known.prefetch_related("deployments", "products", "updates", Prefetch("events", said, "own_comments"))
    lists = [
        ("Going on now", known.filter(state=Outage.State.OPEN), "Nothing that you subscribed to is broken."),
        ("Ended", known.filter(state=Outage.State.ENDED)[:PAST], "Nothing yet."),
    ]
    return {"points": found, "zone": user.time_zone, "lists": lists}


def told_to_user(user: User) -> QuerySet[Outage]:
    """The outages that were announced to a group of which this person is a subscriber."""
    rows = Subscription.objects.filter(contact_point__recipient__user=user, state=Subscription.State.ACTIVE)
    return told_to(set(rows.values_list("group", flat=True)))


def told_to(groups: set[int]) -> QuerySet[Outage]:
    """The outages that were announced to one of these groups."""
    told = Q(pk__in=[])
    for pk in groups:
        told |= Q(audience__told__contains=[{"group": pk}])
    return Outage.objects.filter(brackets__messages__in=Message.objects.filter(told)).distinct()
