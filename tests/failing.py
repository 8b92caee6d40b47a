"""A function of the product that raises for one row and works for all others, where no bad data can make it."""

from collections.abc import Callable
from typing import Any


def failing_for(work: Callable[..., Any], row: object) -> Callable[..., Any]:
    """Returns `work`, but it raises if this row, or its id, is among what it is given."""

    def does(*args: object, **more: object) -> object:
        if any(row == each for each in (*args, *more.values())):
            raise LookupError("this row is broken")
        return work(*args, **more)

    return does
