"""Work in parts, each of which is done although another one fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Do = Callable[..., int]


@contextmanager
def apart(name: str) -> Iterator[Do]:
    """Yields `do(part, *args)`, which returns what `part(*args)` returns, or 0 if it raises (faults A15).

    When all is done, what was raised is raised together, so that nothing is recorded as complete that was not.
    """
    errors: list[Exception] = []

    def do(part: Do, *args: object) -> int:
        try:
            return part(*args)
        except Exception as error:  # the next part does not depend on this one
            errors.extend(error.exceptions if isinstance(error, ExceptionGroup) else [error])
            return 0

    yield do
    if errors:
        raise ExceptionGroup(name, errors)
