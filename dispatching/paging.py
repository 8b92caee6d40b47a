"""Plan one person's deliveries for one step run of one alert."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from dispatching import timeline, words
from dispatching.models import Alert, AlertEvent, ContactRule, Delivery, Escalation, Page, Recipient
from dispatching.rules.contact import chain

Kind = AlertEvent.Kind


@dataclass(frozen=True, slots=True)
class Called:
    """Somebody a step wants to reach, and the reason that the page and the timeline give."""

    recipient: Recipient
    why: str


def page(alert: Alert, escalation: Escalation, position: int, called: Iterable[Called], *, now: datetime) -> list[Delivery]:
    """Plans the deliveries of one step run, in the caller's transaction; who cannot be reached is on the timeline.

    Recipients come with their contact points and rules prefetched (`reachable`).
    """
    deliveries, pages, entries = [], [], []
    for each in called:
        links = _chain(each.recipient)
        if not links:
            text = f"{each.recipient.name} cannot be reached: no verified contact point ({each.why})"
            entries.append(timeline.entry(alert.pk, Kind.NOT_PAGED, text, now=now))
            continue
        said = words.page_words(alert, each.recipient, why=each.why, now=now)
        points = {point.pk: point for point in each.recipient.contact_points.all()}
        for point_id, delay in links:
            point = points[point_id]
            delivery = Delivery(
                contact_point=point,
                channel=point.channel,
                recipient_name=each.recipient.name[:150],
                created_at=now,
                due_at=now + delay,
                **said,
            )
            deliveries.append(delivery)
            pages.append((each.recipient, point, delivery))
        how = ", ".join(f"{points[p].channel}{f' after {d}' if d else ''}" for p, d in links)
        entries.append(timeline.entry(alert.pk, Kind.PAGED, f"paging {each.recipient.name} by {how} ({each.why})", now=now))
    Delivery.objects.bulk_create(deliveries)
    Page.objects.bulk_create(
        Page(
            alert=alert, escalation=escalation, position=position, recipient=recipient, contact_point=point, delivery=delivery
        )
        for recipient, point, delivery in pages
    )
    timeline.write(*entries)
    return deliveries


def _chain(recipient: Recipient):
    points = recipient.contact_points.all()
    rules = [(point.pk, rule.delay) for point in points for rule in point.rules.all()]
    return chain((point.pk for point in points if point.usable), rules)


def reachable(recipients) -> Iterable[Recipient]:
    """The same recipients with all that `page` needs."""
    return recipients.select_related("user").prefetch_related("contact_points__rules")


def withdraw(alert: Alert) -> Iterable[int]:
    """The deliveries of this alert that are still on their way."""
    return Delivery.objects.live().filter(page__alert=alert).values_list("pk", flat=True)
