"""Notification definitions: discussed, put live, replaced by a new version; and the alerts that match them (B36 to B39).

A definition that is live is compared with each alert that begins from then on. A match opens an outage, or adds the alert
to the one that is open already; an automatic one is announced at once, a prepared one waits for a person.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from dispatching.models import Alert, AlertEvent, Notice
from dispatching.notices import notices
from schedules.models import Schedule, Team, User
from schedules.oncall import people_on_duty
from schedules.refused import Refused
from schedules.surfaces import access
from schedules.surfaces.public_urls import public_url
from stakeholders.models import Match, NotificationDefinition, Outage
from stakeholders.news import outages, wordings
from stakeholders.rules.matching import Reports, Rule

Mode = NotificationDefinition.Mode
PASS = 50
REPORTED = (AlertEvent.Kind.TRIGGERED, AlertEvent.Kind.REPEATED)


def put_live(definition: NotificationDefinition, *, now: datetime) -> list[User]:
    """Alerts from now on are compared with it; the version before is not any more. Refused if there is a newer one.

    Returns the people on call for its service, who are told (B106).
    """
    with transaction.atomic():
        if NotificationDefinition.objects.filter(replaces=definition, live_since__isnull=False).exists():
            raise Refused("A newer version is live.")
        NotificationDefinition.objects.filter(name=definition.name).exclude(pk=definition.pk).update(live_since=None)
        NotificationDefinition.objects.filter(pk=definition.pk).update(live_since=now)
        return _tell_on_call(definition, now)


def _tell_on_call(definition: NotificationDefinition, now: datetime) -> list[User]:
    """Those on duty now on the schedules of the service's team and of its policy."""
    service = definition.service
    theirs = Q(team=service.team_id) if service.team_id else Q(pk__in=[])
    paged = service.policy.steps.values("targets__schedule")
    people = people_on_duty(Schedule.objects.filter(theirs | Q(pk__in=paged)), now)
    url = f"{public_url('stakeholder_guide')}#service-{service.pk}"
    subject = f"Stakeholders are told about {service} as agreed: {definition}"
    key, context = f"definition/{definition.pk}/{now.isoformat()}", {"definition": definition}
    for user in people:
        notices.tell(user, key, Notice.Kind.DEFINITION, subject, context, now=now, url=url)
    return people


def live() -> QuerySet[NotificationDefinition]:
    """Those that alerts are compared with, by service, with what is said of them on the guide."""
    found = NotificationDefinition.objects.filter(live_since__isnull=False).order_by("service__name", "name")
    return found.select_related("service", "priority", "most_important").prefetch_related("groups")


def may_change(user: User, definition: NotificationDefinition) -> bool:
    """Those who may change any, and the team of the service: it knows what its breaches mean (B137)."""
    if access.may(user, "change", definition):
        return True
    return Team.objects.filter(user=user, services=definition.service_id).exists()


def may_edit(definition: NotificationDefinition) -> bool:
    """Neither live nor replaced by a newer version."""
    return definition.live_since is None and not hasattr(definition, "replaced_by")


def take_out(definition: NotificationDefinition) -> None:
    """No alert is compared with it any more; outages that it opened go on."""
    NotificationDefinition.objects.filter(pk=definition.pk).update(live_since=None)


def new_version(definition: NotificationDefinition) -> NotificationDefinition:
    """A copy to be edited, discussed and put live later; this one stays as it is. Refused if there is one already (B105)."""
    with transaction.atomic():
        NotificationDefinition.objects.select_for_update().get(pk=definition.pk)
        if NotificationDefinition.objects.filter(replaces=definition).exists():
            raise Refused("There is already a newer version.")
        links = {name: list(getattr(definition, name).all()) for name in ("deployments", "products", "groups")}
        copy = NotificationDefinition.objects.get(pk=definition.pk)
        copy.pk, copy.replaces, copy.version = None, definition, definition.version + 1
        copy.live_since, copy.change_reason = None, ""
        copy._state.adding = True
        copy.save()
        for name, objects in links.items():
            getattr(copy, name).set(objects)
        for row in definition.wordings.all():
            row.pk, row.definition, row._state.adding = None, copy, True
            row.save()
    return copy


def match_due(now: datetime) -> int:
    """Matches up to a pass of new alerts and announces what has come to be announced; how much it did."""
    done = sum(_match(definition_id, alert_id, now) for definition_id, alert_id in islice(_matching(now), PASS))
    waiting = Outage.objects.filter(
        mode=Outage.Mode.AUTO, state=Outage.State.OPEN, announced_at__isnull=True, priority__tells_stakeholders=True
    )
    return done + sum(_announce(outage, now) for outage in waiting[:PASS])


def _matching(now: datetime) -> Iterator[tuple[int, int]]:
    """(definition, alert) of what matches now and has not been matched yet."""
    waiting = list(_waiting())
    if not waiting:
        return
    ids = {definition_id for definition_id, *_ in waiting}
    live = NotificationDefinition.objects.select_related("most_important").in_bulk(ids)
    rules = {pk: rule_of(definition) for pk, definition in live.items()}
    enough = {pk: reports_of(live[pk], now - rule.within).often(now) for pk, rule in rules.items()}
    for definition_id, alert_id, slo, level in waiting:
        if enough.get(definition_id) and rules[definition_id].fits(slo, level):
            yield definition_id, alert_id


def _waiting() -> QuerySet[Alert, tuple[int, int, str, int | None]]:
    """(definition, alert, its SLO, the level of its priority): a live definition, an open alert of its service, no match yet."""
    pairs = Alert.objects.annotate(
        definition=F("service__definitions"), live_since=F("service__definitions__live_since")
    )
    matched = Match.objects.filter(definition=OuterRef("definition"), alert=OuterRef("pk"))
    waiting = pairs.filter(~Exists(matched), first_at__gte=F("live_since")).exclude(state=Alert.State.RESOLVED)
    return waiting.order_by("pk", "definition").values_list("definition", "pk", "slo", "priority__level")


def rule_of(definition: NotificationDefinition) -> Rule:
    least = definition.most_important
    return Rule(definition.slo, least.level if least else None, definition.repeats, definition.within)


def reports_of(definition: NotificationDefinition, after: datetime) -> Reports:
    """What its service reported since then; not looked up where one alert is enough."""
    rule = rule_of(definition)
    if rule.repeats <= 1:
        return Reports(rule)
    events = AlertEvent.objects.filter(
        alert__service=definition.service_id, alert__last_at__gt=after, at__gt=after, kind__in=REPORTED
    )
    rows = events.order_by("at").values_list("at", "data__count", "alert__slo")
    return Reports(rule, [(at, count or 1) for at, count, slo in rows if rule.concerns(slo)])


def _match(definition_id: int, alert_id: int, now: datetime) -> bool:
    """The definition's row is locked, so that two sweeps do not open two outages."""
    with transaction.atomic():
        locked = NotificationDefinition.objects.select_for_update(skip_locked=True)
        definition = locked.filter(pk=definition_id, live_since__isnull=False).first()
        alert = Alert.objects.select_related("service", "priority").filter(pk=alert_id).first()
        if definition is None or alert is None or definition.matches.filter(alert=alert).exists():
            return False
        open_now = Outage.objects.filter(matches__definition__name=definition.name, state=Outage.State.OPEN)
        outage = open_now.order_by("pk").first() or _declare(definition, alert, now)
        outage.alerts.add(alert)
        Match.objects.create(definition=definition, alert=alert, outage=outage)
        outages.note(outage, f"alert #{alert.pk} matches {definition}", now=now)
    return True


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
    """What cannot be announced waits for a person, and the timeline says why."""
    definition = NotificationDefinition.objects.filter(matches__outage=outage).first()
    if definition is None:
        return False
    try:
        promise, others = now + outages.usual(outage), wordings.draft_wordings(outage)
        outages.announce(outage, definition.text, next_update_by=promise, now=now, others=others)
    except Refused as refused:
        with transaction.atomic():
            Outage.objects.filter(pk=outage.pk, announced_at__isnull=True).update(mode=Outage.Mode.SEMI)
            outages.note(outage, f"not announced automatically: {refused}", now=now)
    return True


def comment(definition: NotificationDefinition, question: str, text: str, *, by: User, now: datetime) -> None:
    definition.comments.create(question=question, text=text, by=by, at=now)
