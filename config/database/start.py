"""Connects once at the start of a process, so that a database that cannot work is refused then and not at night."""

import contextlib

from django.db import OperationalError, connection


def try_out() -> None:
    """Raises ImproperlyConfigured with a sentence. A database that is away is no reason not to start: it comes back."""
    with contextlib.suppress(OperationalError):
        connection.ensure_connection()
    connection.close()
