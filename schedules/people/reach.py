"""Who cannot be reached: asked here, answered by whoever knows about contact points."""

from collections.abc import Callable, Iterable

Check = Callable[[set[int]], set[int]]

_checks: list[Check] = []


def register(check: Check) -> None:
    """To be called once, when the application starts; `check` picks, of users' ids, those who cannot be reached."""
    if check not in _checks:
        _checks.append(check)


def unreachable(users: Iterable[int]) -> set[int]:
    """Of these users' ids, those who cannot be reached by any means; one query a check."""
    asked = set(users)
    return {user for check in _checks for user in check(asked)} if asked else set()
