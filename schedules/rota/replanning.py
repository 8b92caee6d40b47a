"""Edits of a rotation, which leave the past unchanged and the person on duty in place until their turn ends.

Read the plans before the edit, make the edit, then call `replan`, all in one transaction.
"""

from datetime import datetime

from schedules.models import Rotation, RotationVersion
from schedules.rules import hours
from schedules.rules.plans import Plan, changed
from schedules.rules.rotation import Period

CALENDAR = ("unit", "every", "first_day", "handover", "time_zone")


def plans(rotation: Rotation) -> list[Plan]:
    """The rotation's plans as saved, oldest first. Locks the rotation's row, so that edits follow each other.

    `rotation` may have been read before another edit, so its `since` and `first` are read again.
    """
    saved = Rotation.objects.select_for_update().get(pk=rotation.pk)
    rotation.since, rotation.first = saved.since, saved.first
    return plans_of(saved)


def plans_of(saved: Rotation) -> list[Plan]:
    """All plans of a rotation, oldest first."""
    versions = [_plan(version, version.crews) for version in saved.versions.all()]
    return [*versions, _plan(saved, [participant.crew for participant in saved.participants.all()])]


def replan(rotation: Rotation, before: list[Plan], *, now: datetime, at_once: bool = False) -> None:
    """Saves the plans that follow from an edit at `now`; call it after the edit.

    `before` is what `plans` returned before the edit. `at_once`: the edit takes effect at `now`, not at the turn's end.
    """
    saved = plans(rotation)[-1]
    if (saved.period, list(saved.crews)) == (before[-1].period, list(before[-1].crews)) and not at_once:
        return
    after = changed(before, saved.period, saved.crews, now, at_once=at_once)
    versions = list(rotation.versions.values_list("pk", flat=True))
    kept = len(after) - 1  # this many of the earlier plans are kept as versions
    rotation.versions.filter(pk__in=versions[kept:]).delete()
    for plan in before[len(versions) : kept]:
        period = plan.period
        calendar = {name: getattr(period, "zone" if name == "time_zone" else name) for name in CALENDAR}
        calendar["duty_days"] = hours.days_text(period.days)
        crews = [list(crew) for crew in plan.crews]
        RotationVersion.objects.create(rotation=rotation, crews=crews, since=plan.since, first=plan.first, **calendar)
    rotation.since, rotation.first = after[-1].since, after[-1].first
    rotation.save(update_fields=["since", "first"])


def _plan(row: Rotation | RotationVersion, crews: list) -> Plan:
    days = hours.days(row.duty_days)
    period = Period(row.unit, row.every, row.first_day, row.handover, row.time_zone, days)
    return Plan(period, [tuple(crew) for crew in crews], row.since, row.first)
