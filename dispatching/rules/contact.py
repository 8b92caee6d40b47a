"""In which order a person is reached: contact point × delay."""

from collections.abc import Iterable
from datetime import timedelta


def chain(usable: Iterable[int], delays: Iterable[tuple[int, timedelta]]) -> list[tuple[int, timedelta]]:
    """(contact point, delay after the page begins), earliest first.

    `usable` are the contact points that may be used, `delays` the person's own rules. Without a rule for any usable
    contact point all are used at once: a rule may only ever slow down what works, never silence it.
    """
    able = list(usable)
    ruled = [(point, delay) for point, delay in delays if point in able]
    if not ruled:
        return [(point, timedelta(0)) for point in able]
    # The chain starts when the page does, even if its first contact point has become unusable.
    head_start = min(delay for _, delay in ruled)
    return sorted(((point, delay - head_start) for point, delay in ruled), key=lambda link: link[1])


def retry_after(attempt: int, *, hint: int | None = None) -> timedelta:
    """How long to wait after a temporary failure of this attempt (1, 2, …); the provider's own wish counts if longer."""
    backoff = (5, 15, 45, 120, 300)
    seconds = backoff[min(attempt, len(backoff)) - 1]
    return timedelta(seconds=max(seconds, hint or 0))


def retry_patiently(attempt: int, *, spread: float, hint: int | None = None) -> timedelta:
    """The same for what is of use for hours: ten tries in about an hour, then one an hour.

    `spread` is from 0 to 1, another one for each: thousands that failed together do not come back together.
    """
    backoff = (5, 15, 45, 120, 300, 480, 480, 480, 480, 480, 3600)
    seconds = backoff[min(attempt, len(backoff)) - 1] * (1 + spread / 4)
    return timedelta(seconds=max(seconds, hint or 0))
