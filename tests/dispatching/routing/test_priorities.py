"""Priorities are the same for the whole organisation, few, and chosen by few criteria."""

import pytest

from dispatching.models import Priority
from schedules.models import User
from tests.browser import browser_of, text

pytestmark = pytest.mark.django_db
ADD = "/admin/dispatching/priority/add/"


@pytest.fixture
def coach(db):
    return browser_of(User.objects.create_superuser("coach"))


def test_there_are_at_most_five(coach):
    """B133"""
    assert coach.post(ADD, {"level": 5, "name": "P5"}).status_code == 302
    for level in (0, 5, 6):
        answer = coach.post(ADD, {"level": level, "name": "more"})
        assert "level" in answer.context["adminform"].form.errors
    assert Priority.objects.count() == 1


@pytest.mark.parametrize(("lines", "warned"), [(5, False), (6, True)])
def test_more_than_five_criteria_are_saved_with_a_warning(coach, lines, warned):
    """B133"""
    text_ = "\n\n".join(f"criterion {n}" for n in range(lines))
    page = text(coach.post(ADD, {"level": 1, "name": "P1", "description": text_}, follow=True))
    assert (f"P1 has {lines} criteria" in page) is warned
    assert Priority.objects.get().criteria[-1] == f"criterion {lines - 1}"
