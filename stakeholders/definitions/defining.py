"""The life of a notification definition (discussed, live, replaced by a new version), and matching it with alerts (B36 to B39).

A live definition is compared with each alert that begins after it was put live. A match opens an outage, or adds the alert to one
that the definition has opened and that is still open. An automatic outage is announced at once; a prepared one waits for a person.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import Coalesce

from dispatching import parking
from dispatching.models import Alert, AlertEvent, Notice
from dispatching.notices import notices
from schedules.models import Team, User
from schedules.refused import Refused
from schedules.surfaces import access
from schedules.surfaces.public_urls import public_url
from stakeholders.models import Match, NotificationDefinition, Outage
from stakeholders.news import communicators, outages, wordings
from stakeholders.news.timeline import note
from stakeholders.rules.matching import Reports, Rule

Mode = NotificationDefinition.Mode
PASS = 50
UNATTENDED = (
    "It would tell stakeholders automatically, and you may not write to stakeholders. Choose “prepared”, "
    "or ask somebody who may write to them to put it live."
)


def put_live(definition: NotificationDefinition, *, by: User | None = None, now: datetime) -> list[Notice]:
    """Puts the definition live and takes its other versions offline: alerts that begin from now on are compared with it.

    Tells the people on call for its service and returns the notices (B106). Raises Refused if a newer version is live, or if it would
    announce outages automatically and `by` may not announce them (S13).
    """
    with transaction.atomic():
        definition = NotificationDefinition.objects.select_for_update().get(pk=definition.pk)
        if not may_put_live(by, definition):
            raise Refused(UNATTENDED, "mode")
        if NotificationDefinition.objects.filter(replaces=definition, live_since__isnull=False).exists():
            raise Refused("A newer version is live.")
        NotificationDefinition.objects.filter(name=definition.name).exclude(pk=definition.pk).update(live_since=None)
        first = Coalesce("first_live_at", Value(now))
        NotificationDefinition.objects.filter(pk=definition.pk).update(live_since=now, first_live_at=first)
        return _tell_on_call(definition, now)


def _tell_on_call(definition: NotificationDefinition, now: datetime) -> list[Notice]:
    """Tells the people who are on duty now on the schedules of the service's team and of its policy."""
    service = definition.service
    people = communicators.on_call_for([service], now)
    url = f"{public_url('stakeholder_guide')}#service-{service.pk}"
    subject = f"Stakeholders are told about {service} as agreed: {definition}"
    key, context = f"definition/{definition.pk}/{now.isoformat()}", {"definition": definition}
    told = (notices.tell(user, key, Notice.Kind.DEFINITION, subject, context, now=now, url=url) for user in people)
    return [notice for notice in told if notice]


def live() -> QuerySet[NotificationDefinition]:
    """Returns the live definitions by service and name, with the related rows that the guide shows."""
    definitions = NotificationDefinition.objects.filter(live_since__isnull=False).order_by("service__name", "name")
    return definitions.select_related("service", "priority", "most_important").prefetch_related("groups")


def may_change(user: User, definition: NotificationDefinition) -> bool:
    """Whether this person may change the definition: by permission, or as a member of the service's team (B137)."""
    if access.may(user, "change", definition):
        return True
    return Team.objects.filter(user=user, services=definition.service_id).exists()


def may_edit(definition: NotificationDefinition) -> bool:
    """Whether the definition can be edited, because it has never been live and there is no newer version.

    Its matches keep pointing at the words that were agreed then, so a change of these makes a new version (B105).
    """
    return definition.first_live_at is None and not hasattr(definition, "replaced_by")


def may_put_live(user: User | None, definition: NotificationDefinition) -> bool:
    """Whether this person may put it live: if it announces automatically, people who may announce. None is a program."""
    return user is None or definition.mode != Mode.AUTO or user.has_perm("stakeholders.change_outage")


def take_out(definition: NotificationDefinition) -> None:
    """Takes the definition offline: alerts are no longer compared with it. Outages that it opened continue."""
    NotificationDefinition.objects.filter(pk=definition.pk).update(live_since=None)


def new_version(definition: NotificationDefinition) -> NotificationDefinition:
    """Returns a copy to be edited, discussed and put live later; the definition itself stays as it is.

    Locks the definition's row. Raises Refused if there is already a newer version (B105).
    """
    with transaction.atomic():
        NotificationDefinition.objects.select_for_update().get(pk=definition.pk)
        if NotificationDefinition.objects.filter(replaces=definition).exists():
            raise Refused("There is already a newer version.")
        links = {name: list(getattr(definition, name).all()) for name in ("deployments", "products", "groups")}
        copy = NotificationDefinition.objects.get(pk=definition.pk)
        copy.pk, copy.replaces, copy.version = None, definition, definition.version + 1
        copy.live_since, copy.first_live_at, copy.change_reason = None, None, ""
        copy._state.adding = True
        copy.save()
        for name, objects in links.items():
            getattr(copy, name).set(objects)
        for row in definition.wordings.all():
            row.pk, row.definition, row._state.adding = None, copy, True
            row.save()
    return copy


def match_due(now: datetime) -> int:
    """Matches at most PASS alerts and announces at most PASS outages that are waiting for it; returns how many it did."""
    rows, matching = parking.Rows("match", now), _matching(now)
    pairs = islice((pair for pair in matching if rows.due(*pair)), PASS)
    done = sum(rows.handle(pair, _match, *pair, now) for pair in pairs)
    return done + _announce_waiting(now)


def _announce_waiting(now: datetime) -> int:
    rows = parking.Rows("announcement", now)
    waiting = Outage.objects.filter(
        mode=Outage.Mode.AUTO, state=Outage.State.OPEN, announced_at__isnull=True, priority__tells_stakeholders=True
    )
    waiting = waiting.exclude(pk__in=rows.waiting)
    return sum(rows.handle(outage.pk, _announce, outage, now) for outage in waiting[:PASS])


def _matching(now: datetime) -> Iterator[tuple[int, int]]:
    """Yields (definition id, alert id) of each pair that matches now and has not been matched yet."""
    if not Alert.objects.going_on().exists():  # asked in each sweep, and much cheaper than what follows
        return
    waiting = list(_waiting())
    if not waiting:
        return
    ids = {definition_id for definition_id, *_ in waiting}
    live = NotificationDefinition.objects.select_related("most_important").in_bulk(ids)
    rows = parking.Rows("definition", now)
    enough = {pk for pk, definition in live.items() if rows.due(pk) and rows.handle(pk, _often, definition, now)}
    for definition_id, alert_id, slo, level in waiting:
        if definition_id in enough and rule_of(live[definition_id]).fits(slo, level):
            yield definition_id, alert_id


def _often(definition: NotificationDefinition, now: datetime) -> bool:
    """Whether the service has reported as often as the definition says."""
    return reports_of(definition, now - definition.within).often(now)


def _waiting() -> QuerySet[Alert, tuple[int, int, str, int | None]]:
    """Returns (definition id, alert id, SLO, priority level) of open alerts and their service's live definitions, not matched yet."""
    pairs = Alert.objects.going_on().annotate(
        definition=F("service__definitions"), live_since=F("service__definitions__live_since")
    )
    matched = Match.objects.filter(definition=OuterRef("definition"), alert=OuterRef("pk"))
    waiting = pairs.filter(~Exists(matched), first_at__gte=F("live_since"))
    waiting = waiting.exclude(dedup_key__startswith=Alert.OURS)  # Tocsin’s own troubles are no outage
    return waiting.order_by("pk", "definition").values_list("definition", "pk", "slo", "priority__level")


def rule_of(definition: NotificationDefinition) -> Rule:
    least = definition.most_important
    return Rule(definition.slo, least.level if least else None, definition.repeats, definition.within)


def reports_of(definition: NotificationDefinition, after: datetime) -> Reports:
    """Returns what the definition's service reported after that time; empty, without a query, if one alert is enough."""
    rule = rule_of(definition)
    if rule.repeats <= 1:
        return Reports(rule)
    events = AlertEvent.objects.filter(
        alert__service=definition.service_id, alert__last_at__gt=after, at__gt=after, kind__in=AlertEvent.REPORTS
    )
    events = events.exclude(alert__dedup_key__startswith=Alert.OURS)
    reports = events.order_by("at").values_list("at", "data__count", "alert__slo")
    return Reports(rule, [(at, count or 1) for at, count, slo in reports if rule.concerns(slo)])


def _match(definition_id: int, alert_id: int, now: datetime) -> bool:
    """Matches one alert and returns whether it did. Locks the definition's row, so that two sweeps do not open two outages."""
    with transaction.atomic():
        locked = NotificationDefinition.objects.select_for_update(skip_locked=True)
        definition = locked.filter(pk=definition_id, live_since__isnull=False).first()
        alert = Alert.objects.select_related("service", "priority").filter(pk=alert_id).first()
        if definition is None or alert is None or definition.matches.filter(alert=alert).exists():
            return False
        open_outage = _taken_in(definition, alert, now)
        outage = open_outage or _declare(definition, alert, now)
        Match.objects.create(definition=definition, alert=alert, outage=outage)
        note(outage, f"alert #{alert.pk} matches {definition}", now=now)
        if open_outage is None:
            _tell_communicator(outage, alert, now)
    return True


def _tell_communicator(outage: Outage, alert: Alert, now: datetime) -> None:
    """An outage that waits for somebody tells them at once (B170). One that is announced automatically does so then."""
    if outage.mode == Outage.Mode.AUTO and outage.priority and outage.priority.tells_stakeholders:
        return
    automatic = outage.mode == Outage.Mode.AUTO
    state = "not announced: its priority does not say so" if automatic else "prepared, and waits for you to announce it"
    subject = f"Outage “{outage.title}” is {state}."
    communicators.tell(outage, "opened", subject, now=now, why=f"Alert #{alert.pk}: {alert.summary}")


def _taken_in(definition: NotificationDefinition, alert: Alert, now: datetime) -> Outage | None:
    """Returns the outage that the definition has opened and that takes the alert; None if there is none."""
    opened = Outage.objects.filter(matches__definition__name=definition.name, state=Outage.State.OPEN)
    fixed = [name for name in ("deployments", "products") if getattr(definition, name).exists()]
    how: dict[str, Any] = {
        "mode": Outage.Mode(definition.mode),
        "fixed": [*fixed, *(["priority"] if definition.priority else [])],
    }
    return next(
        (outage for outage in opened.distinct().order_by("pk") if outages.take_in(outage, alert, now=now, **how)), None
    )


def _declare(definition: NotificationDefinition, alert: Alert, now: datetime) -> Outage:
    mode = Outage.Mode(definition.mode)
    values: dict[str, Any] = {"title": definition.title, "high_profile": True, "chain": definition.chain}
    if definition.priority:
        values |= {"priority": definition.priority, "priority_reason": definition.priority_reason}
    outage = outages.declare_from_alert(alert, now=now, mode=mode, **values)
    for name in ("deployments", "products", "groups"):
        if chosen := list(getattr(definition, name).all()):
            getattr(outage, name).set(chosen)
    return outage


def _announce(outage: Outage, now: datetime) -> bool:
    """Announces the outage. If that is refused, the outage waits for a person, and the timeline says why."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    if definition is None:
        return False
    try:
        with transaction.atomic():
            promise, others = now + outages.usual(outage), wordings.draft_wordings(outage)
            outages.announce(outage, definition.text, next_update_by=promise, now=now, others=others)
            outage.refresh_from_db()
            subject = f"Outage “{outage.title}” has been announced automatically."
            communicators.tell(outage, "announced", subject, now=now, why=definition.text)
    except Refused as refused:
        with transaction.atomic():
            if not Outage.objects.filter(pk=outage.pk, announced_at__isnull=True).update(mode=Outage.Mode.SEMI):
                return False  # somebody was quicker
            note(outage, f"not announced automatically: {refused}", now=now)
            subject = f"Outage “{outage.title}” could not be announced automatically."
            communicators.tell(outage, "refused", subject, now=now, why=str(refused))
    return True


def comment(definition: NotificationDefinition, question: str, text: str, *, by: User, now: datetime) -> None:
    definition.comments.create(question=question, text=text, by=by, at=now)
