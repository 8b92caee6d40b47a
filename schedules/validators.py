"""Validators for texts in forms; their errors are sentences for people."""

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError

from schedules import holidays
from schedules.rules import hours

# Neither XML nor a header of a mail can contain them, and nobody can see them; line ends and tabs are none of them.
_unprintable = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")

_line_end = re.compile(r"[\n\r\u2028\u2029]")

# The validators of the settings, in one sentence.
PASSWORD = "At least 10 characters; not only digits, not a common password, not like your name."

YEARS = (1970, 2200)  # of dates and instants that people type in; the second one is too late


def printable(text: Any) -> None:
    """Refuses a text with control characters (faults J8, S10)."""
    if isinstance(text, str) and (match := _unprintable.search(text)):
        raise ValidationError(
            f"Character {match.start() + 1} is a control character (U+{ord(match[0]):04X}), which nobody can see. Delete it."
        )


def only_printable(fields: Iterable[Any]) -> None:
    """Adds `printable` to the validators of these fields of a form or a serializer."""
    for field in fields:
        field.validators.append(printable)


def one_line(text: Any) -> None:
    """Refuses line ends where there is one line only, such as in a name, which may come into the header of a mail (S19)."""
    if isinstance(text, str) and _line_end.search(text):
        raise ValidationError("Write this in one line.")


def in_reach(day: date) -> None:
    """Refuses a date or an instant that some zones could not show, or that is a mistake."""
    if not YEARS[0] <= day.year < YEARS[1]:
        raise ValidationError(f"The year must lie between {YEARS[0]} and {YEARS[1] - 1}.")


def valid_hours(text: str) -> None:
    try:
        hours.parse(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def valid_days(text: str) -> None:
    try:
        hours.days(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def valid_region(code: str) -> None:
    if not holidays.known(code):
        raise ValidationError(
            f"“{code}” is not a country or state with known public holidays. Write, for example, GB, DE, DE-BE or IN-KA."
        )
