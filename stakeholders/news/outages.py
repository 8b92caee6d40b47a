"""What can be done with an outage: declare, announce, update, end, correct. Admin, API and definitions call the same functions.

Each of them locks the outage's row first, and only it, and makes the messages for each open bracket; workers plan the deliveries.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from dispatching import parking
from dispatching.models import Alert, Priority
from schedules.models import User
from schedules.refused import Refused
from schedules.templatetags.times import moment
from stakeholders.groups import audience
from stakeholders.models import Bracket, Deployment, Outage, Product, Update
from stakeholders.news import brackets, chains, wordings
from stakeholders.news.timeline import note
from stakeholders.news.untold import nobody, untold
from stakeholders.rules import cadence

Kind, State = Update.Kind, Outage.State
COMMENT = "comment on the priority: "


def declare(
    outage: Outage,
    *,
    now: datetime,
    by: User | None = None,
    mode: Outage.Mode = Outage.Mode.MANUAL,
    links: Mapping[str, Iterable[Any]] | None = None,
) -> Outage:
    """Saves a new outage; nobody is told yet. Raises Refused if it begins in the future.

    `links` has its related rows by the names deployments, products, services, alerts and groups.
    """
    refuse_future(outage, now=now)
    with transaction.atomic():
        outage.declared_at, outage.declared_by, outage.mode = now, by, mode
        outage.save()
        for name, objects in (links or {}).items():
            getattr(outage, name).set(objects)
        note(outage, f"declared {outage.get_mode_display()}", now=now, by=by)
    return outage


def refuse_future(outage: Outage, *, now: datetime) -> None:
    """Raises Refused if the outage would begin in the future. Every form that sets its start calls this."""
    if outage.started_at > now:
        raise Refused("The outage cannot begin in the future.", "started_at")


def declare_from_alert(
    alert: Alert, *, now: datetime, by: User | None = None, mode: Outage.Mode = Outage.Mode.MANUAL, **values: Any
) -> Outage:
    """Declares an outage from an alert: with its start, priority, severity and service, and the deployment and product that it names.

    `values` replaces fields of the outage.
    """
    links: dict[str, Iterable[Any]] = {"alerts": [alert], "services": [alert.service], **_named(alert)}
    defaults = {"priority": alert.priority, "severity": alert.severity, "started_at": min(alert.first_at, now)}
    outage = Outage(**{"title": alert.summary[:200], **defaults, **values})
    return declare(outage, now=now, by=by, mode=mode, links=links)


def take_in(outage: Outage, alert: Alert, *, mode: Outage.Mode, fixed: Collection[str], now: datetime) -> bool:
    """Adds another alert of the same rule to the outage; returns False if the alert needs an outage of its own (bB1).

    It does if the outage was announced and its messages do not say where the alert is. Before the announcement, the outage takes
    up where the alert is and its priority if that is more important, except what is `fixed`, and is considered again in this mode.
    If all its alerts are resolved by then, it is dismissed instead.
    """
    with transaction.atomic():
        outage = _locked(outage)
        named = {name: set(rows) for name, rows in _named(alert).items() if name not in fixed}
        if outage.state == State.ENDED:
            return False
        if outage.announced_at and any(rows - set(getattr(outage, name).all()) for name, rows in named.items()):
            return False
        if outage.announced_at is None:
            if not Alert.objects.going_on().filter(matches__outage=outage).exists():
                why = f"dismissed: its alerts are resolved, and alert #{alert.pk} opens another outage"
                _close(outage, why, now=now, by=None)
                return False
            for name, rows in named.items():
                getattr(outage, name).add(*rows)
            more = alert.priority and (outage.priority is None or alert.priority.level < outage.priority.level)
            outage.mode, outage.priority = mode, alert.priority if more and "priority" not in fixed else outage.priority
            outage.save()
        outage.alerts.add(alert)
    return True


def announce(
    outage: Outage,
    text: str,
    *,
    next_update_by: datetime | None,
    now: datetime,
    by: User | None = None,
    late_reason: str = "",
    others: wordings.Wordings = (),
) -> Update:
    """Sends the first message to the first ring; the others wait until their rules hold. Raises Refused if stakeholders are not
    to be told.
    """
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        if outage.announced_at:
            raise Refused("It has already been announced: write an update.")
        if why := untold(outage):
            raise why
        reach = audience.of(outage)
        if why := nobody(reach):
            raise why
        update = _say(outage, Kind.ANNOUNCEMENT, text, now=now, by=by, promise=next_update_by, late_reason=late_reason)
        _reword(update, others, now=now)
        outage.announced_at = now
        _promise(outage, next_update_by, now=now)
        brackets.consider(outage, reach, now=now)
        if asked := chains.ask(outage, now=now):
            note(outage, asked, now=now)
        for group in reach.ringless:
            note(outage, f"{group} lies in no ring: nobody in it is told", now=now)
        for cell in reach.uncovered:
            note(outage, f"no group covers {cell}: nobody there was told", now=now)
    return update


def update(
    outage: Outage,
    text: str,
    *,
    next_update_by: datetime | None,
    now: datetime,
    by: User | None = None,
    late_reason: str = "",
    others: wordings.Wordings = (),
) -> Update:
    """Sends an update. Raises Refused before the announcement and after the end."""
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        _refuse_unannounced(outage)
        progress = _say(outage, Kind.PROGRESS, text, now=now, by=by, promise=next_update_by, late_reason=late_reason)
        _reword(progress, others, now=now)
        reach, anybody = audience.of(outage), untold(outage) is None
        brackets.pass_on(progress, reach, anybody=anybody, now=now)
        _promise(outage, next_update_by, now=now)
        brackets.consider(outage, reach, untold=not anybody, now=now)
    return progress


def nothing_new(outage: Outage, *, now: datetime, by: User | None = None) -> Update:
    """Sends an update that says that there is no news yet; the next message is due after the usual time (B171)."""
    with transaction.atomic():
        outage = _locked(outage)
        others = wordings.nothing_new(outage)
        return update(outage, wordings.NOTHING_NEW, next_update_by=now + usual(outage), now=now, by=by, others=others)


def end(
    outage: Outage,
    text: str,
    *,
    now: datetime,
    by: User | None = None,
    over_since: datetime | None = None,
    done: str = "",
    remains: str = "",
    others: wordings.Wordings = (),
) -> Update | None:
    """Sends the last message to everybody who was told before, and ends the outage. Waiting brackets become not needed.

    `over_since` is the time at which it worked again, if that was before now. Raises Refused if it was not over then. Returns None
    if nobody was ever told: then the outage is dismissed, and the text is the reason.
    """
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        if outage.announced_at is None:
            _close(outage, f"dismissed: {text.strip()}" if text.strip() else "dismissed", now=now, by=by)
            return None
        over = over_since or now
        if why := cadence.not_over(over, began=outage.started_at, now=now):
            raise Refused(why, "over_since")
        last_update = _say(outage, Kind.END, text, now=now, by=by, done=done, remains=remains)
        _reword(last_update, others, now=now)
        outage.ended_at, outage.over_since = now, max(over, outage.started_at)
        brackets.pass_on(last_update, audience.of(outage), anybody=untold(outage) is None, now=now)
        brackets.close(outage, now=now)
        _close(outage, f"ended, over since {moment(outage.over_since)}" if over_since else "ended", now=now, by=by)
        chains.stop(outage, now=now, by=by)
    return last_update


def dismiss(outage: Outage, reason: str, *, now: datetime, by: User | None = None) -> Outage:
    """Ends an outage that stakeholders were not told about, for a reason that its timeline keeps; nobody is told now either.

    Raises Refused if it was announced, because the people who were told must hear the end.
    """
    if not reason.strip():
        raise Refused("Say why nobody needs to be told.", "reason")
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        if outage.announced_at:
            raise Refused("It has been announced, so the people who were told must hear that it is over: end it.")
        _close(outage, f"dismissed: {reason.strip()}", now=now, by=by)
    return outage


def correct(
    outage: Outage, text: str, *, now: datetime, by: User | None = None, others: wordings.Wordings = ()
) -> Update:
    """Sends a correction to the people who were told; it is the only message that may follow the end."""
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_unannounced(outage)
        correction = _say(outage, Kind.CORRECTION, text, now=now, by=by, promise=outage.next_update_by)
        _reword(correction, others, now=now)
        anybody = untold(outage) is None
        brackets.pass_on(correction, audience.of(outage), anybody=anybody, closed=True, now=now)
    return correction


def change_priority(
    outage: Outage, priority: Priority | None, *, reason: str, now: datetime, by: User | None = None
) -> Outage:
    """Changes the priority, up or down. The promised time stays or becomes earlier (B140, B141).

    A reason is valid for one priority only, so a change needs its own (B143); the first priority can do without.
    """
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        if outage.priority and not reason.strip():
            raise Refused("Say why the priority changes.", "priority_reason")
        why = f": {reason.strip()}" if reason.strip() else ""
        note(outage, f"priority {outage.priority or 'none'} → {priority or 'none'}{why}", now=now, by=by)
        outage.priority, outage.priority_reason = priority, reason.strip()
        if outage.announced_at:
            _promise(outage, cadence.kept(outage.next_update_by, _interval(outage), now=now), now=now)
        outage.save()
        _consider(outage, now)
    return outage


def project(
    outage: Outage, recovery_at: datetime | None, *, now: datetime, by: User | None = None, reason: str = ""
) -> Outage:
    """Records when the outage is expected to have recovered; None if nobody can say. Rings that wait for it are looked at at once.

    A ring that was told stays told if the time becomes shorter (B57).
    """
    with transaction.atomic():
        outage = _locked(outage)
        _refuse_if_over(outage)
        if recovery_at and recovery_at <= now:
            raise Refused("Choose a time in the future; if it works again, write the end.", "recovery_at")
        before, after = (moment(at) if at else "unknown" for at in (outage.recovery_at, recovery_at))
        why = f": {reason.strip()}" if reason.strip() else ""
        note(outage, f"expected recovery {before} → {after}{why}", now=now, by=by)
        outage.recovery_at = recovery_at
        outage.save(update_fields=["recovery_at"])
        _consider(outage, now)
    return outage


def consider(outage: Outage, *, now: datetime) -> None:
    """Looks again at the rings that wait, after a change of what is affected or of how bad it is (B56)."""
    with transaction.atomic():
        _consider(_locked(outage), now)


def tell_due_rings(now: datetime) -> bool:
    """Tells the rings of an outage that are due; False if none is. Skips locked outages."""
    waiting, rows = Bracket.objects.filter(due_at__lte=now).values("outage"), parking.Rows("ring", now)
    due = Outage.objects.filter(pk__in=waiting).exclude(pk__in=rows.waiting).select_related("priority")
    with transaction.atomic():
        outage = due.order_by("pk").select_for_update(of=("self",), skip_locked=True).first()
        if outage is None:
            return False
        rows.handle(outage.pk, _consider, outage, now)
    return True


def comment(outage: Outage, text: str, *, by: User, now: datetime) -> None:
    """Adds a stakeholder's comment on the priority to the timeline, for the communicator to read (B143)."""
    if not text.strip():
        raise Refused("Please write a comment.", "text")
    note(outage, f"{COMMENT}{text.strip()}", now=now, by=by)


def usual(outage: Outage) -> timedelta:
    """Returns the longest time between two messages of this outage: its priority's interval, or 4 hours."""
    return _interval(outage) or timedelta(hours=4)


def _consider(outage: Outage, now: datetime) -> int:
    """Looks at the rings of the outage, which is locked; returns how many were told."""
    if not outage.announced_at or outage.state == State.ENDED:
        return 0
    return brackets.consider(outage, audience.of(outage), untold=untold(outage) is not None, now=now)


def _named(alert: Alert) -> dict[str, Iterable[Any]]:
    """Returns the deployment and the product that the alert names, if they are known."""
    return {
        "deployments": Deployment.objects.filter(name__iexact=alert.deployment),
        "products": Product.objects.filter(name__iexact=alert.product),
    }


def _locked(outage: Outage) -> Outage:
    return (
        Outage.objects.select_for_update(of=("self",))
        .select_related("priority", "communicator", "chain__service")
        .get(pk=outage.pk)
    )


def _refuse_if_over(outage: Outage) -> None:
    if outage.state == State.ENDED:
        if outage.announced_at is None:
            raise Refused(f"Outage #{outage.pk} was dismissed: its timeline says why.")
        raise Refused(f"Outage #{outage.pk} has ended: only a correction may follow.")


def _refuse_unannounced(outage: Outage) -> None:
    if not outage.announced_at:
        raise Refused("It has not been announced yet: the announcement comes first.")


def _close(outage: Outage, text: str, *, now: datetime, by: User | None) -> None:
    outage.ended_at, outage.state = now, State.ENDED
    outage.next_update_by = outage.due_at = None
    outage.save()
    note(outage, text, now=now, by=by)


def _say(
    outage: Outage,
    kind: Update.Kind,
    text: str,
    *,
    now: datetime,
    by: User | None,
    promise: datetime | None = None,
    late_reason: str = "",
    **more: Any,
) -> Update:
    if not text.strip():
        raise Refused("Say what is affected and what is being done.", "text")
    promises = kind in (Kind.ANNOUNCEMENT, Kind.PROGRESS)
    if promises and (why := cadence.objection(promise, now=now, cadence=_interval(outage), reason=late_reason)):
        raise Refused(why, "next_update_by")
    note(outage, f"{kind.label}: {text}", now=now, by=by)
    return Update.objects.create(
        outage=outage,
        kind=kind,
        text=text,
        next_update_by=promise,
        late_reason=late_reason,
        mode=outage.mode,
        by=by,
        at=now,
        **more,
    )


def _reword(update: Update, others: wordings.Wordings, *, now: datetime) -> None:
    rows = list(others)
    if why := wordings.keep(update, rows):
        raise Refused(why, "wordings")
    for row in rows:
        note(update.outage, f"{update.get_kind_display()}, {row}: {row.text}", now=now, by=update.by)


def _promise(outage: Outage, at: datetime | None, *, now: datetime) -> None:
    outage.next_update_by = at
    outage.due_at = cadence.next_look(at, now=now) if at else None
    outage.save()


def _interval(outage: Outage) -> timedelta | None:
    return outage.priority.update_interval if outage.priority else None
