"""Query filters that answer junk with 400 (faults J6, J7)."""

from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from schedules.surfaces.fields import instant_of

YES_NO = [("true", "yes"), ("false", "no")]


class _InstantFormField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        try:
            return instant_of(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


class _Described:
    """The schema page says what the filter takes; it would drop the help text of a type that it does not know."""

    schema: ClassVar[dict[str, str]]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        extend_schema_field({**self.schema, "description": kwargs.get("help_text", "")})(self)  # type: ignore[type-var]  # any object


class InstantFilter(_Described, filters.Filter):
    """A moment with an offset."""

    field_class = _InstantFormField
    schema = {"type": "string", "format": "date-time"}


class NumberFilter(_Described, filters.Filter):
    """A whole number: an id, a level."""

    field_class = forms.IntegerField
    schema = {"type": "integer"}


class YesNoFilter(_Described, filters.TypedChoiceFilter):
    """`true` or `false`; the stock one takes junk for “any”."""

    schema = {"type": "boolean"}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, choices=YES_NO, coerce=lambda text: text == "true", **kwargs)


class TextFilter(filters.CharFilter):
    """Text as it stands, spaces included."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, strip=False, **kwargs)
