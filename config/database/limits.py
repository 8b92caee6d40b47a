"""How long a database connection waits for anything, for each kind of process (faults O1, O4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; 0 is no limit.

    `connect`, `silence`: how long the server's machine may say nothing, before and after there is a connection.
    `statement`, `lock`: how long one statement may run, and may wait for somebody else's lock.
    `idle`: how long a transaction may be open with nothing to do; then the server ends it and frees its locks.
    """

    connect: int = 3
    silence: int = 10
    statement: int = 0
    lock: int = 5
    idle: int = 10


JOBS = {
    "web": Limits(silence=5, statement=10, lock=2),
    "worker": Limits(statement=30),  # as long as a lease; others have then taken the work over
    # Migrations and exports take their time, and people look at a transaction in a debugger.
    "command": Limits(lock=10, idle=600),
}


def job_of(arguments: Sequence[str]) -> str:
    """The job of a process, by its `sys.argv`."""
    program = PurePath(arguments[0]) if arguments else PurePath()
    name = program.parent.name if program.name == "__main__.py" else program.name
    if name == "granian" or "runserver" in arguments[1:2]:
        return "web"
    return "worker" if name == "celery" and {"worker", "beat"} & set(arguments) else "command"


def settings_of(limits: Limits) -> dict[str, str]:
    """The server's settings for each session. The server, too, gives up a client that has vanished."""
    return {
        "statement_timeout": f"{limits.statement}s",
        "lock_timeout": f"{limits.lock}s",
        "idle_in_transaction_session_timeout": f"{limits.idle}s",
        "client_connection_check_interval": "2s",
        "tcp_keepalives_idle": f"{limits.silence}",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": f"{limits.silence}s",
        # Compiling pays for reports only; on tables without statistics it took seconds, every two seconds (faults O3).
        "jit": "off",
    }


def options_of(limits: Limits, given: Mapping[str, Any], *, pooler: bool) -> dict[str, Any]:
    """Options for Django's DATABASES, on top of those of DATABASE_URL, which win.

    A pooler in transaction mode gives each transaction another session: nothing may be prepared in one, and settings of
    the session would be somebody else's. Those have to be settings of the role then (`config.database.base` checks it).
    """
    ours: dict[str, Any] = {
        "server_side_binding": True,
        "connect_timeout": limits.connect,
        "keepalives_idle": limits.silence,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": limits.silence * 1000,
        # Plan a statement once for each connection, not for each event: planning was most of intake's work.
        "prepare_threshold": None if pooler else 5,
    }
    if not pooler:
        asked = [f"-c {name}={value}" for name, value in settings_of(limits).items()]
        ours["options"] = " ".join([*asked, *([given["options"]] if "options" in given else [])])
    return {**ours, **{name: value for name, value in given.items() if name != "options"}}
