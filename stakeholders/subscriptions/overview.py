"""What a contact point is subscribed to and may change, and which outages a person sees."""

from collections.abc import Iterable, Mapping
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
    TeamTold,
)
from stakeholders.news import outages
from stakeholders.subscriptions.forms import WishForm

PAST = 20  # ended outages


def addresses_of(point: ContactPoint) -> dict[str, Any]:
    """Returns the addresses of the contact point's other pages, and its last 20 ended subscriptions."""
    return {
        "unsubscribe": links.path("unsubscribe", point),
        "feed": links.url("feed", point),
        "ended": Subscription.objects.filter(contact_point=point, state="ended")
        .select_related("group")
        .order_by("-pk")[:20],
    }


def settings_of(point: ContactPoint, *, keep: bool) -> Subscriber:
    """Returns the subscriber's settings. If there are none, `keep` saves the defaults; otherwise they are not saved."""
    user = point.recipient.user
    usual = {"time_zone": user.time_zone} if user else {}
    if keep:
        return Subscriber.objects.get_or_create(recipient=point.recipient, defaults=usual)[0]
    saved = Subscriber.objects.filter(recipient=point.recipient).first()
    return saved or Subscriber(recipient=point.recipient, **usual)


def rows(point: ContactPoint) -> list[Subscription]:
    """Returns the subscriptions that have not ended; `only` on each has the names of what it is narrowed to."""
    current = Subscription.objects.filter(contact_point=point).exclude(state=Subscription.State.ENDED)
    subscriptions = list(current.select_related("group", "invited_by").order_by("group__name"))
    where = Deployment.objects.in_bulk({pk for row in subscriptions for pk in row.deployments})
    what = Product.objects.in_bulk({pk for row in subscriptions for pk in row.products})
    for row in subscriptions:
        kept: list[tuple[Mapping[int, Deployment | Product], list[int]]]
        kept = [(where, row.deployments), (what, row.products)]
        row.only = [names[pk].name for names, ids in kept for pk in ids if pk in names]
    return subscriptions


def wish_forms(point: ContactPoint, data: QueryDict | None) -> list[WishForm]:
    """Returns a form for each group that the contact point is subscribed to or may join on its own."""
    current = {row.group_id: row for row in rows(point)}
    user = point.recipient.user
    open_ = set(joining.offered(joining.open_to(user)).values_list("pk", flat=True))
    groups = StakeholderGroup.objects.filter(pk__in=open_ | set(current)).prefetch_related("deployments", "products")
    priorities = list(Priority.objects.order_by("level"))
    where, what = joining.parts(groups)
    # What is on comes first, so that nobody has to look for it.
    return [
        WishForm(
            data,
            group=group,
            row=current.get(group.pk),
            parts=joining.within_group(group, where, what),
            priorities=priorities,
        )
        for group in sorted(groups, key=lambda group: group.pk not in current)
    ]


def broken_for(active: Iterable[Subscription]) -> list[str]:
    """Returns the titles of the outages that go on and were announced to the groups of these subscriptions."""
    told = told_to({row.group_id for row in active}).filter(state=Outage.State.OPEN)
    return list(told.values_list("title", flat=True))


def overview(user: User) -> dict[str, Any]:
    """Returns a person's subscriptions by contact point, and the outages announced to their groups, newest first."""
    points = ContactPoint.objects.filter(recipient__user=user).order_by("pk")
    sections = [(point, rows(point), links.path("manage", point)) for point in points]
    comments = OutageEvent.objects.filter(by=user, text__startswith=outages.COMMENT)
    announced = told_to_user(user).select_related("priority")
    announced = announced.prefetch_related(
        "deployments", "products", "updates", Prefetch("events", comments, "own_comments")
    )
    lists = [
        ("Going on now", announced.filter(state=Outage.State.OPEN), "Nothing that you subscribed to is broken."),
        ("Ended", announced.filter(state=Outage.State.ENDED)[:PAST], "Nothing yet."),
    ]
    # Outages about which a team of this person's was told: it may open an outage of its own.
    teams = TeamTold.objects.filter(subscription__schedule__team__user=user)
    own = set(teams.values_list("update__outage", flat=True))
    return {"points": sections, "zone": user.time_zone, "lists": lists, "own": own}


def told_to_user(user: User) -> QuerySet[Outage]:
    """Returns the outages that were announced to a group to which this person is subscribed."""
    subscriptions = Subscription.objects.filter(contact_point__recipient__user=user, state=Subscription.State.ACTIVE)
    return told_to(set(subscriptions.values_list("group", flat=True)))


def told_to(groups: set[int]) -> QuerySet[Outage]:
    """Returns the outages that were announced to one of these groups."""
    told = Q(pk__in=[])
    for pk in groups:
        told |= Q(audience__told__contains=[{"group": pk}])
    return Outage.objects.filter(brackets__messages__in=Message.objects.filter(told)).distinct()
