"""Validators for texts in forms; their errors are sentences for people."""

from django.core.exceptions import ValidationError

from schedules import holidays
from schedules.rules import hours


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
            f"“{code}” is not a country or state with known public holidays. Write, for example, DE, DE-BE or IN-KA."
        )
