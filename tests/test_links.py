"""The check that runs after each test with messages (tests/conftest.py) notices what it has to."""

from datetime import timedelta

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from dispatching.channels import memory
from dispatching.models import Priority
from tests import links

pytestmark = pytest.mark.django_db


def writes(request: HttpRequest, token: str) -> HttpResponse:
    if request.method == "HEAD":
        Priority.objects.filter(level=1).update(name="changed")
    return HttpResponse()


urlpatterns = [path("a/<str:token>/", writes)]


def test_a_page_that_writes_on_head_is_found(settings):
    """K11, Must show 5"""
    Priority.objects.create(level=1, name="P1")
    settings.ROOT_URLCONF = __name__
    assert links.written_by_opening(["/a/x/"]) == {"dispatching_priority": 1}
    assert Priority.objects.get().name == "P1"


def test_the_links_of_a_page_are_found_where_it_says_them(world):
    """Must show 5: in the words, and in what machines get."""
    ana = world.person("ana")
    world.trigger(world.service(world.policy((timedelta(hours=1), ana))))
    urls = links.urls_of(memory.outbox)
    assert list(links.one_of_each_kind(urls)) == ["alert_page"] and not any("\\" in url for url in urls)
