import pytest

from dispatching import bulk
from dispatching.channels import memory
from tests.world import World


@pytest.fixture(autouse=True)
def quiet(settings):
    """Tests move the clock and sweep: no alarm rings, and what is sent stays in a list."""
    settings.ALARMS = False
    settings.MEMORY_CHANNEL = True
    memory.clear()
    bulk.away.clear()


@pytest.fixture
def world(db) -> World:
    return World()
