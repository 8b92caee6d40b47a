"""What a run of a policy does at a position: which step, in which round, and how long its people have.

A position counts the steps run so far: step = position mod steps, round = position div steps. A policy with N repeats
has N + 1 rounds; after the last one the last resort is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# How late the engine must be before it takes itself to have been away and leaves out what is past (faults A17).
AWAY = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class FrozenStep:
    """One step of one round. `number` and `round` count from 1, for people to read; `targets` are {type, id, name}."""

    position: int
    number: int
    round: int
    targets: tuple[Mapping[str, Any], ...]
    span: timedelta


def step_at(snapshot: Mapping[str, Any], position: int) -> FrozenStep | None:
    """The step at a position; None when the policy has come to its end."""
    steps = snapshot["steps"]
    if not steps or position >= len(steps) * (snapshot["repeat"] + 1):
        return None
    turn, index = divmod(position, len(steps))
    step = steps[index]
    return FrozenStep(position, index + 1, turn + 1, tuple(step["targets"]), timedelta(seconds=step["escalate_after"]))


def missed(snapshot: Mapping[str, Any], position: int, due_at: datetime, now: datetime) -> list[FrozenStep]:
    """The steps that went by while the engine was away: the current one is the first not among them.

    A step is missed only if the engine is more than AWAY late for it and the next one is due as well; an engine that is
    merely slow leaves nothing out.
    """
    gone: list[FrozenStep] = []
    step = step_at(snapshot, position)
    while step and now - due_at > AWAY and due_at + step.span <= now and step_at(snapshot, step.position + 1):
        gone.append(step)
        due_at += step.span
        step = step_at(snapshot, step.position + 1)
    return gone


def timetable(snapshot: Mapping[str, Any], start: datetime) -> list[tuple[datetime, FrozenStep | None]]:
    """When each step would run if nobody ever acknowledged; the last entry, without a step, is the end of the chain."""
    at, position, entries = start, 0, []
    while step := step_at(snapshot, position):
        entries.append((at, step))
        at, position = at + step.span, position + 1
    return [*entries, (at, None)]
