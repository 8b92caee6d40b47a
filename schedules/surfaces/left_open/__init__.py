"""What an edit leaves open that was not open before: hours with nobody on duty, and what checks of other apps find (C9)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from schedules.models import FeedEntry, Layer, Override, Rotation, Schedule
from schedules.oncall import duties_between
from schedules.surfaces.changes import Change, changes
from schedules.templatetags.times import day_and_time

WEEKS = 8
SHOWN = 5  # schedules

# Says, each time it is called, what is wrong then, as sentences by their cause.
Look = Callable[[], Mapping[Any, str]]
# Prepares a look at whatever needs these people or schedules, as it is at these moments.
Check = Callable[[set[int], set[int], list[datetime]], Look]

_checks: list[Check] = []


def register(check: Check) -> None:
    """Adds a check; call it once, when the application starts."""
    if check not in _checks:
        _checks.append(check)


class Before:
    """The state before an edit that concerns these people or schedules. Make it, make the edit, then ask what is open now.

    `also`: moments besides `now` at which the checks look, such as the start of an absence.
    """

    def __init__(
        self, people: Iterable[int], schedules: Iterable[int] = (), *, now: datetime, also: Iterable[datetime] = ()
    ) -> None:
        who = set(people)
        self.span = now, now + timedelta(weeks=WEEKS)
        self.schedules = {*schedules, *_naming(who, *self.span)}
        self.duties = duties_between(self.schedules, *self.span)
        moments = sorted({now, *(at for at in also if at > now)})
        self.looks = [check(who, self.schedules, moments) for check in _checks]
        self.known = self._found()

    def warnings(self) -> list[str]:
        return [*self.gaps(), *self.silent()]

    def gaps(self) -> list[str]:
        """A sentence for each schedule on which nobody is on duty at times when somebody was."""
        gaps: dict[int, list[Change]] = {}
        for change in changes(self.duties, duties_between(self.schedules, *self.span)):
            if change.before and not change.after:
                gaps.setdefault(change.schedule.pk, []).append(change)
        sentences = [_sentence(own) for own in gaps.values()]
        more = len(sentences) - SHOWN
        return sentences[:SHOWN] + ([f"The same is true of {more} more schedule{'s' * (more > 1)}."] * (more > 0))

    def silent(self) -> list[str]:
        """What the checks find now and did not find before."""
        return [text for cause, text in self._found().items() if cause not in self.known]

    def _found(self) -> dict[Any, str]:
        return {cause: text for look in self.looks for cause, text in look().items()}


def _naming(people: set[int], start: datetime, end: datetime) -> set[int]:
    """The schedules on which these people may be on duty in [start, end)."""
    if not people:
        return set()
    rotations = Rotation.objects.filter(Q(participants__user__in=people) | Q(participants__partner__in=people))
    feeds = FeedEntry.objects.filter(user__in=people, end__gt=start).values("feed")
    layers = Layer.objects.filter(Q(rotation__in=rotations) | Q(feed__in=feeds))
    stood_in = Override.objects.filter(user__in=people, start__lt=end, end__gt=start)
    named = Schedule.objects.filter(Q(pk__in=layers.values("schedule")) | Q(pk__in=stood_in.values("schedule")))
    return set(named.values_list("pk", flat=True))


def _sentence(gaps: list[Change]) -> str:
    first, often = gaps[0], f" ({len(gaps)} times in the next {WEEKS} weeks)" * (len(gaps) > 1)
    zone = first.schedule.time_zone
    start, end = (day_and_time(at.astimezone(zone)) for at in (first.start, first.end))
    names = ", ".join(user.name for user in first.before)
    return f"Nobody is on duty on {first.schedule} from {start} until {end} ({zone}): it was {names}{often}."
