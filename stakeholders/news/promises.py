"""Reminds the communicator of the promised message: before it is due, when it is due, and while it is overdue (B170); and of an
outage that a definition has opened and that nobody has announced.
"""

from datetime import UTC, datetime, tzinfo

from django.db import transaction

from dispatching import parking
from dispatching.models import Notice
from dispatching.notices import notices
from schedules.surfaces.public_urls import public_url
from schedules.templatetags.times import moment
from stakeholders.models import Outage
from stakeholders.news import communicators
from stakeholders.news.timeline import note
from stakeholders.rules import cadence


def remind_due(now: datetime) -> bool:
    """Sends the reminder that has been due the longest; False if none is due. Locks the outage's row and skips locked ones."""
    rows = parking.Rows("promise", now)
    with transaction.atomic():
        due = Outage.objects.filter(due_at__lte=now).exclude(pk__in=rows.waiting).order_by("due_at")
        outage = (
            due.select_for_update(of=("self",), skip_locked=True).select_related("communicator", "declared_by").first()
        )
        if outage is None:
            return False
        rows.handle(outage.pk, _remind_of, outage, now)
    return True


def _remind_of(outage: Outage, now: datetime) -> bool:
    promised = outage.next_update_by
    if promised is None:
        waits = cadence.span(now - outage.declared_at)
        subject = f"Outage “{outage.title}” has waited for {waits} to be announced."
        communicators.tell(outage, "waits", subject, now=now)
        return True
    outage.due_at = cadence.next_look(promised, now=now)
    outage.save(update_fields=["due_at"])
    _remind(outage, promised, now)
    return True


def _remind(outage: Outage, promised: datetime, now: datetime) -> None:
    text = _due(outage, promised, now)
    who = communicators.of(outage, now)
    if who is None:
        note(outage, f"{text} Nobody could be reminded: the outage has no communicator.", now=now)
        return
    url = public_url("admin:stakeholders_outage_change", outage.pk)
    key, context = (
        f"promise/{outage.pk}/{promised.isoformat()}/{now.isoformat()}",
        {"promised": moment(promised, who.time_zone)},
    )
    subject = _due(outage, promised, now, who.time_zone)
    notice = notices.tell(who, key, Notice.Kind.PROMISE, subject, context, now=now, url=url)
    note(outage, f"reminder to {who.name}: {text}", now=now, notice=notice)


def _due(outage: Outage, promised: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    due = (
        f"is due in {cadence.span(promised - now)}"
        if promised > now
        else f"has been due since {moment(promised, zone)}"
    )
    return f"An update on “{outage.title}” {due}."
