"""What other apps know about an alert, such as the outage that it belongs to: lines for its page and for the mails about it (C6)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from dispatching.models import Alert


@dataclass(frozen=True, slots=True)
class Line:
    """`path` leads to a page that only people who may enter the admin can see."""

    label: str
    text: str
    path: str = ""


Lines = Mapping[int, list[Line]]
Source = Callable[[Collection[int]], Lines]

_mailed: list[Source] = []
_shown: list[Source] = []


def register(source: Source, *, mailed: bool) -> None:
    """Adds a source, which gives the lines of alerts by their ids; call it once, when the application starts.

    `mailed`: also in the mails, for which it is asked once for all alerts of a pass.
    """
    sources = _mailed if mailed else _shown
    if source not in sources:
        sources.append(source)


def on_page(alert: Alert) -> list[Line]:
    return [line for source in (*_mailed, *_shown) for line in source([alert.pk]).get(alert.pk, ())]


def in_mails(alerts: Collection[int]) -> dict[int, list[Line]]:
    lines_of: dict[int, list[Line]] = {}
    for source in _mailed if alerts else ():
        for pk, lines in source(alerts).items():
            lines_of.setdefault(pk, []).extend(lines)
    return lines_of
