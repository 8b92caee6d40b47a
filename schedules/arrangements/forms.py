"""Forms that people fill in about themselves; times are in their own zone."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import QuerySet

from schedules.models import Absence, HandoverNote, Schedule, SwapRequest, User
from schedules.oncall import Duty
from schedules.surfaces.forms import LocalField, PageForm, field_of
from schedules.templatetags.times import day_and_time


class AbsenceForm(PageForm, forms.ModelForm):
    start = LocalField(label="From")
    end = LocalField(label="Until")
    reason = forms.CharField(
        required=False, max_length=200, help_text="Your colleagues see the reason. You need not give one."
    )

    class Meta:
        model = Absence
        fields = ("start", "end", "reason")

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, auto_id="absence_%s", **kwargs)
        self.now = now

    def clean(self) -> None:
        super().clean()
        start, end = self.cleaned_data.get("start"), self.cleaned_data.get("end")
        if start and end and end <= start:
            self.add_error("end", "An absence must end after it starts.")
        elif end and end <= self.now:
            self.add_error("end", "That time has passed.")


class NoteForm(PageForm, forms.Form):
    schedule = forms.ModelChoiceField(Schedule.objects.none(), empty_label=None)
    text = forms.CharField(
        label="Note",
        max_length=HandoverNote._meta.get_field("text").max_length,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What happened, what is still open, what to watch. It cannot be changed afterwards.",
    )

    def __init__(self, *args: Any, schedules: list[Schedule], **kwargs: Any) -> None:
        super().__init__(*args, auto_id="note_%s", **kwargs)
        choice = field_of(self, "schedule", forms.ModelChoiceField)
        choice.queryset = Schedule.objects.filter(pk__in=[schedule.pk for schedule in schedules])
        # A note cannot be moved afterwards, so with several schedules the person chooses one; none is preset.
        choice.empty_label = "Choose the schedule" if len(schedules) > 1 else None


class SwapForm(PageForm, forms.Form):
    """A form for a swap request: the person asked, the reason, the times and the shift taken in return."""

    asked = forms.ModelChoiceField(
        User.objects.none(), label="Whom do you ask?", required=False, empty_label="Anyone on this schedule"
    )
    back = forms.ChoiceField(
        label="Which of their shifts do you take in return?",
        required=False,
        help_text="Possible only if you ask one person.",
    )
    note = forms.CharField(
        label="Why",
        required=False,
        max_length=SwapRequest._meta.get_field("note").max_length,
        help_text="A few words for the people you ask. “Who is on call” shows them, too.",
    )
    start = LocalField(label="Only from", required=False, help_text="Leave empty for the start of the shift.")
    end = LocalField(label="Only until", required=False, help_text="Leave empty for the end of the shift.")

    def __init__(self, *args: Any, people: QuerySet[User], theirs: Iterable[Duty], **kwargs: Any) -> None:
        super().__init__(*args, auto_id="swap_%s", **kwargs)
        field_of(self, "asked", forms.ModelChoiceField).queryset = people
        self.returns = {f"{duty.user.pk} {duty.start.isoformat()}": duty for duty in theirs if duty.user}
        field_of(self, "back", forms.ChoiceField).choices = [("", "None"), *self._by_person(kwargs["zone"])]

    def _by_person(self, zone: ZoneInfo) -> list[tuple[str, list[tuple[str, str]]]]:
        groups: dict[str, list[tuple[str, str]]] = {}
        for key, duty in self.returns.items():
            start, end = duty.start.astimezone(zone), duty.end.astimezone(zone)
            words = f"{duty.user}: {day_and_time(start)} – {day_and_time(end)} {end.tzname()}"
            groups.setdefault(str(duty.user), []).append((key, words))
        return sorted(groups.items())

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        duty, asked = self.returns.get(cleaned.get("back", "")), cleaned.get("asked")
        if duty and duty.user != asked and "asked" not in self.errors:
            self.add_error("back", f"This shift belongs to {duty.user}. Ask {duty.user}, or take none in return.")
        return {**cleaned, "duty": duty}
