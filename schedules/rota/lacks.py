"""Says what is missing in a saved rotation or schedule: people, layers, or somebody else for the backup (C18)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import combinations

from schedules.models import Layer, Override, Rotation, Schedule, User
from schedules.rules import hours


def of_rotation(rotation: Rotation) -> list[str]:
    """Sentences about a list of people that is empty, or too short for the layers that read it."""
    return _of(rotation, _layers(rotation))


def of_schedule(schedule: Schedule, now: datetime) -> list[str]:
    """Sentences about a schedule without layers or overrides to come, or about the lists that its layers read."""
    layers = list(Layer.objects.filter(schedule=schedule).select_related("rotation"))
    if not layers and not Override.objects.filter(schedule=schedule, end__gt=now).exists():
        return [f"Nobody is on duty on {schedule}: it has no layers."]
    rotations = {layer.rotation.pk: layer.rotation for layer in layers if layer.rotation}
    return [text for rotation in rotations.values() for text in _of(rotation, _layers(rotation), schedule)]


def _layers(rotation: Rotation) -> list[Layer]:
    """The layers that read the rotation, earlier ones of a schedule first; if none reads the main position, one that always does."""
    layers = list(Layer.objects.filter(rotation=rotation).order_by("schedule", "order", "pk"))
    return layers if any(layer.position == 0 for layer in layers) else [Layer(rotation=rotation), *layers]


def _of(rotation: Rotation, layers: Iterable[Layer], schedule: Schedule | None = None) -> list[str]:
    crews = [crew.people for crew in rotation.participants.select_related("user", "partner")]
    if not crews:
        return [f"Nobody takes turns in {rotation}: it has no people."]
    pairs = (
        pair for pair in combinations(layers, 2) if not schedule or schedule.pk in {one.schedule_id for one in pair}
    )
    doubled = {user: None for pair in pairs if _at_once(*pair) for user in _shared(crews, *pair)}
    names = ", ".join(map(str, doubled))
    return [f"{rotation} puts the same person on duty as main and as backup at once: {names}."] if names else []


def _at_once(earlier: Layer, later: Layer) -> bool:
    """Whether both layers count at the same time, at different positions: a later one of a schedule wins, unless it adds."""
    if earlier.position == later.position or earlier.schedule_id == later.schedule_id and not later.adds:
        return False
    return hours.overlap(hours.parse(earlier.hours), hours.parse(later.hours))


def _shared(crews: Sequence[tuple[User, ...]], *layers: Layer) -> Iterator[User]:
    """The people who have a turn at both positions at the same time."""
    for first in range(len(crews)):
        one, other = (crews[(first + layer.position) % len(crews)] for layer in layers)
        yield from (user for user in one if user in other)
