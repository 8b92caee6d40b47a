import pytest

from tests.stakeholders.organisation import Stakeholders


@pytest.fixture
def outside(world) -> Stakeholders:
    """The matrix of Table 8.4, and people who subscribe to its groups."""
    return Stakeholders(world)
