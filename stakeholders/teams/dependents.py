"""Teams that depend on what is broken: who is on call for them is told, and can open the team's own outage (B146, B147)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from guardian.shortcuts import assign_perm

from dispatching.models import Notice
from dispatching.notices import notices
from schedules.models import Team, User
from schedules.oncall import on_call
from stakeholders.models import Outage, ScheduleSubscription, TeamTold, Update
from stakeholders.news import messages, outages

FRESH = timedelta(days=1)  # what is older is no news
PASS = 50
# Updates for a group of which a schedule is a member, and those of outages that it has been told of, to the end.
DUE = """
SELECT DISTINCT said.id, member.id FROM stakeholders_schedulesubscription member
JOIN stakeholders_update said ON said.at >= member.since AND said.at > %(fresh)s
WHERE NOT EXISTS (
        SELECT FROM stakeholders_teamtold told WHERE told.update_id = said.id AND told.subscription_id = member.id
    ) AND (
        EXISTS (
            SELECT FROM stakeholders_message message WHERE message.update_id = said.id
                AND message.audience->'told' @> jsonb_build_array(jsonb_build_object('group', member.group_id))
        ) OR said.kind <> 'announcement' AND EXISTS (
            SELECT FROM stakeholders_teamtold told JOIN stakeholders_update earlier ON earlier.id = told.update_id
            WHERE told.subscription_id = member.id AND earlier.outage_id = said.outage_id
        )
    )
ORDER BY said.id, member.id LIMIT %(most)s
"""


def tell_due(now: datetime) -> int:
    """Passes on up to a pass of the updates that have not been passed on yet; how many."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"fresh": now - FRESH, "most": PASS})
        due = cursor.fetchall()
    return sum(_tell(update_id, member_id, now) for update_id, member_id in due)


def _tell(update_id: int, member_id: int, now: datetime) -> bool:
    with transaction.atomic():
        members = ScheduleSubscription.objects.select_related("schedule", "group").select_for_update(of=("self",))
        member = members.filter(pk=member_id).first()
        if member is None or TeamTold.objects.filter(update=update_id, subscription=member).exists():
            return False
        update = Update.objects.select_related("outage__priority").get(pk=update_id)
        people = [each.user for each in on_call(member.schedule, now)]
        names = ", ".join(user.name for user in people)
        TeamTold.objects.create(update=update, subscription=member, at=now, names=names)
        for user in people:
            _notice(update, member, user, now)
        whom = f"told {names}" if names else "nobody is on call, so nobody was told"
        outages.tell(update.outage, f"{member.schedule}: {whom}", now=now)
    return True


def _notice(update: Update, member: ScheduleSubscription, user: User, now: datetime) -> None:
    state = str(messages.STATES[Update.Kind(update.kind)])
    subject = f"{state}: {update.outage.title}"
    url = settings.PUBLIC_URL + reverse("own_outage", args=[update.outage_id])
    context = {
        "subject": subject,
        "update": update,
        "promise": messages.promise(update),
        "where": messages.geography(update.outage),
        "what": messages.products(update.outage),
        "member": member,
        "url": url,
    }
    body = render_to_string("messages/team_news.txt", context)
    # Somebody on duty on two schedules is told once.
    notices.tell(user, f"news/{update.pk}/{user.pk}", Notice.Kind.NEWS, subject, body, now=now, url=url)


def told_of(outage: Outage) -> QuerySet[Team]:
    """The teams whose schedules were told of it."""
    return Team.objects.filter(schedules__subscriptions__told__update__outage=outage).distinct()


def teams_of(user: User, outage: Outage) -> QuerySet[Team]:
    """Those of this person's teams that were told of it: they may open an outage of their own."""
    return told_of(outage).filter(user=user)


def open_own(outage: Outage, own: Outage, *, team: Team, by: User, now: datetime, **links: list) -> Outage:
    """The team's own outage in its own words, linked to the first; the team writes about it. Nobody is told yet."""
    own.caused_by, own.communicator = outage, by
    with transaction.atomic():
        declared = outages.declare(own, now=now, by=by, links=links)
        assign_perm("change_outage", team, declared)
        outages.tell(declared, f"{team} opened it because of outage {outage}", now=now, by=by)
        outages.tell(outage, f"{team} opened an outage of its own because of it: {declared}", now=now, by=by)
    return declared
