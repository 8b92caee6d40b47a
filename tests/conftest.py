import pytest

from dispatching.channels import memory
from tests.world import World


@pytest.fixture(autouse=True)
def quiet(settings):
    """Tests move the clock and sweep: no alarm rings, and what is sent stays in a list."""
    settings.ALARMS = False
    settings.MEMORY_CHANNEL = True
    memory.clear()


@pytest.fixture
def world(db) -> World:
    return World()
