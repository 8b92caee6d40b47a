"""Which step a run of a policy takes at a position, in which round, and how long its people have to acknowledge.

A position is the number of steps run so far: step = position mod steps, round = position div steps. A policy with N repeats
has N + 1 rounds; after the last one the last resort is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

# If the engine is later than this, it assumes that it was down, and leaves out the steps that are past (faults A17).
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
    """The step at a position; None after the end of the policy."""
    steps = snapshot["steps"]
    if not steps or position >= len(steps) * (snapshot["repeat"] + 1):
        return None
    turn, index = divmod(position, len(steps))
    step = steps[index]
    return FrozenStep(position, index + 1, turn + 1, tuple(step["targets"]), timedelta(seconds=step["escalate_after"]))


def missed(snapshot: Mapping[str, Any], position: int, due_at: datetime, now: datetime) -> list[FrozenStep]:
    """The steps whose time passed while the engine was down. The step to run now is the first one after them.

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


def so_far(snapshot: Mapping[str, Any], position: int, left: timedelta) -> FrozenStep | None:
    """The steps before a position, each once, as one step: all their targets, and the position of the last one.

    Its span is what is `left` until the step at the position runs, or the span of the last one if nothing is left.
    """
    last = step_at(snapshot, position - 1) if position else None
    if last is None:
        return None
    first = max(0, position - len(snapshot["steps"]))
    steps = [step for number in range(first, position) if (step := step_at(snapshot, number))]
    targets = {(target["type"], target["id"]): target for step in steps for target in step.targets}
    return replace(last, targets=tuple(targets.values()), span=left if left > timedelta(0) else last.span)
