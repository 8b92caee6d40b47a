"""The admin of outages, with the page on which people write to stakeholders."""

from datetime import datetime, timedelta
from itertools import chain
from math import ceil
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Max, Min, Q, Sum
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from dispatching.models import Batch, Delivery
from schedules import clock
from schedules.refused import Refused
from schedules.surfaces import once
from schedules.surfaces.access import person
from schedules.surfaces.admin import OwnedAdmin, VerbAdmin, local, picker, verb
from schedules.surfaces.forms import LocalField, blame
from schedules.templatetags.times import moment, span
from stakeholders.groups import audience
from stakeholders.groups.forms import GroupsField
from stakeholders.models import Message, Outage, Update
from stakeholders.news import forms, outages
from stakeholders.news.messages import specimen
from stakeholders.news.untold import untold
from stakeholders.rules.cadence import SPACING

NO_NEWS = "Say that there is no news yet"
LABELS = {
    "▲ not announced": "warning",
    "● told": "info",
    "⚠ overdue": "danger",
    "✓ ended": "success",
    "✓ dismissed": "success",
}


@admin.register(Outage)
class OutageAdmin(VerbAdmin, OwnedAdmin):
    """Everybody with access may look; people who may change outages may write to stakeholders."""

    verbs = ("nothing_new", "nothing_new_again", "dismiss", "project")
    list_display = ("number", "state_now", "title", "priority", "since", "promised")
    list_display_links = ("number", "title")
    list_select_related = ("priority",)
    list_filter = ("state", "high_profile", "priority", "deployments", "products")
    search_fields = ("title", "=id")
    autocomplete_fields = ("communicator", "caused_by")
    change_form_template = "admin/stakeholders/outage_form.html"
    preview_template = "admin/stakeholders/outage.html"
    fieldsets = (
        (None, {"fields": ("title", ("high_profile", "priority"), "priority_reason", "severity", "started_at")}),
        ("Where and what", {"fields": (("deployments", "products"), ("said_geography", "said_products"), "groups")}),
        ("Behind it", {"fields": ("communicator", "services", "alerts", "caused_by", "chain")}),
    )
    unguarded = ("next_update_by", "due_at")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Open outages first, then by priority, most important first, then by the next promise (B148)."""
        return ("-state", "priority__level", "next_update_by", "-pk")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"started_at": clock.now(), **super().get_changeform_initial_data(request)}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        few = db_field.name not in ("services", "alerts")
        kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget() if few else picker(db_field)
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field and db_field.name == "groups":
            field.label_from_instance = GroupsField.label_from_instance.__get__(field)
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: Outage | None = None) -> tuple[str, ...]:
        # What stakeholders were told can no longer change.
        if obj and obj.state == Outage.State.ENDED:
            return tuple(chain.from_iterable(flatten(part["fields"]) for _, part in self.fieldsets))
        return ("title", "high_profile", "started_at") if obj and obj.announced_at else ()

    def has_delete_permission(self, request: HttpRequest, obj: Outage | None = None) -> bool:
        """An outage that was announced, or opened by a rule, stays on record: it is ended or dismissed."""
        kept = obj is not None and (obj.announced_at or obj.matches.exists())
        return super().has_delete_permission(request, obj) and not kept

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.write)
        return [path("<int:pk>/write/<slug:kind>/", view, name="stakeholders_outage_write"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: Outage, form: Any, change: bool) -> None:
        now = clock.now()
        if not change:
            outages.declare(obj, now=now, by=person(request))
            return
        outages.refuse_future(obj, now=now)
        before, chosen = Outage.objects.select_related("priority").get(pk=obj.pk), obj.priority
        reason = obj.priority_reason if "priority_reason" in form.changed_data else ""
        if chosen != before.priority:
            obj.priority, obj.priority_reason = before.priority, before.priority_reason
        super().save_model(request, obj, form, change)
        if chosen != before.priority:
            outages.change_priority(obj, chosen, reason=reason, now=now, by=person(request))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        outages.consider(form.instance, now=clock.now())

    def offered(self, request: HttpRequest, obj: Outage) -> list[str]:
        if Update.Kind.PROGRESS not in forms.kinds(obj):
            return []
        return ["nothing_new" if forms.too_soon(obj, clock.now()) is None else "nothing_new_again"]

    @verb(NO_NEWS)
    def nothing_new(self, request: HttpRequest, outage: Outage, now: datetime) -> str:
        update = outages.nothing_new(outage, by=person(request), now=now)
        assert update.next_update_by
        due = moment(update.next_update_by, timezone.get_current_timezone())
        return f"The update goes to everybody who was told. The next one is due by {due}."

    @verb(NO_NEWS, asks=f"The last message went out less than {span(SPACING)} ago. Send this one, too")
    def nothing_new_again(self, request: HttpRequest, outage: Outage, now: datetime) -> str:
        return self.nothing_new(request, outage, now)

    @verb("Dismiss it")
    def dismiss(self, request: HttpRequest, outage: Outage, now: datetime) -> str:
        outages.dismiss(outage, request.POST.get("reason", ""), by=person(request), now=now)
        return "The outage is dismissed. Nobody was told about it."

    @verb("Set the expected recovery")
    def project(self, request: HttpRequest, outage: Outage, now: datetime) -> str:
        field = LocalField(required=False)
        field.zone = timezone.get_current_timezone()
        try:
            at = field.clean(request.POST.get("recovery_at", ""))
        except ValidationError as error:
            raise Refused(f"Expected recovery: {error.messages[0]}", "recovery_at") from None
        outages.project(outage, at, reason=request.POST.get("reason", ""), by=person(request), now=now)
        return f"Recovery is expected {moment(at, field.zone)}." if at else "It is recorded that nobody can say."

    def write(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        """GET shows the form. POST shows what would be sent; with `send`, it sends it, once for each time the page was shown."""
        return once.answer(request, lambda: self._write(request, pk, kind), now=clock.now())

    def _written(self, request: HttpRequest, pk: int, kind: str) -> Outage:
        """The outage about which this person may write. Raises Http404 or PermissionDenied."""
        outage = Outage.objects.select_related("priority").filter(pk=pk).first()
        if outage is None or kind not in Update.Kind.values:
            raise Http404
        if not self.has_change_permission(request, outage):
            raise PermissionDenied
        return outage

    def _write(self, request: HttpRequest, pk: int, kind: str) -> HttpResponse:
        outage = self._written(request, pk, kind)
        # What somebody has typed in an old tab is shown again, with the refusal, if the verb refuses it.
        if kind not in forms.kinds(outage) and not (request.method == "POST" and outage.announced_at):
            self.message_user(request, _not_now(outage), messages.WARNING)
            return redirect("admin:stakeholders_outage_change", pk)
        now, chosen, zone = clock.now(), Update.Kind(kind), timezone.get_current_timezone()
        form = forms.WriteForm(request.POST or None, kind=chosen, zone=zone, initial=_initial(outage, now, zone))
        others = forms.wording_forms(outage, chosen, request.POST or None)
        newest, seen = outage.updates.select_related("by").last(), None
        missed = _missed(request, newest)
        if request.method == "POST" and all([form.is_valid(), *(other.is_valid() for other in others)]):
            words = {**form.cleaned_data, "others": [other.instance for other in others if other.used]}
            sends = "send" in request.POST and missed is None
            try:
                seen = (forms.send if sends else forms.look)(outage, chosen, words, by=person(request), now=now)
            except Refused as refused:
                blame(form, refused)
            else:
                if sends:
                    self.log_change(request, outage, f"{chosen.label} sent.")
                    self.message_user(request, f"The {chosen.label} is being sent.", messages.SUCCESS)
                    return redirect("admin:stakeholders_outage_change", pk)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{forms.WRITE[chosen]}: {outage.title}",
            "outage": outage,
            "form": form,
            "others": others,
            "seen": seen,
            "newest": newest,
            "missed": missed,
            "now": now,
            "send": forms.SEND[chosen],
            "audience": audience.of(outage),
            "untold": untold(outage) if chosen == Update.Kind.ANNOUNCEMENT else None,
            "zone": zone,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/stakeholders/write.html", context)

    def preview(self, request: HttpRequest, obj: Outage, now: datetime) -> dict[str, Any]:
        sent = Message.objects.filter(update__outage=obj).select_related("update__by", "bracket__ring", "content")
        going_on = obj.state == Outage.State.OPEN
        why = untold(obj) if going_on else None
        return {
            "outage": obj,
            "untold": why,
            "kinds": [] if why and not obj.announced_at else [(kind, forms.WRITE[kind]) for kind in forms.kinds(obj)],
            "may_write": self.has_change_permission(request, obj),
            "brackets": obj.brackets.select_related("ring"),
            "may_project": going_on and self.has_change_permission(request, obj),
            "late": obj.next_update_by is not None and obj.next_update_by < now,
            "may_dismiss": going_on and not obj.announced_at and self.has_change_permission(request, obj),
            "audience": audience.of(obj) if going_on and not why else None,
            "sent": [(message, how_far(message, now), specimen(message.content)) for message in sent.order_by("-pk")],
            "events": obj.events.select_related("by", "notice__delivery").order_by("-pk")[:200],
        }

    @display(description="state", label=LABELS)
    def state_now(self, outage: Outage) -> str:
        if outage.state == Outage.State.ENDED:
            return "✓ ended" if outage.announced_at else "✓ dismissed"
        if outage.next_update_by is None:
            return "▲ not announced"
        return "⚠ overdue" if outage.next_update_by < clock.now() else "● told"

    @admin.display(description="no.", ordering="pk")
    def number(self, outage: Outage) -> str:
        return f"#{outage.pk}"

    @admin.display(description="since", ordering="started_at")
    def since(self, outage: Outage) -> str:
        return local(outage.started_at)

    @admin.display(description="next message by", ordering="next_update_by")
    def promised(self, outage: Outage) -> str:
        return local(outage.next_update_by) or "nothing promised"


def _missed(request: HttpRequest, newest: Update | None) -> Update | None:
    """Returns the message that was sent since this form was shown, if it is to be sent now: its author should look again."""
    if newest is None or "send" not in request.POST or "after" not in request.POST:
        return None
    return newest if request.POST["after"] != str(newest.pk) else None


def how_far(message: Message, now: datetime) -> dict[str, Any]:
    """Returns how far a message is: planned, sent, on its way, held by quiet hours, failed, not sent. Two queries.

    `first` and `last` are the times from the decision to the first and the last handover (B6).
    """
    batches = Batch.objects.filter(content=message.content_id)
    held = Q(due_at__gt=now)  # before their first attempt, only quiet hours make messages wait
    later = batches.aggregate(
        waiting=Coalesce(Sum("contact_points__len", filter=~held), 0),
        held=Coalesce(Sum("contact_points__len", filter=held), 0),
        held_until=Max("due_at", filter=held),
    )
    waiting, unsent = later.pop("waiting"), later["held"]
    mine = Delivery.objects.filter(content=message.content_id)
    states = Delivery.State
    far = mine.aggregate(
        first=Min("sent_at"),
        last=Max("sent_at"),
        all=Count("pk") + waiting + unsent,
        sent=Count("pk", Q(state__in=(states.SENT, states.DELIVERED))),
        waiting=Count("pk", Q(state__in=Delivery.LIVE)) + waiting,
        failed=Count("pk", Q(state__in=Delivery.LOST)),
        suppressed=Count("pk", Q(state=states.SUPPRESSED)),
    )
    far |= later
    for name in ("first", "last"):
        if far[name]:
            far[name] = timedelta(seconds=max(1, ceil((far[name] - message.created_at).total_seconds())))
    return far


def _initial(outage: Outage, now: datetime, zone: Any) -> dict[str, Any]:
    words = forms.first_words(outage, now)
    times = ("next_update_by", "over_since")
    return words | {name: words[name].astimezone(zone).strftime("%Y-%m-%dT%H:%M") for name in times}


def _not_now(outage: Outage) -> str:
    """Why this message cannot be written in the outage's state, and what can."""
    if outage.state == Outage.State.ENDED:
        return "This outage has ended." + (" You can still write a correction." if outage.announced_at else "")
    return (
        "It has been announced: write an update."
        if outage.announced_at
        else "It has not been announced yet: announce it first."
    )
