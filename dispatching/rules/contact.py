"""The order in which a person's contact points are used, with delays, and the delays between retries."""

from collections.abc import Iterable
from datetime import timedelta


def chain(usable: Iterable[int], delays: Iterable[tuple[int, timedelta]]) -> list[tuple[int, timedelta]]:
    """The contact points to use, as (contact point, delay after the page begins), earliest first.

    `usable` are the contact points that may be used, `delays` are the person's own rules. If no usable contact point has a
    rule, all are used at once: rules can delay a working contact point, but can never leave a person without any.
    """
    able = list(usable)
    ruled = [(point, delay) for point, delay in delays if point in able]
    if not ruled:
        return [(point, timedelta(0)) for point in able]
    # The chain starts when the page does, even if its first contact point has become unusable.
    head_start = min(delay for _, delay in ruled)
    return sorted(((point, delay - head_start) for point, delay in ruled), key=lambda link: link[1])


def retry_after(attempt: int, *, hint: int | None = None) -> timedelta:
    """The wait after a temporary failure of this attempt (1, 2, …). `hint`, the provider's own wish in seconds, wins if longer."""
    backoff = (5, 15, 45, 120, 300)
    seconds = backoff[min(attempt, len(backoff)) - 1]
    return timedelta(seconds=max(seconds, hint or 0))


def retry_patiently(attempt: int, *, spread: float, hint: int | None = None) -> timedelta:
    """Like `retry_after`, for messages that are useful for hours: ten tries in about an hour, then one an hour.

    `spread` is from 0 to 1 and differs for each delivery, so that thousands that failed together are not retried together.
    """
    backoff = (5, 15, 45, 120, 300, 480, 480, 480, 480, 480, 3600)
    seconds = backoff[min(attempt, len(backoff)) - 1] * (1 + spread / 4)
    return timedelta(seconds=max(seconds, hint or 0))
