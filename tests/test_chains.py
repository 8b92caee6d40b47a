"""What runs after one another in one worker (tests/chains.py); that it did is checked before each of its tests."""

from pathlib import Path

import pytest

from tests import chains

ROOT = Path(__file__).resolve().parent.parent


def test_the_files_that_are_named_are_there():
    assert [path for path in (*chains.CHAINS, *chains.LONG) if not (ROOT / path).is_file()] == []


def test_a_chain_and_a_file_go_to_one_worker_and_long_tests_to_any():
    live, machines = "tests/stories/test_live.py::test_a", "tests/stories/test_machines_live.py::test_b[x@y]"
    assert chains.scope_of(live) == chains.scope_of(machines) == "product"
    assert chains.scope_of("tests/test_links.py::test_a") == chains.scope_of("tests/test_links.py::test_b[1]")
    long = "tests/test_permissions.py::test_a"
    assert chains.scope_of(long) == long
    assert sorted(["tests/test_links.py", long, machines, live], key=chains.turn_of)[:3] == [live, machines, long]


def test_a_second_worker_of_a_chain_is_refused(tmp_path):
    chains.hold("x", tmp_path)
    assert chains.hold("x", tmp_path), "the same worker again"
    with pytest.raises(pytest.fail.Exception, match="Another worker runs tests of the chain “x”"):
        chains.hold.__wrapped__(
            "x", tmp_path
        )  # as if it were another process: locks belong to what has opened the file
