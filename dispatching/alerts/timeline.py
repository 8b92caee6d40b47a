"""The timeline of an alert: one line for each event and decision, written in the transaction that makes it true.

The results of pages are not written twice: their lines are made from the attempts of the deliveries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any

from dispatching.channels import spoken
from dispatching.models import Alert, AlertEvent, Attempt
from schedules.models import User


@dataclass(frozen=True, slots=True)
class Entry:
    """One line for a reader: the time (UTC), the kind, the words, and the person who acted (None: Tocsin or the source)."""

    at: datetime
    kind: str
    text: str
    by: User | None
    data: dict[str, Any]

    @property
    def sentence(self) -> str:
        """The line for a page: the words, after the name of its kind if they do not say what happened."""
        label = AlertEvent.Kind(self.kind).label
        return f"{label}: {self.text}" if self.kind in AlertEvent.NAMED and self.text != label else self.text


def entry(
    alert_id: int, kind: AlertEvent.Kind, text: str, *, now: datetime, by: User | None = None, **data: Any
) -> AlertEvent:
    """A line that is not written yet; `write` saves many at once."""
    return AlertEvent(alert_id=alert_id, at=now, kind=kind, text=text, by=by, data=data)


def write(*entries: AlertEvent) -> None:
    AlertEvent.objects.bulk_create(entries)


def of(alert: Alert, *, last: int | None = None) -> list[Entry]:
    """Every event and decision, oldest first; only the last `last` lines if it is given."""
    events = AlertEvent.objects.filter(alert=alert).select_related("by").order_by("-pk")[:last]
    attempts = (
        Attempt.objects.filter(delivery__page__alert=alert).select_related("delivery").order_by("-at", "-pk")[:last]
    )
    # If the times are equal, a page was planned before it was sent.
    lines = list(merge(_attempts(attempts), _events(events), key=lambda line: line.at, reverse=True))
    return lines[:last][::-1]


def _events(events):
    reports = _reports(events)
    for event in events:
        text = event.text + reports.get(event.pk, "")
        yield Entry(event.at, event.kind, text.strip(" ;") or event.get_kind_display(), event.by, event.data)


def _reports(events: Iterable[AlertEvent]) -> dict[int, str]:
    """What the source said, by event: for the first of these reports, and for each that says something else than before."""
    words_of, before = {}, ""
    for event in sorted(events, key=lambda event: event.pk):
        if event.kind in AlertEvent.REPORTS and (words := _words(event.data)) != before:
            words_of[event.pk], before = f"; {words}", words
    return words_of


def _words(data: dict[str, Any]) -> str:
    level = f"priority {data['priority']}" if data.get("priority") else ""
    rank = ", ".join(filter(None, (data.get("severity"), level)))
    return f"“{data.get('summary')}”{f' ({rank})' if rank else ''}"


def _attempts(attempts):
    for attempt in attempts:
        delivery = attempt.delivery
        sent = attempt.outcome == Attempt.Outcome.ACCEPTED
        text = f"page to {delivery.recipient_name} by {spoken(delivery.channel)}, attempt {attempt.number}"
        text += f": {attempt.get_outcome_display()}"
        data = {"delivery": delivery.pk, "attempt": attempt.number, "outcome": attempt.outcome}
        kind = AlertEvent.Kind.SENT if sent else AlertEvent.Kind.NOT_SENT
        yield Entry(attempt.at, kind, f"{text}: {attempt.reason}" if attempt.reason else text, None, data)
