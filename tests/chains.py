"""Which tests run one after another in one worker, and in which order the workers take them up.

The groups of pytest-xdist itself (`--dist loadgroup`) do nothing under pytest 9.2: it marks them in `Item._nodeid`, which is
read no longer. So two products ran beside each other, and each worker started its own.
"""

import fcntl
from functools import cache
from pathlib import Path
from typing import TextIO

import pytest
from xdist.scheduler import LoadScopeScheduling

# They run the product and look at the clock on the wall: one product at a time, because two would measure each other.
# In this order: the last test of `live` stops the product that they share, and the machines have one of their own.
PRODUCT = ("subscribing_live", "alertmanager", "fanout", "recovery", "live", "machines_live")
BROWSER = ("browser", "forms", "push", "subscribing")
CHAINS = {
    **{f"tests/stories/test_{name}.py": "product" for name in PRODUCT},
    **{f"tests/stories/test_{name}.py": "browser" for name in BROWSER},
    "tests/stakeholders/subscriptions/test_browser.py": "browser",
}
FIXTURES = {"tocsin": "product", "browser": "browser"}
# These, too, start processes of their own.
STARTING = ("tests/config/test_settings.py", "tests/config/test_gate.py", "tests/config/embedded/")
# Tests of these files are long: each may go to any worker, and they begin early, so that no worker waits for the last of them.
LONG = (
    "tests/test_permissions.py",
    "tests/dispatching/test_api_junk.py",
    "tests/stakeholders/subscriptions/test_bounces.py",
    "tests/schedules/rota/test_admin.py",
    "tests/stories/test_escalation.py",
)


def path_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def scope_of(nodeid: str) -> str:
    """What is given to one worker as a whole: a chain, a file with what its tests share, or one long test."""
    path = path_of(nodeid)
    return nodeid if path in LONG else CHAINS.get(path, path)


def is_live(nodeid: str) -> bool:
    """Whether it needs a browser, a running product or processes of its own; `make test-fast` leaves it out."""
    return path_of(nodeid) in CHAINS or nodeid.startswith(STARTING)


def turn_of(nodeid: str) -> int:
    """Chains first, then what is long; of two tests with the same turn the one collected first."""
    path, early = path_of(nodeid), (*CHAINS, *LONG)
    return early.index(path) if path in early else len(early)


class Chains(LoadScopeScheduling):
    """Gives each worker a scope at a time, in the order of collection."""

    def __init__(self, config: pytest.Config, log=None) -> None:
        config.option.loadscopereorder = False  # which would put many short tests before few long ones
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


@cache
def hold(chain: str, folder: Path) -> TextIO:
    """Makes sure that no other worker runs tests of this chain while this one lives."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / f"tests of {chain}.lock", "w")  # noqa: SIM115  closed with the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pytest.fail(f"Another worker runs tests of the chain “{chain}”: tests/chains.py does not hold them together.")
    return lock
