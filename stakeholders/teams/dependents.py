"""Tells teams that depend on what is broken: their people on call are told, and can open the team's own outage (B146, B147)."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import JSONArray, JSONObject
from guardian.shortcuts import assign_perm

from dispatching import parking
from dispatching.models import Notice
from dispatching.notices import notices
from schedules.models import Team, User
from schedules.oncall import on_call
from schedules.surfaces.public_urls import public_url
from schedules.templatetags.times import moment
from stakeholders.models import Message, Outage, ScheduleSubscription, TeamTold, Update
from stakeholders.news import fanning, messages, outages
from stakeholders.news.timeline import note

FRESH = timedelta(days=1)  # older updates are not passed on
PASS = 50
LATER = (Update.Kind.PROGRESS, Update.Kind.END, Update.Kind.CORRECTION)


def tell_due(now: datetime) -> int:
    """Passes on updates to schedules that have not got them yet, at most PASS in total, and returns how many."""
    rows = parking.Rows("team", now)
    pairs = islice((pair for pair in _due(now) if rows.due(*pair)), PASS)
    return sum(rows.handle(pair, _tell, *pair, now) for pair in pairs)


def _due(now: datetime) -> Iterator[tuple[int, int]]:
    """Yields (update id, member id) not passed on yet: updates for the member's group, and later ones of outages it was told of."""
    recent = Update.objects.filter(at__gt=now - FRESH).order_by("pk")
    if not recent.exists():  # nearly always, and much cheaper to ask in each sweep
        return
    update = OuterRef(OuterRef("pk"))
    told = TeamTold.objects.filter(subscription=OuterRef("pk"))
    groups = JSONArray(JSONObject(group=OuterRef("group_id")))
    addressed = Message.objects.filter(update=update, audience__told__contains=groups)
    follows = told.filter(update__outage__updates=update, update__outage__updates__kind__in=LATER)
    members = ScheduleSubscription.objects.filter(
        Exists(addressed) | Exists(follows),
        ~Exists(told.filter(update=update)),
        since__lte=OuterRef("at"),
    )
    # Only when it is known who gets the update as a subscriber.
    planning = Message.objects.filter(update=OuterRef("pk"), due_at__isnull=False)
    due = recent.filter(~Exists(planning)).annotate(members=ArraySubquery(members.order_by("pk").values("pk")))
    for pk, member_ids in due.values_list("pk", "members"):
        yield from ((pk, member_id) for member_id in member_ids)


def _tell(update_id: int, member_id: int, now: datetime) -> bool:
    with transaction.atomic():
        members = ScheduleSubscription.objects.select_related("schedule", "group").select_for_update(of=("self",))
        member = members.filter(pk=member_id).first()
        if member is None or TeamTold.objects.filter(update=update_id, subscription=member).exists():
            return False
        update = Update.objects.select_related("outage__priority").get(pk=update_id)
        people = [duty.user for duty in on_call(member.schedule, now)]
        names = ", ".join(user.name for user in people)
        TeamTold.objects.create(update=update, subscription=member, at=now, names=names)
        _notify(people, update, member, now)
        if not people:
            note(update.outage, f"{member.schedule}: nobody is on call, so nobody was told", now=now)
    return True


def _notify(people: list[User], update: Update, member: ScheduleSubscription, now: datetime) -> None:
    subject = f"{messages.STATES[Update.Kind(update.kind)]}: {update.outage.title}"
    url = public_url("own_outage", update.outage_id)
    context = {
        "update": update,
        "where": messages.geography(update.outage),
        "what": messages.products(update.outage),
        "member": member,
    }
    for user in people:
        if fanning.reached(update, user, now):
            note(update.outage, f"{member.schedule}: {user.name} gets it as a subscriber", now=now)
            continue
        theirs = context | {
            "promise": messages.promise(update.next_update_by, at=partial(moment, zone=user.time_zone), now=now)
        }
        notice = notices.tell(user, f"news/{update.pk}", Notice.Kind.NEWS, subject, theirs, now=now, url=url)
        # Somebody on duty on two schedules is told once.
        text = f"{member.schedule}: message to {user.name}" if notice else f"{member.schedule}: {user.name}, as above"
        note(update.outage, text, now=now, notice=notice)


def told_of(outage: Outage) -> QuerySet[Team]:
    """Returns the teams whose schedules were told about this outage."""
    return Team.objects.filter(schedules__subscriptions__told__update__outage=outage).distinct()


def teams_of(user: User, outage: Outage) -> QuerySet[Team]:
    """Returns those of this person's teams that were told about the outage; they may open an outage of their own."""
    return told_of(outage).filter(user=user)


def open_own(outage: Outage, own: Outage, *, team: Team, by: User, now: datetime, **links: list) -> Outage:
    """Declares the team's own outage in its own words, caused by `outage`, and lets the team change it. Nobody is told yet.

    `by` becomes the communicator. Both outages get a line in their timelines.
    """
    own.caused_by, own.communicator = outage, by
    with transaction.atomic():
        declared = outages.declare(own, now=now, by=by, links=links)
        assign_perm("change_outage", team, declared)
        note(declared, f"{team} opened it because of outage {outage}", now=now, by=by)
        note(outage, f"{team} opened an outage of its own because of it: {declared}", now=now, by=by)
    return declared
