"""Pages for a person's own shifts, swaps, absences and handover notes. Every change is a POST, then a redirect."""

from collections.abc import Callable, Mapping
from datetime import datetime

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from schedules import clock
from schedules.arrangements import handover, swapping, turns
from schedules.arrangements.forms import AbsenceForm, NoteForm, SwapForm
from schedules.calendars import export
from schedules.models import Absence, CalendarLink, Schedule, SwapRequest, User
from schedules.oncall import HORIZON, Duty, timetables
from schedules.people import reach
from schedules.refused import Refused
from schedules.surfaces.access import person
from schedules.surfaces.fields import instant_of
from schedules.surfaces.forms import blame
from schedules.surfaces.left_open import Before
from schedules.surfaces.pages import sent_once

RETURNS = 200  # the most shifts of colleagues that the form offers in return
State = SwapRequest.State


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sent_once
def mine(request: HttpRequest) -> HttpResponse:
    """Shows a person's own shifts, swaps, absences and handover notes, and handles the page's buttons."""
    act = _act if request.method == "POST" else _show
    return act(request, person(request), clock.now())


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sent_once
def ask_for_swap(request: HttpRequest) -> HttpResponse:
    """Shows and handles the form that asks somebody to take one shift; the shift is named in the URL's query."""
    return _ask_for_swap(request, person(request), clock.now())


def _show(
    request: HttpRequest,
    user: User,
    now: datetime,
    *,
    absence: AbsenceForm | None = None,
    note: NoteForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Renders the page; a form that was refused is shown instead of an empty one."""
    tables = turns.tables(user, now - handover.BACK, now + HORIZON)
    shifts = turns.shifts(tables, user, now)
    running = [shift for shift in shifts if shift.start <= now]
    notes = handover.newest(shift.schedule for shift in running)
    writable = handover.writable(tables, user, now)
    swaps = SwapRequest.objects.select_related("schedule", "asked_by", "asked", "answered_by")
    for_me = Q(asked=user) | Q(asked=None, schedule__in=turns.belonging(user)) & ~Q(asked_by=user)
    context = {
        "now": now,
        "zone": user.time_zone,
        "horizon": now + HORIZON,
        "unreachable": user.pk in reach.unreachable([user.pk]),
        "running": [(shift, notes.get(shift.schedule.pk)) for shift in running],
        "shifts": [shift for shift in shifts if shift.start > now],
        "waiting": [(swap, _doubled(swap, shifts)) for swap in swaps.waiting(now).filter(for_me)],
        "requests": swaps.filter(asked_by=user, end__gt=now),
        "absences": Absence.objects.filter(user=user, end__gt=now),
        "uncovered": turns.cover_needed(user, now, tables),
        "links": [export.address(link) for link in CalendarLink.objects.filter(owner=user, user=user)],
        "absence_form": absence or AbsenceForm(zone=user.time_zone, now=now),
        "note_form": note or (NoteForm(zone=user.time_zone, schedules=writable) if writable else None),
    }
    return render(request, "schedules/mine.html", context, status=status)


def _doubled(swap: SwapRequest, shifts: list[turns.OwnTurn]) -> list[str]:
    """Returns the other schedules on which the reader would be on duty, too, in the shift that they are asked to take."""
    then = [own for own in shifts if own.start < swap.end and own.end > swap.start and own.schedule != swap.schedule]
    return list(dict.fromkeys(own.schedule.name for own in then))


def _act(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    """Handles one of the page's buttons. A refusal is shown at the field, or as a message."""
    do = DO.get(request.POST.get("do", ""))
    if do is None:
        raise Http404
    try:
        return do(request, user, now) or redirect("mine")
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("mine")


def _ask_for_swap(request: HttpRequest, user: User, now: datetime) -> HttpResponse:
    """Shows the form that asks for a swap; a POST of it asks."""
    turn = _turn(request.GET)
    people = turns.colleagues(turn.schedule).exclude(pk=user.pk)
    form = SwapForm(
        request.POST if request.method == "POST" else None,
        zone=user.time_zone,
        people=people,
        theirs=_theirs(turn.schedule, user, now),
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                _ask(form, turn, user, now)
            except Refused as refused:
                blame(form, refused)
                status = 409
            else:
                messages.success(request, f"You have asked {form.cleaned_data['asked'] or 'your colleagues'}.")
                return redirect("mine")
    context = {"form": form, "turn": turn, "now": now, "zone": user.time_zone}
    return render(request, "schedules/ask_for_swap.html", context, status=status)


def _ask(form: SwapForm, turn: turns.OwnTurn, user: User, now: datetime) -> None:
    fields = form.cleaned_data
    back = fields["duty"]
    swapping.ask(
        turn.schedule,
        user,
        fields["start"] or turn.start,
        fields["end"] or turn.end,
        now=now,
        asked=fields["asked"],
        return_start=back and back.start,
        return_end=back and back.end,
        note=fields["note"],
    )


def _theirs(schedule: Schedule, user: User, now: datetime) -> list[Duty]:
    """Other people's shifts that could be taken in return, without those that have started or whose end is not known."""
    duties = timetables([schedule.pk], now, now + HORIZON)[schedule.pk].duties(now, now + HORIZON)
    others = [duty for duty in duties if duty.user and duty.user != user]
    return [duty for duty in others if duty.start > now and duty.end < now + HORIZON][:RETURNS]


# --- the page's buttons -----------------------------------------------------------------------------------------------


def _add_absence(request: HttpRequest, user: User, now: datetime) -> HttpResponse | None:
    form = AbsenceForm(request.POST, zone=user.time_zone, now=now, instance=Absence(user=user))
    if not form.is_valid():
        return _show(request, user, now, absence=form, status=400)
    before = Before([user.pk], now=now, also=[form.cleaned_data["start"]])
    form.save()
    text = "Your absence is saved."
    if any(not turn.asked for turn in turns.cover_needed(user, now)):
        text += " Nobody takes your shifts during that time yet: ask for it below."
    messages.success(request, text)
    for sentence in before.silent():
        messages.warning(request, sentence)
    return None


def _delete_absence(request: HttpRequest, user: User, now: datetime) -> None:
    get_object_or_404(Absence, pk=_number(request.POST, "id"), user=user).delete()
    messages.success(request, "Your absence is deleted. Shifts that colleagues have agreed to take stay with them.")


def _ask_anyone(request: HttpRequest, user: User, now: datetime) -> None:
    turn = _turn(request.POST)
    swapping.ask(turn.schedule, user, turn.start, turn.end, now=now)
    messages.success(request, "You have asked your colleagues.")


def _ask_all(request: HttpRequest, user: User, now: datetime) -> None:
    for turn in turns.cover_needed(user, now):
        if not turn.asked:
            swapping.ask(turn.schedule, user, turn.start, turn.end, now=now)
    messages.success(request, "You have asked your colleagues to take all of these shifts.")


def _accept(request: HttpRequest, user: User, now: datetime) -> None:
    swap = swapping.accept(_swap(request), user, now)
    messages.success(request, f"You take {swap.schedule} for {swap.asked_by}. The shift is now among yours.")


def _decline(request: HttpRequest, user: User, now: datetime) -> None:
    swap = swapping.decline(_swap(request), user, now)
    messages.success(request, f"You have declined the request of {swap.asked_by}.")


def _withdraw(request: HttpRequest, user: User, now: datetime) -> None:
    swapping.withdraw(_swap(request), user, now)
    messages.success(request, "You have withdrawn your request.")


def _hand_over(request: HttpRequest, user: User, now: datetime) -> HttpResponse | None:
    writable = handover.writable(turns.tables(user, now - handover.BACK, now + handover.MOMENT), user, now)
    form = NoteForm(request.POST, zone=user.time_zone, schedules=writable)
    if not form.is_valid():
        return _show(request, user, now, note=form, status=400)
    handover.write(form.cleaned_data["schedule"], user, form.cleaned_data["text"], now)
    messages.success(request, "Your note is saved for the person who comes next.")
    return None


def _make_link(request: HttpRequest, user: User, now: datetime) -> None:
    export.calendar_link(user, user=user)
    messages.success(request, "Your calendar link is below. Anyone who has it can read your shifts.")


def _revoke_link(request: HttpRequest, user: User, now: datetime) -> None:
    CalendarLink.objects.filter(owner=user, user=user).delete()
    messages.success(request, "The link is revoked: calendar programs can no longer use it.")


DO: dict[str, Callable[[HttpRequest, User, datetime], HttpResponse | None]] = {
    "add-absence": _add_absence,
    "delete-absence": _delete_absence,
    "ask-anyone": _ask_anyone,
    "ask-all": _ask_all,
    "accept": _accept,
    "decline": _decline,
    "withdraw": _withdraw,
    "hand-over": _hand_over,
    "make-link": _make_link,
    "revoke-link": _revoke_link,
}


# --- what a request names ---------------------------------------------------------------------------------------------


def _swap(request: HttpRequest) -> SwapRequest:
    return get_object_or_404(SwapRequest, pk=_number(request.POST, "id"))


def _turn(values: Mapping[str, str]) -> turns.OwnTurn:
    schedule = get_object_or_404(Schedule, pk=_number(values, "schedule"))
    try:
        return turns.OwnTurn(schedule, instant_of(values.get("start", "")), instant_of(values.get("end", "")))
    except ValueError:
        raise Http404 from None


def _number(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Http404
    return int(text)
