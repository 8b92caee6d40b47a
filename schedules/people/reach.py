"""Finds people who cannot be reached, by checks that the code for contact points registers."""

from collections.abc import Callable, Iterable

Check = Callable[[set[int]], set[int]]

_checks: list[Check] = []


def register(check: Check) -> None:
    """Adds a check; call it once, when the application starts. `check` picks the ids of users who cannot be reached."""
    if check not in _checks:
        _checks.append(check)


def unreachable(users: Iterable[int]) -> set[int]:
    """The ids among `users` of people who cannot be reached by any means; makes one query for each check."""
    asked = set(users)
    return {user for check in _checks for user in check(asked)} if asked else set()
