"""Admin pages for rotations, and for schedules with a drawing of the next weeks."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import Max, QuerySet
from django.forms import Field
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from schedules import clock
from schedules.models import Layer, Override, Participant, Rotation, Schedule
from schedules.oncall import HORIZON, Duty, gaps, timetables
from schedules.rota import idle, lacks, replanning
from schedules.rota.foresight_admin import LOOK, ForesightAdmin
from schedules.rules import hours
from schedules.rules.drawing import Week, monday, span, weeks_of
from schedules.rules.plans import places
from schedules.surfaces import access
from schedules.surfaces.admin import OrderedFormSet, StackedInline, TabularInline
from schedules.surfaces.forms import field_of
from schedules.templatetags.times import moment
from schedules.validators import valid_hours, valid_region

WEEKS = 4
TURNS = 8
HELP = {"start": "The start.", "end": "The end, exclusive."}
COLOURS = 8  # the number of colours in the style sheet
KEPT = ("every", "unit", "first_day", "handover", "duty_days", "make", "hours", "fills")
POSITIONS = [(0, "main"), *((n, f"backup {n}") for n in range(1, 21))]


class HoursWidget(UnfoldAdminTextInputWidget):
    """A text input that offers the usual hours as presets."""

    template_name = "admin/schedules/hours_widget.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"] |= {
            "list": f"{context['widget']['attrs'].get('id', name)}_presets",
            "autocomplete": "off",
        }
        context["presets"] = [(text, label) for text, label in hours.PRESETS.items() if text]
        return context


class ParticipantInline(TabularInline):
    model = Participant
    formset = OrderedFormSet
    fields = ("user", "partner", "order")
    ordering_field = "order"
    autocomplete_fields = ("user", "partner")
    verbose_name = "person"
    verbose_name_plural = "people in the order of their turns"

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 3


class NewRotationForm(forms.ModelForm):
    """Adds a rotation and the schedules that read it in one form."""

    NAMES = {"1": ("main",), "2": ("main", "backup"), "3": ("main", "backup 1", "backup 2"), "0": ()}
    MADE = (
        ("1", "one: main"),
        ("2", "two: main and backup"),
        ("3", "three: main, backup 1 and backup 2"),
        ("0", "none: I will make the schedules myself"),
    )
    make = forms.ChoiceField(
        label="Schedules to add",
        choices=MADE,
        initial="2",
        widget=UnfoldAdminSelectWidget,
        help_text="They all use this one list of people: while Ana is main, the person with the next turn is backup.",
    )
    hours = forms.CharField(
        label="On duty in these hours",
        required=False,
        validators=[valid_hours],
        widget=HoursWidget,
        help_text="Leave empty for always. Choose business hours, or write your own: “Mon-Fri 9-17” or “Mon-Fri 08:00-18:00; "
        "Sat 10:00-14:00”. "
        "Turns in days are then counted on these days only, unless you enter days of duty.",
    )
    holidays = forms.CharField(
        label="Not on public holidays of",
        required=False,
        max_length=12,
        validators=[valid_region],
        widget=UnfoldAdminTextInputWidget,
        help_text="Country or country-state, for example GB, DE, DE-BE or IN-KA. Leave empty to ignore holidays.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = field_of(self, "time_zone", forms.ChoiceField)
        zone.required, zone.initial = False, ""
        zones: Any = zone.choices
        zone.choices = [("", "the team's"), *zones]

    def names(self) -> tuple[str, ...]:
        return self.NAMES[self.cleaned_data["make"]]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("time_zone") and "time_zone" not in self.errors:
            if team := cleaned.get("team"):
                cleaned["time_zone"] = team.time_zone
            else:
                self.add_error("time_zone", "Choose a time zone, or a team whose time zone is used.")
        self._take_days_of_hours(cleaned)
        if cleaned.get("name") and "make" in cleaned:
            wanted = [f"{cleaned['name']} {name}" for name in self.names()]
            for taken in Schedule.objects.filter(name__in=wanted):
                self.add_error("name", f"There is already a schedule called “{taken}”.")
        return cleaned

    def _take_days_of_hours(self, cleaned: dict[str, Any]) -> None:
        """Turns in days count on the days of the hours, unless somebody has said otherwise, so that none goes by with nobody."""
        days = {day for window in hours.parse(cleaned.get("hours", "")) for day in window.days}
        if (
            cleaned.get("unit") == Rotation.Unit.DAYS
            and not cleaned.get("duty_days")
            and 0 < len(days) < len(hours.DAYS)
        ):
            cleaned["duty_days"] = hours.days_text(days)


class RotationForm(forms.ModelForm):
    at_once = forms.BooleanField(
        label="Change immediately",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="If off, the person on duty stays until their turn ends; then the list goes on with the next person. "
        "If on, the change takes effect now, and turns are counted from the first day.",
    )


@admin.register(Rotation)
class RotationAdmin(ForesightAdmin):
    form = RotationForm
    list_display = ("name", "team", "rhythm", "handover", "time_zone")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    inlines = (ParticipantInline,)
    preview_template = "admin/schedules/turns.html"
    unguarded = ("since", "first")

    @admin.display(description="one turn lasts")
    def rhythm(self, rotation: Rotation) -> str:
        unit = rotation.unit if rotation.every > 1 else rotation.unit.removesuffix("s")
        return f"{rotation.every} {unit} ({rotation.duty_days})" if rotation.duty_days else f"{rotation.every} {unit}"

    def get_fields(self, request: HttpRequest, obj: Rotation | None = None) -> tuple:
        plan = ("name", "team", ("every", "unit"), "duty_days", ("first_day", "handover"), "time_zone")
        if obj is None:
            return (*plan, "make", ("hours", "holidays"), "fills")
        return (*plan, "fills", "at_once") if self.has_change_permission(request, obj) else (*plan, "fills")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> type:
        return super().get_form(request, obj, change=change, **(kwargs if obj else {"form": NewRotationForm, **kwargs}))

    def affected(self, pk: str | int) -> Iterable[int]:
        return Layer.objects.filter(rotation__pk=pk).values_list("schedule", flat=True)

    def hints(self, pk: str | int) -> Mapping[Any, str]:
        return idle.hints(Rotation.objects.filter(pk=pk))

    def lacks(self, obj: Rotation) -> Iterable[str]:
        return lacks.of_rotation(obj)

    def save_model(self, request: HttpRequest, obj: Rotation, form: Any, change: bool) -> None:
        if change:
            form.plans_before = replanning.plans(obj)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change:
            now, at_once = clock.now(), form.cleaned_data["at_once"]
            replanning.replan(form.instance, form.plans_before, now=now, at_once=at_once)
        else:
            self._make_schedules(request, form)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Proposes this week's Monday (UTC) as the first day, so that the first person in the list is first on duty."""
        return {"first_day": monday(clock.now(), UTC), **super().get_changeform_initial_data(request)}

    def response_add(self, request: HttpRequest, obj: Rotation, post_url_continue: str | None = None) -> HttpResponse:
        """Keeps the rhythm and the hours on “Save and add another”, so that only the name and the people remain to enter."""
        response = super().response_add(request, obj, post_url_continue)
        if "_addanother" in request.POST and LOOK not in request.POST:
            kept = {name: request.POST[name] for name in KEPT if request.POST.get(name)}
            return redirect(f"{request.path}?{urlencode(kept)}")
        return response

    def _make_schedules(self, request: HttpRequest, form: NewRotationForm) -> None:
        rotation: Rotation = form.instance
        layer = {name: form.cleaned_data[name] for name in ("hours", "holidays")}
        for position, name in enumerate(form.names()):
            schedule = Schedule.objects.create(
                name=f"{rotation.name} {name}", team=rotation.team, time_zone=rotation.time_zone
            )
            access.grant_to_team(schedule)
            Layer.objects.create(schedule=schedule, rotation=rotation, position=position, **layer)
        if form.names():
            made = ", ".join(f"{rotation.name} {name}" for name in form.names())
            self.message_user(
                request, f"Tocsin also made these schedules: {made}. Choose them in an escalation policy."
            )
            self._say_who_is_on_duty(request, f"{rotation.name} {form.names()[0]}", clock.now())

    def _say_who_is_on_duty(self, request: HttpRequest, name: str, now: datetime) -> None:
        """Says what a first day in the past means: somebody is on duty from now on."""
        schedule = Schedule.objects.get(name=name)
        on = timetables([schedule.pk], now, now + HORIZON)[schedule.pk].on_call(now)
        for duty in on:
            until = f" until {moment(duty.until, timezone.get_current_timezone())}" if duty.until else ""
            self.message_user(
                request, f"{duty.user.name} is on duty on {schedule} from now on{until}.", messages.WARNING
            )

    def preview(self, request: HttpRequest, obj: Rotation, now: datetime) -> dict[str, Any]:
        people = {user.pk: user for p in obj.participants.select_related("user", "partner") for user in p.people}
        plans = replanning.plans_of(obj)
        length = plans[-1].period.length
        slots = list(places(plans, now, now + TURNS * length)) if people else []
        read = [position for position, _ in POSITIONS if position <= self._last_position(obj)]
        turns = [(place, [[people.get(pk) for pk in place.at(n)] for n in read]) for place in slots]
        schedules = Schedule.objects.filter(layers__rotation=obj).distinct()
        return {"rotation": obj, "turns": turns, "positions": [POSITIONS[n][1] for n in read], "schedules": schedules}

    def _last_position(self, rotation: Rotation) -> int:
        return rotation.layers.aggregate(last=Max("position"))["last"] or 0


class LayerInline(StackedInline):
    model = Layer
    formset = OrderedFormSet
    fields = ("rotation", "position", ("hours", "holidays"), "feed", "adds", "order")
    ordering_field = "order"
    autocomplete_fields = ("rotation", "feed")
    verbose_name_plural = "layers: the rotation, the position in it, and the hours"

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name == "position":
            kwargs["widget"] = UnfoldAdminSelectWidget(choices=POSITIONS)
        elif db_field.name == "hours":
            kwargs["widget"] = HoursWidget
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class OverrideInline(StackedInline):
    """The overrides that have not ended; the others are history."""

    model = Override
    fk_name = "schedule"
    fields = (("user", "instead_of"), ("start", "end"), "reason")
    autocomplete_fields = ("user", "instead_of")
    verbose_name_plural = "overrides: somebody takes over, now or later"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        return super().get_queryset(request).filter(end__gt=clock.now()).select_related("user", "instead_of")

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and db_field.name in ("start", "end"):
            field.help_text = f"{HELP[db_field.name]} Times are in {timezone.get_current_timezone_name()}."
        return field


@admin.register(Schedule)
class ScheduleAdmin(ForesightAdmin):
    list_before_template = change_form_before_template = "admin/schedules/from_a_rotation.html"
    list_display = ("name", "team", "time_zone", "description")
    list_select_related = ("team",)
    list_filter = ("team",)
    search_fields = ("name", "team__name")
    autocomplete_fields = ("team",)
    inlines = (LayerInline, OverrideInline)
    fields = ("name", "team", "time_zone", "description", "remind", "hands_over", "longest_shift")
    preview_template = "admin/schedules/coverage.html"

    def affected(self, pk: str | int) -> Iterable[int]:
        return [int(pk)]

    def hints(self, pk: str | int) -> Mapping[Any, str]:
        return idle.hints(Rotation.objects.filter(layers__schedule__pk=pk).distinct())

    def lacks(self, obj: Schedule) -> Iterable[str]:
        return lacks.of_schedule(obj, clock.now())

    def preview(self, request: HttpRequest, obj: Schedule, now: datetime) -> dict[str, Any]:
        zone = timezone.get_current_timezone() if request.GET.get("clock") == "mine" else obj.time_zone
        start, end = span(now, zone, WEEKS)
        table = timetables([obj.pk], start, end)[obj.pk]
        duties = table.duties(start, end)
        colours = _colours(duties)
        lanes = [(name, own) for name, own in table.layer_duties(start, end)] if len(table.line.layers) > 1 else []
        exceptions = [duty for duty in duties if duty.user and duty.why.startswith(("override", "swap"))]
        if exceptions:
            lanes.append(("overrides and swaps", exceptions))
        drawn = [(name, weeks_of(own, now, zone, WEEKS)) for name, own in [*lanes, ("on duty", duties)]]
        return {
            "schedule": obj,
            "note": obj.notes.select_related("by").first(),
            "zone": zone,
            "other": obj.time_zone if zone != obj.time_zone else timezone.get_current_timezone(),
            "mine": request.GET.get("clock") == "mine",
            "today": now.astimezone(zone).date(),
            "weeks": [
                (final, [(name, _bars(weeks[number], colours, now)) for name, weeks in drawn])
                for number, final in enumerate(drawn[-1][1])
            ],
            "legend": colours.items(),
            "gaps": [gap for gap in gaps(duties) if gap.end > now and not gap.closed],
            "closed": any(duty.closed for duty in duties),
            "coming": [duty for duty in duties if duty.end > now],
            "load": table.load(start, end, zone),
            "too_long": table.longer_than(obj.longest_shift, start, end) if obj.longest_shift else [],
        }


def _bars(week: Week[Duty], colours: dict[Any, int], now: datetime) -> list[tuple[Any, int | None, bool]]:
    return [(bar, colours.get(bar.shift.user), bar.shift.end <= now) for bar in week.bars]


def _colours(duties: list[Duty]) -> dict[Any, int]:
    """Each person's colour, by the order of their user names, so that it stays the same each time the page is opened."""
    people = {duty.user.pk: duty.user for duty in duties if duty.user}
    names = sorted(people.values(), key=lambda user: user.username)
    return dict(zip(names, chain.from_iterable([range(COLOURS)] * (len(names) // COLOURS + 1)), strict=False))
