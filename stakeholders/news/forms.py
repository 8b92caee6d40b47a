"""The forms to write to stakeholders, and the preview of what would be sent and to whom (B40, B42, B84)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db import transaction
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from schedules.models import User
from schedules.surfaces.forms import LocalField, PageForm
from schedules.validators import only_printable
from stakeholders.models import Message, Outage, Update, UpdateWording
from stakeholders.news import fanning, outages, wordings
from stakeholders.news.messages import other_specimens, specimen
from stakeholders.rules import cadence
from stakeholders.rules.languages import DEFAULT, NAMES

Kind = Update.Kind
SEND = {
    Kind.ANNOUNCEMENT: "Announce",
    Kind.PROGRESS: "Send the update",
    Kind.END: "Say that it is over",
    Kind.CORRECTION: "Send the correction",
}
WRITE = {
    Kind.ANNOUNCEMENT: "Announce it",
    Kind.PROGRESS: "Write an update",
    Kind.END: "Say that it is over",
    Kind.CORRECTION: "Correct a message",
}


class WriteForm(PageForm, forms.Form):
    """The words of one update."""

    text = forms.CharField(
        label="What to say",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text="Say what is affected, who notices it and what you are doing. Tocsin adds the place, the start and the time of the "
        "next message.",
    )
    done = forms.CharField(
        label="What was done",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="In a sentence.",
    )
    remains = forms.CharField(
        label="What is still to come",
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="For example: missing data is re-uploaded within 24 hours.",
    )
    over_since = LocalField(
        label="Over since",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="When it worked again for everybody. The message says how long it lasted until then.",
    )
    next_update_by = LocalField(
        label="The next message is due by",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="The latest time; earlier is always fine. You are reminded 15 minutes before it, or at that time if it is sooner.",
    )
    late_reason = forms.CharField(
        label="Reason for a later time",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Needed only if the priority asks for an earlier message.",
    )

    def __init__(self, data: Any = None, *, kind: Update.Kind, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        for name in _unused(kind):
            del self.fields[name]
        if kind == Kind.END:
            self.fields[
                "text"
            ].help_text = "Say what works again, and for whom. Tocsin adds the place and how long it lasted."


class WordingForm(forms.ModelForm):
    """The update in another language. If its fields are empty, there is no such wording."""

    class Meta:
        model = UpdateWording
        fields = ("title", "text", "done", "remains", "late_reason")
        labels = {
            "title": "Title",
            "text": "What to say",
            "done": "What was done",
            "remains": "What is still to come",
            "late_reason": "Reason for a later time",
        }
        widgets = {
            "title": UnfoldAdminTextInputWidget(),
            "text": UnfoldAdminTextareaWidget(attrs={"rows": 6}),
            "done": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "remains": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "late_reason": UnfoldAdminTextInputWidget(),
        }

    def __init__(self, data: Any, *, kind: Update.Kind, row: UpdateWording) -> None:
        prefix = f"{row.language}-0"
        super().__init__(data, instance=row, prefix=prefix, label_suffix="", use_required_attribute=False)
        self.fields["text"].required = False
        for name in _unused(kind):
            self.fields.pop(name, None)
        for field in self.fields.values():
            field.widget.attrs["lang"] = row.language
        only_printable(self.fields.values())

    @property
    def used(self) -> bool:
        """Whether the author filled in the wording; a title alone does not count, because the form starts with one."""
        return any(self.cleaned_data.get(name) for name in self.fields if name != "title")


@dataclass(frozen=True, slots=True)
class Sight:
    """The preview of what would be sent now."""

    # (message, its text as a reader sees it, its HTML, and what the other media get by name).
    messages: list[tuple[Message, str, str, dict[str, str]]]
    counts: dict[str, int]  # contact points by medium, over all messages
    remarks: list[str]
    too_soon: timedelta | None  # how long ago the last message was, if that is less than cadence.SPACING


def _unused(kind: Update.Kind) -> tuple[str, ...]:
    if kind == Kind.END:
        return "next_update_by", "late_reason"
    promise = () if kind in (Kind.ANNOUNCEMENT, Kind.PROGRESS) else ("next_update_by", "late_reason")
    return "done", "remains", "over_since", *promise


def wording_forms(outage: Outage, kind: Update.Kind, data: Any = None) -> list[WordingForm]:
    """Returns a form for each language except the default, in which the update itself is written.

    The forms start with the known titles and, before the announcement, with the prepared words if a definition led to the outage.
    """
    prepared = () if outage.announced_at else wordings.draft_wordings(outage)
    drafts, titles = {row.language: row for row in prepared}, wordings.titles(outage)
    rows = {name: UpdateWording(language=name, title=titles.get(name, "")) for name in NAMES if name != DEFAULT}
    return [WordingForm(data, kind=kind, row=row) for row in (rows | drafts).values()]


def kinds(outage: Outage) -> list[Update.Kind]:
    """Returns the kinds of update that the outage's state allows."""
    if outage.state == Outage.State.ENDED:
        return [Kind.CORRECTION] if outage.announced_at else []
    return [Kind.PROGRESS, Kind.END, Kind.CORRECTION] if outage.announced_at else [Kind.ANNOUNCEMENT]


def send(outage: Outage, kind: Update.Kind, words: dict[str, Any], *, by: User, now: datetime) -> Update:
    """Sends an update of this kind through `outages`; raises Refused."""
    verbs: dict[Update.Kind, Any] = {
        Kind.ANNOUNCEMENT: outages.announce,
        Kind.PROGRESS: outages.update,
        Kind.END: outages.end,
        Kind.CORRECTION: outages.correct,
    }
    return verbs[kind](outage, by=by, now=now, **words)


def look(outage: Outage, kind: Update.Kind, words: dict[str, Any], *, by: User, now: datetime) -> Sight:
    """Returns what `send` would do: does it in a transaction and rolls it back. Raises Refused."""
    with transaction.atomic():
        update = send(outage, kind, words, by=by, now=now)
        messages = list(update.messages.select_related("content", "bracket__ring"))
        texts = [
            (draft, specimen(draft.content), specimen(draft.content, "html"), other_specimens(draft.content, at=now))
            for draft in messages
        ]
        remarks = wordings.unread(update) + wordings.remarks(update)
        counts: dict[str, int] = {}
        for message in messages:
            if message.language == DEFAULT:  # counts everybody until the others are planned
                for medium, count in fanning.audience_of(message, now).items():
                    counts[medium] = counts.get(medium, 0) + count
        transaction.set_rollback(True)
    return Sight(texts, counts, remarks, too_soon(outage, now))


def too_soon(outage: Outage, now: datetime) -> timedelta | None:
    """Returns how long ago the last message was, if that is less than `cadence.SPACING`, else None."""
    last = outage.updates.order_by("-pk").first()
    return now - last.at if last and now - last.at < cadence.SPACING else None


def first_words(outage: Outage, now: datetime) -> dict[str, Any]:
    """Returns what the form starts with: the promise, the time of the end and, before the announcement, the text that a definition
    has prepared.
    """
    return {
        "text": "" if outage.announced_at else wordings.draft(outage),
        "next_update_by": now + outages.usual(outage),
        "over_since": now,
    }
