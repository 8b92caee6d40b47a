"""Building blocks of the forms on people's own pages; times are in the reader's own zone."""

import re
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, UniqueConstraint
from django.utils.dateparse import parse_datetime

from schedules.refused import Refused
from schedules.rules.rotation import instant
from schedules.templatetags.times import span
from schedules.validators import in_reach, one_line, only_printable

SPAN = re.compile(
    r"(?=\d)(?:(?P<days>\d{1,5}) ?d(?:ays?)?)?\s*(?:(?P<hours>\d{1,6}) ?h(?:ours?)?)?\s*"
    r"(?:(?P<minutes>\d{1,6}) ?m(?:in(?:utes?)?)?)?\s*(?:(?P<seconds>\d{1,6}) ?s(?:ec(?:onds?)?)?)?",
    re.IGNORECASE,
)
AMBIGUOUS = re.compile(r"[\d.,]+|\d+:\d+")


def blame(form: forms.BaseForm, refused: Refused) -> None:
    """Shows on the form why its verb was refused: at the field at fault, if the form has it, else for the whole form."""
    form.add_error(refused.field if refused.field in form.fields else None, str(refused))


def limits(field: models.Field) -> dict[str, str]:
    """The sentences about a value of this field that is too small or too large."""
    more, less = ("later", "earlier") if isinstance(field, models.DateField) else ("more", "less")
    sentences = {"min_value": f"Enter %(limit_value)s or {more}.", "max_value": f"Enter %(limit_value)s or {less}."}
    for validator in field.validators:
        if isinstance(validator, MinValueValidator | MaxValueValidator) and isinstance(
            validator.limit_value, timedelta
        ):
            words = sentences[validator.code]
            sentences[validator.code] = words.replace("%(limit_value)s", span(validator.limit_value))
    return sentences


class OneErrorForm(forms.ModelForm):
    """Says once, and at the field, that a name is taken, if a constraint refuses it in any case of letters, too (C19)."""

    def validate_unique(self) -> None:
        for constraint in self.instance._meta.constraints:
            if isinstance(constraint, UniqueConstraint) and constraint.expressions:
                self._at_field(constraint, str(constraint.violation_error_message))
        super().validate_unique()

    def _at_field(self, constraint: Any, sentence: str) -> None:
        names = [part.name for term in constraint.expressions for part in term.flatten() if isinstance(part, F)]  # type: ignore[attr-defined]
        if len(names) != 1 or names[0] not in self.fields or sentence not in self.non_field_errors():
            return
        others = [error for error in self.errors.pop(NON_FIELD_ERRORS) if error != sentence]
        for error in others:
            self.add_error(None, error)
        self.add_error(names[0], sentence)  # from now on the field is left out of the other check


class LocalField(forms.DateTimeField):
    """A date and a time in the zone `zone`, cleaned to UTC. A time that occurs twice means the first one."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    zone = ZoneInfo("UTC")

    def to_python(self, value: Any) -> datetime | None:
        if value in self.empty_values:
            return None
        try:
            wall = parse_datetime(str(value).strip())
        except ValueError:
            wall = None
        if wall is None or wall.tzinfo:
            raise forms.ValidationError("This is not a date and a time. Example: 2026-01-05 09:00.")
        in_reach(wall)
        return instant(wall.date(), wall.time(), self.zone)


class SpanField(forms.DurationField):
    """A length of time: "5 min", "1 h 30 min", "2 days" or "01:30:00".

    Refuses what Django takes for seconds ("5") or for minutes and seconds ("1:00"), because people mean something else by it.
    """

    default_error_messages: ClassVar = {
        "invalid": "Enter a length of time with its unit, for example 5 min, 1 h 30 min, 2 days or 01:30:00."
    }

    def prepare_value(self, value: Any) -> Any:
        """The length as people write it: “1 h 30 min”."""
        if not isinstance(value, timedelta) or value < timedelta(0) or value.microseconds:
            return super().prepare_value(value)
        minutes, seconds = divmod(value.seconds, 60)
        parts = [
            (value.days, "days" if value.days > 1 else "day"),
            (minutes // 60, "h"),
            (minutes % 60, "min"),
            (seconds, "s"),
        ]
        return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"

    def to_python(self, value: Any) -> timedelta | None:
        if not isinstance(value, str) or not value.strip():
            return super().to_python(value)
        words = value.strip()
        if parts := SPAN.fullmatch(words):
            return timedelta(**{unit: int(number) for unit, number in parts.groupdict().items() if number})
        if AMBIGUOUS.fullmatch(words):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(words)


Kind = TypeVar("Kind", bound=forms.Field)


def field_of(form: forms.BaseForm, name: str, kind: type[Kind]) -> Kind:
    """The form's field of this name, which is of this kind."""
    named = form.fields[name]
    assert isinstance(named, kind)
    return named


class PageForm(forms.BaseForm):
    """A form on one of our own pages; its times are in the reader's zone, `zone`. Control characters are refused."""

    fields: dict[str, forms.Field]

    def __init__(self, data: Any = None, *, zone: ZoneInfo = LocalField.zone, **kwargs: Any) -> None:
        super().__init__(data, label_suffix="", **kwargs)
        texts = [field for field in self.fields.values() if isinstance(field, forms.CharField)]
        only_printable(texts)
        for text in texts:
            if not isinstance(text.widget, forms.Textarea):
                text.validators.append(one_line)
        for field in self.fields.values():
            if isinstance(field, LocalField):
                field.zone = zone
