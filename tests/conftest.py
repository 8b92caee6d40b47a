from collections.abc import Generator
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from time_machine import TimeMachineFixture

from dispatching.channels import memory
from dispatching.delivery import batching
from schedules import clock as our_clock
from tests import links
from tests.world import World


@pytest.fixture(autouse=True)
def quiet(settings):
    """Tests move the clock and sweep: no alarm rings, and what is sent stays in a list."""
    settings.ALARMS = False
    settings.MEMORY_CHANNEL = True
    memory.clear()
    batching.away.clear()


@pytest.fixture
def clock(time_machine: TimeMachineFixture, monkeypatch: pytest.MonkeyPatch) -> TimeMachineFixture:
    """`clock.move_to(…)` and `clock.shift(…)` move what the product takes for now, and the host's clock with it.

    `time_machine` alone moves the host's: what the product does must not change by that (faults E1).
    """
    monkeypatch.setattr(our_clock, "source", timezone.now)
    return time_machine


@pytest.fixture
def world(db) -> World:
    return World()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """K11, P3, invariant 13: after each test with messages their links are opened, one of each kind, and no row changes."""
    result = yield
    with_database = {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())) or item.get_closest_marker(
        "django_db"
    )
    if with_database and not connection.closed_in_transaction:
        urls = links.one_of_each_kind(links.urls_of(memory.outbox) | links.urls_elsewhere())
        assert links.written_by_opening(urls.values()) == {}, f"opening one of these has changed rows: {urls}"
    return result
