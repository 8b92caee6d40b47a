"""Plans the pages of one step run of one alert, with the deliveries of each person."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatching.alerts import page_words, timeline
from dispatching.alerts.related import Line
from dispatching.channels import spoken
from dispatching.models import Alert, AlertEvent, ContactPoint, Delivery, Escalation, Page, Recipient
from dispatching.rules.contact import chain
from schedules.templatetags.times import span

Kind = AlertEvent.Kind


@dataclass(frozen=True, slots=True)
class Called:
    """A recipient whom a step wants to reach, and the reason that the page and the timeline give."""

    recipient: Recipient
    why: str


def page(
    alert: Alert,
    escalation: Escalation,
    position: int,
    called: Iterable[Called],
    *,
    related: Iterable[Line] = (),
    missed: Iterable[str] = (),
    lines: list[AlertEvent],
    now: datetime,
) -> list[Page]:
    """Plans the pages of one step run, each with its delivery. Adds lines for people who are paged or cannot be reached to `lines`.

    The caller writes them all, and passes recipients with their contact points and rules prefetched (`reachable`). `missed`
    are the names of people whom an earlier step could not reach.
    """
    planned, people = [], list(called)
    missed = [*missed, *(person.recipient.name for person in people if not chain_of(person.recipient))]
    for person in people:
        deliveries = _deliveries(alert, person, related, missed, now)
        planned += [
            Page(
                alert=alert,
                escalation=escalation,
                position=position,
                recipient=person.recipient,
                contact_point_id=delivery.contact_point_id,
                delivery=delivery,
            )
            for delivery in deliveries
        ]
        lines.append(_told(alert, person, deliveries, now))
    return planned


def _deliveries(
    alert: Alert, called: Called, related: Iterable[Line], missed: list[str], now: datetime
) -> list[Delivery]:
    """One delivery for each contact point in the person's chain; an empty list if the person cannot be reached."""
    recipient = called.recipient
    chained = chain_of(recipient)
    if not chained:
        return []
    words = page_words.page_words(alert, recipient, why=called.why, related=related, missed=missed, now=now)
    return [
        Delivery(
            contact_point=point,
            channel=point.channel,
            recipient_name=recipient.name[:150],
            created_at=now,
            due_at=now + delay,
            **words,
        )
        for point, delay in chained
    ]


def chain_of(recipient: Recipient) -> list[tuple[ContactPoint, timedelta]]:
    """The person's own chain, earliest first: the contact points that can be used, each with its delay."""
    points = {point.pk: point for point in recipient.contact_points.all()}
    rules = [(point.pk, rule.delay) for point in points.values() for rule in point.rules.all()]
    return [(points[pk], delay) for pk, delay in chain((pk for pk, point in points.items() if point.usable), rules)]


def unreachable(recipient: Recipient) -> str:
    """Why a person without a usable contact point cannot be reached. Their contact points are prefetched (`reachable`)."""
    off = sorted(
        {
            f"{spoken(p.channel)} is not set up here"
            for p in recipient.contact_points.all()
            if p.verified and not p.disabled_reason
        }
    )
    return "; ".join(off) or "no verified contact point"


def _told(alert: Alert, called: Called, deliveries: list[Delivery], now: datetime) -> AlertEvent:
    name = called.recipient.name
    if not deliveries:
        text = f"{name} cannot be reached: {unreachable(called.recipient)} ({called.why})"
        return timeline.entry(alert.pk, Kind.NOT_PAGED, text, now=now, missed=name)
    how = ", ".join(
        spoken(d.channel) + (f" after {span(d.due_at - now)}" if d.due_at and d.due_at > now else "")
        for d in deliveries
    )
    return timeline.entry(alert.pk, Kind.PAGED, f"{name} is paged by {how} ({called.why})", now=now)


def reachable(recipients) -> Iterable[Recipient]:
    """The same recipients with all the related rows that `page` needs."""
    return recipients.select_related("user").prefetch_related("contact_points__rules")


def missed(escalations: Iterable[Escalation]) -> dict[int, list[str]]:
    """The names of the people whom earlier steps of these escalations could not reach, by alert."""
    begun = {escalation.alert_id: escalation.started_at for escalation in escalations if escalation.position}
    names: dict[int, list[str]] = {}
    if begun:
        lines = AlertEvent.objects.filter(alert__in=begun, kind=Kind.NOT_PAGED, data__has_key="missed").order_by("pk")
        for alert, at, name in lines.values_list("alert", "at", "data__missed"):
            if at >= begun[alert] and name not in names.setdefault(alert, []):
                names[alert].append(name)
    return names


def on_their_way(alerts: Iterable[int]) -> dict[int, int]:
    """The deliveries of these alerts that are still on their way, locked until the transaction ends: their ids with their alert's."""
    live = Delivery.objects.live().filter(page__alert__in=alerts).order_by("pk")
    return dict(live.select_for_update(of=("self",), no_key=True).values_list("pk", "page__alert"))
