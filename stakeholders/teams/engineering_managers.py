"""Who manages the team of a service hears of what is important enough, once (B135): of outages, and of alerts that led to none.

Of many alerts of one service that are open at the same time, the manager hears of the first.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from dispatching.alerts import page_words
from dispatching.models import Alert, Notice, Service
from dispatching.notices import notices
from schedules.models import User
from stakeholders.models import Outage

PASS = 100
Told = tuple[str, User, str, Alert | Outage]  # the notice's key, to whom, the subject, what about


def tell_due(now: datetime) -> int:
    """Tells those who have not been told yet; how many it told."""
    due = [*_of_outages(), *_of_alerts()]
    known = set(Notice.objects.filter(key__in=[key for key, *_ in due]).values_list("key", flat=True))
    return sum(_tell(each, now) for each in due if each[0] not in known)


def _of_outages() -> Iterable[Told]:
    found = Outage.objects.filter(state=Outage.State.OPEN, priority__tells_management=True)
    for outage in found.select_related("priority").prefetch_related("services__team__manager")[:PASS]:
        for user in _managers(outage.services.all()):
            subject = f"{outage.priority} outage: {outage.title}"
            yield f"management/outage/{outage.pk}/{user.pk}", user, subject, outage


def _of_alerts() -> Iterable[Told]:
    for alert in _first_of_each_service():
        for user in _managers([alert.service]):
            yield f"management/alert/{alert.pk}/{user.pk}", user, page_words.subject(alert), alert


def _first_of_each_service() -> QuerySet[Alert]:
    going_on = Alert.objects.filter(
        state__in=(Alert.State.TRIGGERED, Alert.State.ACKNOWLEDGED), priority__tells_management=True
    )
    unknown = going_on.exclude(outages__priority__tells_management=True)
    return (
        unknown.order_by("service_id", "pk").distinct("service_id").select_related("service__team__manager", "priority")
    )


def _managers(services: Iterable[Service]) -> set[User]:
    found = {service.team.manager for service in services if service.team and service.team.manager}
    return {user for user in found if user.is_active}


def _tell(told: Told, now: datetime) -> bool:
    key, user, subject, about = told
    url = settings.PUBLIC_URL + reverse(
        f"admin:{about._meta.app_label}_{about._meta.model_name}_change", args=[about.pk]
    )
    since = about.first_at if isinstance(about, Alert) else about.started_at
    context = {"subject": subject, "about": about, "since": since, "zone": user.time_zone, "url": url}
    body = render_to_string("messages/management.txt", context)
    return notices.tell(user, key, Notice.Kind.MANAGEMENT, subject, body, now=now, url=url) is not None
