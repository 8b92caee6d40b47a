"""What is written to stakeholders: the form, and what it would send, to whom, before anything is sent (B40, B42, B84)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from schedules.forms import LocalField
from schedules.models import User
from stakeholders import audience, defining, fanning, outages
from stakeholders.audience import Audience
from stakeholders.messages import brief_specimens, specimen
from stakeholders.models import Message, Outage, Update
from stakeholders.rules import cadence, plain

Kind = Update.Kind
SEND = {
    Kind.ANNOUNCEMENT: "Announce",
    Kind.PROGRESS: "Send the update",
    Kind.END: "Send the end",
    Kind.CORRECTION: "Send the correction",
}


class WriteForm(forms.Form):
    """The words of one update. Times are on the clock of `zone`, the reader's."""

    text = forms.CharField(
        label="What to say",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="What is affected, who notices it, what is being done. Where, since when and when the next message comes are "
        "added below it.",
    )
    done = forms.CharField(
        label="What was done",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="In short.",
    )
    remains = forms.CharField(
        label="What is still to come",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="For example: missing data is re-uploaded within 24 hours.",
    )
    next_update_by = LocalField(
        label="The next message comes by",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="The latest time; earlier is always fine. You are reminded before it.",
    )
    late_reason = forms.CharField(
        label="Why later than the priority says",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Only if it is later.",
    )

    def __init__(self, *args: Any, kind: Update.Kind, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["next_update_by"].zone = zone
        for name in self._unused(kind):
            del self.fields[name]

    def _unused(self, kind: Update.Kind) -> tuple[str, ...]:
        if kind == Kind.END:
            return "next_update_by", "late_reason"
        promise = () if kind in (Kind.ANNOUNCEMENT, Kind.PROGRESS) else ("next_update_by", "late_reason")
        return "done", "remains", *promise


@dataclass(frozen=True, slots=True)
class Sight:
    """What would be sent now."""

    # Each message with its text as a reader sees it, and by medium how the short ones show it.
    messages: list[tuple[Message, str, dict[str, str]]]
    counts: dict[str, int]
    jargon: dict[str, str]
    too_long: dict[str, int]
    too_soon: timedelta | None  # how long ago the last message was, if that is hardly any time
    found: Audience


def kinds(outage: Outage) -> list[Update.Kind]:
    """What can be written about this outage as it is."""
    if outage.state == Outage.State.ENDED:
        return [Kind.CORRECTION] if outage.announced_at else []
    return [Kind.PROGRESS, Kind.END, Kind.CORRECTION] if outage.announced_at else [Kind.ANNOUNCEMENT]


def send(outage: Outage, kind: Update.Kind, words: dict[str, Any], *, by: User, now: datetime) -> Update:
    """Calls the verb; raises outages.Refused."""
    verbs: dict[Update.Kind, Any] = {
        Kind.ANNOUNCEMENT: outages.announce,
        Kind.PROGRESS: outages.update,
        Kind.END: outages.end,
        Kind.CORRECTION: outages.correct,
    }
    return verbs[kind](outage, by=by, now=now, **words)


def look(outage: Outage, kind: Update.Kind, words: dict[str, Any], *, by: User, now: datetime) -> Sight:
    """What `send` would do, found by doing it and taking it back."""
    with transaction.atomic():
        update = send(outage, kind, words, by=by, now=now)
        messages = list(update.messages.select_related("content", "bracket__ring"))
        texts = [(message, specimen(message.content), brief_specimens(message.content)) for message in messages]
        counts: dict[str, int] = {}
        for message in messages:
            for medium, count in fanning.audience_of(message, now).items():
                counts[medium] = counts.get(medium, 0) + count
        transaction.set_rollback(True)
    said = " ".join(str(value) for name, value in words.items() if name in ("text", "done", "remains"))
    return Sight(texts, counts, plain.jargon(said), plain.too_long(said), _too_soon(outage, now), audience.of(outage))


def _too_soon(outage: Outage, now: datetime) -> timedelta | None:
    last = outage.updates.order_by("-pk").first()
    return now - last.at if last and now - last.at < cadence.SPACING else None


def first_words(outage: Outage, now: datetime) -> dict[str, Any]:
    """What stands in the form at first: the prepared words, if a definition has led to the outage."""
    return {
        "text": "" if outage.announced_at else defining.draft(outage),
        "next_update_by": now + outages.usual(outage) - timedelta(minutes=1),
    }
