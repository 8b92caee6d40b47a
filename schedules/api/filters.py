"""Query filters that answer junk with 400 (faults J6, J7)."""

from datetime import datetime
from typing import Any

from django import forms
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from schedules.api.fields import instant_of

YES_NO = [("true", "yes"), ("false", "no")]


class _InstantFormField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        try:
            return instant_of(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


@extend_schema_field(OpenApiTypes.DATETIME)
class InstantFilter(filters.Filter):
    field_class = _InstantFormField


@extend_schema_field(OpenApiTypes.INT)
class NumberFilter(filters.Filter):
    """A whole number: an id, a level."""

    field_class = forms.IntegerField


class TextFilter(filters.CharFilter):
    """Text as it stands, spaces included."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, strip=False, **kwargs)


@extend_schema_field(OpenApiTypes.BOOL)
class YesNoFilter(filters.TypedChoiceFilter):
    """`true` or `false`; the stock one takes junk for “any”."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, choices=YES_NO, coerce=lambda text: text == "true", **kwargs)
