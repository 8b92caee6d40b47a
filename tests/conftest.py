import gc
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.template.base import Template
from django.template.context import Context
from django.test import TransactionTestCase, override_settings
from django.test.utils import instrumented_test_render  # type: ignore[attr-defined]  # the stubs lack it
from django.utils import timezone
from time_machine import TimeMachineFixture
from xdist.remote import Producer

from config.embedded import testing
from dispatching.channels import memory
from dispatching.delivery import batching
from schedules import clock as our_clock
from schedules.models import User
from tests import chains, emptying, links
from tests.api import Client, client_of
from tests.world import World


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in chains.FIXTURES.keys() & set(getattr(item, "fixturenames", ())):
            if chains.CHAINS.get(chains.path_of(item.nodeid)) != chains.FIXTURES[fixture]:
                raise pytest.UsageError(f"{item.nodeid} asks for “{fixture}”: name its file in tests/chains.py")
        if chains.is_live(item.nodeid):
            item.add_marker("live")
    items.sort(key=lambda item: chains.turn_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> chains.Chains:
    return chains.Chains(config, log)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if chain := chains.CHAINS.get(chains.path_of(item.nodeid)):
        chains.hold(chain, django_settings.VAR_DIR)


def pytest_collection_finish() -> None:
    """What has been imported and collected stays; looking through it again and again took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_keepdb: bool) -> bool:
    """Dropping a database takes ten seconds if a thread of a test still holds a connection to it."""
    return django_db_keepdb or testing.THROWN_AWAY in os.environ


@pytest.fixture(scope="session", autouse=True)
def quick(django_test_environment) -> Iterator[None]:
    """A password takes no second, and a test client does not read all static files before its first request."""
    our_clock.EVERY = 24 * 3600
    Template._render = render_page  # type: ignore[attr-defined]  # the stubs lack it
    TransactionTestCase._fixture_teardown = emptying.empty  # type: ignore[attr-defined]  # the stubs lack it
    with override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"], WHITENOISE_AUTOREFRESH=True
    ):
        yield


def render_page(template: Template, context: Context) -> str:
    """As in Django's tests, but `response.context` keeps the page's context only, no copy for each of its parts."""
    if context.template is template:
        return instrumented_test_render(template, context)
    return template.nodelist.render(context)


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


@pytest.fixture(scope="module")
def lasting(django_db_setup, django_db_blocker) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """`with lasting():` writes rows that stay for all tests of the file; what a test itself writes is taken back as ever.

    Not in a file with tests that have transactions of their own.
    """
    with django_db_blocker.unblock(), transaction.atomic():
        with django_db_blocker.block():
            yield django_db_blocker.unblock
        transaction.set_rollback(True)


@pytest.fixture
def world(db) -> World:
    return World()


# The cast; a file whose people are special makes its own under the same names.


@pytest.fixture
def ana(world: World) -> User:
    return world.person("ana")


@pytest.fixture
def bo(world: World) -> User:
    return world.person("bo")


@pytest.fixture
def coach(db: None) -> Client:
    """The REST API, for somebody who may do everything."""
    return client_of(User.objects.create_superuser("coach"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """K11, P3, invariant 13: after each test with messages their links are opened, one of each kind, and no row changes."""
    fixtures = set(getattr(item, "fixturenames", ()))
    with_database = {"db", "transactional_db"} & fixtures or item.get_closest_marker("django_db")
    if with_database:
        our_clock.of_the_database()  # asked now and not again, so that it is never one of the queries that a test counts
    result = yield
    if with_database and not connection.closed_in_transaction:
        links.check()
    return result
