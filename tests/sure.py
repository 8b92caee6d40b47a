"""What must be there for a test to go on."""

from typing import TypeVar

T = TypeVar("T")


def sure(value: T | None) -> T:
    """The value itself; a test without it fails here."""
    assert value is not None
    return value
