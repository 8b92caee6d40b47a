"""A pytest plugin: without DATABASE_URL the tests get a PostgreSQL of their own, thrown away when they end."""

import atexit
import contextlib
import os

import pytest

from config.embedded import postgres

_cluster = contextlib.ExitStack()
atexit.register(_cluster.close)  # also when pytest stops before it has configured itself


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before pytest-django reads the settings. The workers of xdist inherit the environment, and so the cluster."""
    if not os.environ.get("DATABASE_URL"):
        url, var_dir = _cluster.enter_context(postgres.throwaway())
        os.environ["DATABASE_URL"] = url
        os.environ.setdefault("VAR_DIR", str(var_dir))
