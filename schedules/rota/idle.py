"""Says which turns of a rotation go by with nobody on duty."""

from collections.abc import Iterable

from schedules.models import Rotation
from schedules.rota.replanning import plans_of
from schedules.rules import hours
from schedules.rules.idle import Idle, idle_turns

SHOWN = 10  # names


def hints(rotations: Iterable[Rotation]) -> dict[tuple[int, Idle], str]:
    """A sentence for each rotation of which some turns lie outside the hours of all its schedules, by what is found."""
    sentences = {}
    for rotation in rotations:
        crews = list(rotation.participants.select_related("user", "partner"))
        layers = [hours.parse(text) for text in rotation.layers.values_list("hours", flat=True)]
        if idle := idle_turns(plans_of(rotation)[-1].period, len(crews), layers):
            sentence = _sentence(rotation, idle, [str(crew) for crew in crews], _days(rotation, layers))
            sentences[rotation.pk, idle] = sentence
    return sentences


def _days(rotation: Rotation, layers: list[tuple[hours.Window, ...]]) -> str:
    """The days of duty that would mend it; empty if they would not."""
    days = frozenset(day for windows in layers for window in windows for day in window.days)
    return hours.days_text(days) if rotation.unit == "days" and not rotation.duty_days and len(days) < 7 else ""


def _sentence(rotation: Rotation, idle: Idle, crews: list[str], days: str) -> str:
    never = [crews[number] for number in sorted(idle.never)]
    names = ", ".join(never[:SHOWN]) + (" and others" if len(never) > SHOWN else "")
    whom = f" {len(never)} of {len(crews)} in the list never have a shift: {names}." if never else ""
    advice = (
        f"Set the days of duty of the rotation to “{days}”." if days else "Change the length of a turn or the hours."
    )
    return (
        f"{rotation}: {idle.idle} of {idle.turns} turns go by with nobody on duty, because they lie outside the hours.{whom} "
        f"{advice}"
    )
