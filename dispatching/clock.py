"""The database's clock, by which everything is due: machines whose own clocks differ agree on it (faults E1)."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """UTC; a query of its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
