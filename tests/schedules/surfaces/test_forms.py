"""What people type into a field, and what it means."""

from datetime import date, timedelta

import pytest
from django.contrib.admin import site
from django.contrib.admin.options import BaseModelAdmin
from django.core.exceptions import ValidationError
from django.db import models
from django.test import RequestFactory

from schedules import holidays
from schedules.models import User
from schedules.surfaces.forms import SpanField


@pytest.mark.parametrize(
    ("typed", "minutes"),
    [
        ("5 min", 5),
        ("5m", 5),
        (" 90 minutes ", 90),
        ("1 h", 60),
        ("1 hour 30 min", 90),
        ("1h30m", 90),
        ("2 days", 2880),
        ("1 day 1 h", 1500),
        ("30 s", 0.5),
        ("00:05:00", 5),
        ("1 00:00:00", 1440),
        ("PT5M", 5),
        ("0:00:00", 0),
    ],
)
def test_a_length_of_time_has_a_unit(typed, minutes):
    assert SpanField().clean(typed) == timedelta(minutes=minutes)


@pytest.mark.parametrize("typed", ["5", "5.5", "1:00", "five minutes", "min", "5 min 1 h", "5 mink", "0x5"])
def test_a_number_alone_is_refused_because_it_would_be_seconds(typed):
    with pytest.raises(ValidationError, match="with its unit, for example 5 min"):
        SpanField().clean(typed)


def test_nothing_is_left_empty_and_what_is_shown_comes_back():
    field = SpanField(required=False)
    assert field.clean("") is None
    for length, shown in (
        (timedelta(days=1, hours=2), "1 day 2 h"),
        (timedelta(seconds=5405), "1 h 30 min 5 s"),
        (timedelta(0), "0 min"),
    ):
        assert field.prepare_value(length) == shown and field.clean(shown) == length


def test_uk_is_great_britain_for_public_holidays():
    christmas = date(2026, 12, 25)
    assert holidays.known("UK") and holidays.known("UK-ENG") and not holidays.known("UK-XX")
    assert holidays.between("UK", christmas, christmas) == holidays.between("GB", christmas, christmas) != {}


def test_every_length_of_time_in_the_admin_is_read_so():
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True)
    forms: list[tuple[type[models.Model], BaseModelAdmin]] = list(site._registry.items())
    forms += [(row.model, row) for admin in site._registry.values() for row in admin.get_inline_instances(request)]
    fields = [
        (model.__name__, field.name, admin.formfield_for_dbfield(field, request))
        for model, admin in forms
        for field in model._meta.fields
        if isinstance(field, models.DurationField) and field.editable
    ]
    assert {(model, name) for model, name, _ in fields} >= {("Step", "escalate_after"), ("Schedule", "longest_shift")}
    assert [(model, name) for model, name, field in fields if not isinstance(field, SpanField)] == []
