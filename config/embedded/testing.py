"""A pytest plugin: without DATABASE_URL, starts a PostgreSQL for the tests and removes it when they end. Mail goes to files."""

import atexit
import contextlib
import os

import pytest

from config.embedded import postgres

THROWN_AWAY = (
    "TOCSIN_TESTS_THROWN_AWAY"  # in the environment of all workers: the databases need not be dropped one by one
)
_cluster = contextlib.ExitStack()
atexit.register(_cluster.close)  # runs even if pytest stops before it is configured


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Starts the cluster before pytest-django reads the settings.

    The workers of xdist inherit the environment, and so use the same cluster.
    """
    os.environ.setdefault("EMAIL_URL", "files")
    if not os.environ.get("DATABASE_URL"):
        url, var_dir = _cluster.enter_context(postgres.throwaway())
        os.environ["DATABASE_URL"], os.environ[THROWN_AWAY] = url, "1"
        os.environ.setdefault("VAR_DIR", str(var_dir))
