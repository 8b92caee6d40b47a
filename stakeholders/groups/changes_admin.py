"""The admin of requests to change a group: accept or decline a request, tell the people on call, mark it as done."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from schedules import clock
from schedules.surfaces import access
from schedules.surfaces.access import person
from schedules.surfaces.admin import OwnedAdmin, VerbAdmin, local, verb
from stakeholders.groups import changing
from stakeholders.models import ChangeRequest

State = ChangeRequest.State
OFFERED = {
    State.SUBMITTED: ("accept", "decline"),
    State.ACCEPTED: ("tell_on_call", "finish", "decline"),
}


class Due(admin.SimpleListFilter):
    title = "needed by"
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("past", "past due"), ("waiting", "neither done nor declined")]

    def queryset(self, request: HttpRequest, queryset: Any) -> QuerySet:
        if self.value() == "past":
            return queryset.past_due(clock.now())
        return queryset.waiting() if self.value() == "waiting" else queryset


@admin.register(ChangeRequest)
class ChangeRequestAdmin(VerbAdmin, OwnedAdmin):
    """Requests are made on a page of their own and answered here, by the group's owner or a person who may change all requests."""

    list_display = ("__str__", "what", "due", "state", "requested_by", "answered_by")
    list_filter = (Due, "state")
    list_select_related = ("group", "requested_by", "answered_by")
    search_fields = ("what", "why", "group__name", "requested_by__username")
    autocomplete_fields = ("group",)
    fields = (
        *("group", "what", "why", "due", "state", ("requested_by", "requested"), ("answered_by", "answered")),
        *("reason", "told_on_call", "effective"),
    )
    readonly_fields = (
        *("what", "why", "due", "state", "requested_by", "requested", "answered_by", "answered"),
        *("told_on_call", "effective"),
    )
    preview_template = "admin/stakeholders/change.html"
    verbs = ("accept", "decline", "tell_on_call", "finish")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the requests record why a group is as it is

    def may_change(self, request: HttpRequest, obj: Any) -> bool:
        return self.has_change_permission(request) or bool(obj.group and access.may(request.user, "change", obj.group))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple:
        over = obj is not None and obj.state in (State.DONE, State.DECLINED)
        all_of_them = super().has_change_permission(request)
        # The owner of a group must not turn the request into a request about another group.
        return (
            *self.readonly_fields,
            *(() if all_of_them and not over else ("group",)),
            *(("reason",) if over else ()),
        )

    def offered(self, request: HttpRequest, obj: ChangeRequest) -> tuple[str, ...]:
        return OFFERED.get(State(obj.state), ())

    def preview(self, request: HttpRequest, obj: ChangeRequest, now: datetime) -> dict[str, Any]:
        waiting = obj.state == State.ACCEPTED
        return {"differences": changing.differences(obj), "on_call": changing.on_call(now) if waiting else []}

    # --- buttons ------------------------------------------------------------------------------------------------------

    @verb("Accept", strong=True)
    def accept(self, request: HttpRequest, obj: ChangeRequest, now: datetime) -> str:
        changing.accept(obj, by=person(request), now=now)
        return f"Accepted; {obj.requested_by} is told. Now change the group."

    @verb("Decline for the reason below, as saved")
    def decline(self, request: HttpRequest, obj: ChangeRequest, now: datetime) -> str:
        changing.decline(obj, obj.reason, by=person(request), now=now)
        return f"Declined; {obj.requested_by} is told why."

    @verb("Tell the people on call what has changed")
    def tell_on_call(self, request: HttpRequest, obj: ChangeRequest, now: datetime) -> str:
        people = changing.tell_on_call(obj, now=now)
        return f"Told: {', '.join(user.name for user in people)}."

    @verb("Mark as done", strong=True)
    def finish(self, request: HttpRequest, obj: ChangeRequest, now: datetime) -> str:
        changing.finish(obj, by=person(request), now=now)
        return f"Done; {obj.requested_by} is told."

    # --- columns ------------------------------------------------------------------------------------------------------

    @admin.display(description="needed by", ordering="due_at")
    def due(self, obj: ChangeRequest) -> str:
        late = obj.state in OFFERED and obj.due_at <= clock.now()
        return f"past due: {timezone.localtime(obj.due_at):%Y-%m-%d %H:%M}" if late else local(obj.due_at)

    @admin.display(description="on")
    def requested(self, obj: ChangeRequest) -> str:
        return local(obj.requested_at)

    @admin.display(description="on")
    def answered(self, obj: ChangeRequest) -> str:
        return local(obj.answered_at) or "not yet"

    @admin.display(description="the people on call were told")
    def told_on_call(self, obj: ChangeRequest) -> Any:
        return f"{obj.told_names}, {timezone.localtime(obj.told_at):%Y-%m-%d %H:%M}" if obj.told_at else "not yet"

    @admin.display(description="in effect since")
    def effective(self, obj: ChangeRequest) -> str:
        return local(obj.effective_at) or "not yet"
