"""Tells a service's engineering manager, once, about each important outage and each important alert without one (B135).

The priority decides what is important. If several alerts of a service are open at the same time, the manager is told about the
first: a storm is one message, also if the first one is resolved before the others. If there is no manager to tell, the timeline
says so.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from dispatching import parking
from dispatching.alerts import links, page_words, standing, timeline
from dispatching.alerts.related import Line, Lines
from dispatching.models import Alert, AlertEvent, Notice
from dispatching.notices import notices
from schedules.models import User
from schedules.surfaces.public_urls import public_url
from stakeholders.models import Outage
from stakeholders.news.timeline import note

PASS = 100


def tell_due(now: datetime) -> int:
    """Tells the managers who have not been told yet, and returns how many messages that were."""
    rows = parking.Rows("manager", now)
    events: list[Alert | Outage] = [*_outages(), *_alerts()]
    managers = {about: _managers(about) for about in events if rows.due(_key(about))}
    due = {(_key(about), user): about for about, users in managers.items() for user in users}
    told = sum(rows.handle(key, _tell, user, due[key, user], now) for key, user in notices.untold(due))
    nobody = [about for about, users in managers.items() if not users]
    return told + sum(rows.handle(_key(about), _say_that_nobody_is_told, about, now) for about in nobody)


def _outages() -> Iterable[Outage]:
    important = Outage.objects.filter(state=Outage.State.OPEN, priority__tells_management=True)
    return important.select_related("priority").prefetch_related("services__team__manager")[:PASS]


def _alerts() -> QuerySet[Alert]:
    """Returns each service's first open alert whose priority is told to management and that led to no such outage."""
    if not Alert.objects.going_on().exists():  # asked in each sweep, and much cheaper than what follows
        return Alert.objects.none()
    important = Alert.objects.going_on().filter(priority__tells_management=True)
    unknown = important.exclude(outages__priority__tells_management=True)
    earlier = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gte=OuterRef("first_at")),
        service=OuterRef("service"),
        priority__tells_management=True,
        pk__lt=OuterRef("pk"),
    )
    first = unknown.filter(~Exists(earlier)).order_by("service_id", "pk")
    return first.select_related("service__team__manager", "priority")


def _managers(about: Alert | Outage) -> set[User]:
    services = [about.service] if isinstance(about, Alert) else about.services.all()
    managers = {service.team.manager for service in services if service.team and service.team.manager}
    return {user for user in managers if user.is_active}


def told_of(alerts: Collection[int]) -> Lines:
    """Which managers were told about these alerts, or about which one of the same service instead (P30)."""
    lines: dict[int, list[Line]] = {}
    important = Alert.objects.filter(pk__in=alerts, priority__tells_management=True)
    for alert in important.select_related("service__team__manager"):
        names = [notice.recipient.name for notice in _notices(alert)]
        if names:
            lines[alert.pk] = [Line("Management", f"{', '.join(names)} was told about this alert")]
        elif _managers(alert) and (first := _before(alert)):
            text = f"not told, because alert #{first.pk} of the same service was open before; several at a time are one message"
            lines[alert.pk] = [Line("Management", text)]
    return lines


def _before(alert: Alert) -> Alert | None:
    others = Alert.objects.filter(service=alert.service_id, priority__tells_management=True, pk__lt=alert.pk)
    return others.filter(Q(resolved_at=None) | Q(resolved_at__gte=alert.first_at)).order_by("pk").first()


def _notices(about: Alert) -> QuerySet[Notice]:
    return Notice.objects.filter(key__startswith=f"{_key(about)}/").select_related("recipient__user")


def _say_that_nobody_is_told(about: Alert | Outage, now: datetime) -> bool:
    """Writes it on the timeline, once; returns whether it did."""
    services = [about.service] if isinstance(about, Alert) else list(about.services.all())
    missing = ", ".join(f"{service} has no engineering manager" for service in services) or "it names no service"
    text = f"{about.priority} is told to management, but {missing}: nobody was told"[:300]
    if about.events.filter(text=text).exists():
        return False
    if isinstance(about, Alert):
        timeline.write(timeline.entry(about.pk, AlertEvent.Kind.NOT_PAGED, text, now=now))
    else:
        note(about, text, now=now)
    return True


def _key(about: Alert | Outage) -> str:
    return f"management/{about._meta.model_name}/{about.pk}"


def _tell(user: User, about: Alert | Outage, now: datetime) -> bool:
    if isinstance(about, Alert):
        subject, since = page_words.subject(about), about.first_at
        so_far = {"paged": standing.paged(about), "next": standing.then(about)}
        url = links.link(about, notices.recipient_of(user), acts=False)  # one tap would end the paging of others
    else:
        subject, since, so_far = f"{about.priority} outage: {about.title}", about.started_at, {}
        # The only page about it is in the admin, which is not for everybody (P30).
        url = public_url("admin:stakeholders_outage_change", about.pk) if user.is_staff else ""
    context = {"about": about, "since": since, "alert": isinstance(about, Alert), **so_far}
    subject = f"For information: {subject}"
    return notices.tell(user, _key(about), Notice.Kind.MANAGEMENT, subject, context, now=now, url=url) is not None
