"""Query filters that answer malformed values with 400 (faults J6, J7)."""

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
    """Describes the filter to the API schema, which would otherwise drop the help text of a type that it does not know."""

    schema: ClassVar[dict[str, str]]

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        extend_schema_field({**self.schema, "description": kwargs.get("help_text", "")})(self)  # type: ignore[type-var]  # any object


class InstantFilter(_Described, filters.Filter):
    """A moment with an offset."""

    field_class = _InstantFormField
    schema = {"type": "string", "format": "date-time"}


class NumberFilter(_Described, filters.Filter):
    """A whole number, such as an id or a level."""

    field_class = forms.IntegerField
    schema = {"type": "integer"}


class YesNoFilter(_Described, filters.TypedChoiceFilter):
    """`true` or `false`; the package's own filter treats any other text as “any”."""

    schema = {"type": "boolean"}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, choices=YES_NO, coerce=lambda text: text == "true", **kwargs)


class TextFilter(filters.CharFilter):
    """Text exactly as given, spaces included."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, strip=False, **kwargs)
