"""The steps of a request to change a group: submit, accept, decline, tell the people on call, finish (B29 to B34).

Every step but `submit` locks the request's row first, and only it. `submit` and each answer tell the person who asked. A request
can be finished only after the people on call have been told what the group was and what it is now.
"""

from datetime import datetime

from django.db import transaction

from dispatching.models import Notice
from dispatching.notices import notices
from schedules.models import Schedule, User
from schedules.oncall import people_on_duty
from schedules.refused import Refused
from schedules.surfaces.public_urls import public_url
from stakeholders.groups import groups
from stakeholders.models import ChangeRequest, StakeholderGroup

State = ChangeRequest.State


def submit(
    group: StakeholderGroup | None, *, what: str, why: str, due_at: datetime, by: User, now: datetime
) -> ChangeRequest:
    """Creates a request and tells the person who asked and the group's owner. If `group` is None, the request is for a new group.

    Raises Refused if `due_at` has passed.
    """
    if due_at <= now:
        raise Refused("That time has passed.", "due_at")
    with transaction.atomic():
        request = ChangeRequest.objects.create(
            group=group, what=what, why=why, due_at=due_at, requested_by=by, requested_at=now
        )
        people = [by, *([group.owner] if group and group.owner and group.owner != by else [])]
        _tell(request, people, f"Change to {_name(request)} requested", now)
    return request


def accept(request: ChangeRequest, *, by: User, now: datetime) -> ChangeRequest:
    """Accepts the request and records the group as it is now, so that old and new can be compared later."""
    with transaction.atomic():
        request = _locked(request)
        _answer(request, State.ACCEPTED, by, now)
        request.before = groups.described(request.group)
        request.save()
        _tell(request, [request.requested_by], f"Change to {_name(request)} accepted", now)
    return request


def decline(request: ChangeRequest, reason: str, *, by: User, now: datetime) -> ChangeRequest:
    if not reason.strip():
        raise Refused("Give the reason for declining.", "reason")
    with transaction.atomic():
        request = _locked(request)
        _answer(request, State.DECLINED, by, now)
        request.reason = reason.strip()
        request.save()
        _tell(request, [request.requested_by], f"Change to {_name(request)} declined", now)
    return request


def tell_on_call(request: ChangeRequest, *, now: datetime) -> list[User]:
    """Tells the people on call what the group was and what it is now, and returns these people (B32, B33).

    Raises Refused if the request is not accepted, if there is nothing new to tell, or if nobody is on call.
    """
    with transaction.atomic():
        request = _locked(request)
        if request.state != State.ACCEPTED:
            raise Refused(f"This request has not been accepted: it is {request.get_state_display()}.")
        if request.group is None:
            raise Refused("Choose the group that was added for it.", "group")
        words = groups.described(request.group)
        if words == request.before:
            raise Refused("The group is still as it was: change it first.", "group")
        if words == request.told:
            raise Refused("The people on call have already been told about that.")
        people = on_call(now)
        if not people:
            raise Refused("Nobody is on call now, so nobody can be told. Try again when somebody is.")
        covers_changed = words["covers"] != request.before.get("covers")
        request.effective_at = (request.group.covers_since if covers_changed else None) or now
        request.told, request.told_at = words, now
        subject = f"Stakeholder group changed: {request.group}"
        told = _tell(request, people, subject, now, name=f"told/{now.isoformat()}")
        if not any(notice.delivery_id for notice in told):
            raise Refused("Nobody who is on call now can be reached. Try again when somebody can.")
        request.told_names = notices.names(told)
        request.save()
    return people


def finish(request: ChangeRequest, *, by: User, now: datetime) -> ChangeRequest:
    """Marks the request as done. Raises Refused until the people on call have been told about the group as it is now."""
    with transaction.atomic():
        request = _locked(request)
        if request.state == State.ACCEPTED and not request.told_at:
            raise Refused("The people on call have not been told yet what changed: tell them first.")
        if request.state == State.ACCEPTED and request.told != groups.described(request.group):
            raise Refused("The group has changed since the people on call were told: tell them again.")
        _answer(request, State.DONE, by, now)
        request.save()
        _tell(request, [request.requested_by], f"Change to {_name(request)} done", now)
    return request


def on_call(now: datetime) -> list[User]:
    """Returns everybody who is on duty at this moment on any schedule, each person once."""
    return people_on_duty(Schedule.objects.all(), now)


def differences(request: ChangeRequest) -> list[tuple[str, str, str]]:
    """Returns (what, old, new) for each property that the people on call were told about, or would be told about now."""
    new = request.told or groups.described(request.group)
    return [(what, request.before.get(what, ""), value) for what, value in new.items()]


# --- shared by the steps ----------------------------------------------------------------------------------------------


def _locked(request: ChangeRequest) -> ChangeRequest:
    requests = ChangeRequest.objects.select_for_update(of=("self",))
    return requests.select_related("group__parent", "group__owner", "requested_by").get(pk=request.pk)


def _answer(request: ChangeRequest, to: ChangeRequest.State, by: User, now: datetime) -> None:
    if to not in ChangeRequest.MOVES[State(request.state)]:
        raise Refused(f"This request can no longer be {to.label}: it is {request.get_state_display()}.")
    request.state, request.answered_by, request.answered_at = to, by, now


def _name(request: ChangeRequest) -> str:
    return str(request.group or "a new group")


def _tell(request: ChangeRequest, people: list[User], subject: str, now: datetime, *, name: str = "") -> list[Notice]:
    key, url = f"change/{request.pk}/{name or request.state}", public_url("change_groups")
    context = {"request": request, "rows": differences(request) if name else []}
    told = (notices.tell(user, key, Notice.Kind.CHANGE, subject, context, now=now, url=url) for user in people)
    return [notice for notice in told if notice]
