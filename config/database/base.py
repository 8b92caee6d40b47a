"""Django's PostgreSQL with a check of each new connection: its limits are in force, and a pooler does not mix sessions up."""

from typing import Any

import psycopg
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base

# Without these a vanished machine or one long query stops everybody else (faults O1, O4, S9).
NEEDED = ("idle_in_transaction_session_timeout", "lock_timeout")
LOOK = "SELECT pg_backend_pid(), name, setting::int FROM pg_settings WHERE name = ANY(%s)"
POOLER = (
    "DATABASE_URL leads to a pooler such as pgbouncer. Set DATABASE_POOLER=1, "
    "and give the role its limits as docs/operate.md says; or connect to PostgreSQL itself."
)
ROLE = (
    "With DATABASE_POOLER=1 the role needs limits of its own, and {} has none. As docs/operate.md says: "
    "ALTER ROLE … SET {} = …; then reconnect the pooler to the server."
)

ENCODING = (
    "The database of DATABASE_URL is in the encoding {}, in which texts come back as bytes. "
    "Make one with: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0;"
)


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection:
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            if "unsupported startup parameter" in str(error):  # by older ones; newer ones take it
                raise ImproperlyConfigured(POOLER) from None
            raise
        try:
            check(connection, pooler=conn_params["prepare_threshold"] is None)
        except BaseException:
            connection.close()
            raise
        return connection


def check(connection: psycopg.Connection, *, pooler: bool) -> None:
    """Raises ImproperlyConfigured if sessions are shared without our knowing, texts are bytes, or limits are not in force."""
    with psycopg.Cursor(connection) as cursor:
        rows = cursor.execute(LOOK, [list(NEEDED)]).fetchall()
    connection.rollback()
    # A pooler invents a process number, because a client keeps no session of its own.
    if not pooler and rows[0][0] != connection.info.backend_pid:
        raise ImproperlyConfigured(POOLER)
    if (encoding := connection.info.parameter_status("server_encoding")) != "UTF8":
        raise ImproperlyConfigured(ENCODING.format(encoding))
    if unlimited := [name for _, name, value in rows if not value]:
        raise ImproperlyConfigured(ROLE.format(" and ".join(unlimited), unlimited[0]))
