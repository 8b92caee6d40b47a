"""What the measurements share: a product with 50 services and 20 people, the bare endpoint beside it, the sender."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

from config.embedded.run import commands
from tests.live import Product, SmtpSink, eventually
from tests.live.product import ROOT, WORKERS, free_port

HERE = Path(__file__).parent
BARE = "benchmarks.bare.wsgi:application"
BEHIND_THE_WEB = (*WORKERS, "beat")
BUSY = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = current_database()"


class Stage:
    """A running product with its sink, the keys of its services, and a connection of our own to its database."""

    def __init__(self, product: Product, sink: SmtpSink):
        self.product, self.sink = product, sink
        self.keys: list[str] = product.seed("storm", services=50, people=20)
        self.database = psycopg.connect(product.database_url, autocommit=True)
        self.database.execute("SET lock_timeout = '2s'")
        self._runs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.database.close()

    def send(self, *, services: int = 50, **job: Any) -> dict[str, Any]:
        """Has the sender send (benchmarks.load.Job) and returns what it tells; each call has dedup keys of its own."""
        self._runs += 1
        prefix = f"bench{self._runs}"
        place = {"own": "events"}.get(job.get("format", "own"), job.get("format"))
        paths = [f"/integrations/{key}/{place}/" for key in self.keys[:services]]
        return {"prefix": prefix, **load({"port": self.product.port, "paths": paths, "prefix": prefix} | job)}

    def clear(self) -> None:
        """Forgets all alerts and deliveries, and with them whatever somebody is doing about them just then."""
        for _ in range(10):
            with contextlib.suppress(psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                self.database.execute("TRUNCATE dispatching_alert, dispatching_delivery CASCADE")
                break
        else:
            raise AssertionError("the tables could not be emptied: somebody holds a lock")
        self.database.execute("CHECKPOINT")

    @contextlib.contextmanager
    def web_only(self) -> Iterator[None]:
        """Nobody works behind the web meanwhile: the workers and beat are held still, outside a transaction."""
        assert eventually(self._hold_still, 30), "the workers could not be held still between two transactions"
        try:
            yield
        finally:
            self.clear()
            for waiting in (self.product.var_dir / "broker" / "queues").glob("=*/*"):
                waiting.unlink(missing_ok=True)
            self._signal(signal.SIGCONT)

    def _hold_still(self) -> bool:
        self._signal(signal.SIGSTOP)
        time.sleep(0.1)
        if self.database.execute(BUSY).fetchone() == (0,):
            return True
        self._signal(signal.SIGCONT)
        return False

    def _signal(self, signum: int) -> None:
        for name in BEHIND_THE_WEB:
            self.product.signal(name, signum)


class Bare:
    """The bare endpoint: the same server with the same options, a database of its own in the same PostgreSQL."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self.port = free_port()
        self._runs = 0

    def __enter__(self) -> Self:
        self.stage.database.execute("CREATE DATABASE bare")
        url = make_conninfo(self.stage.product.database_url, dbname="bare")
        self.database = psycopg.connect(url, autocommit=True)
        self.database.execute((HERE / "bare" / "tables.sql").read_text())
        command = list(commands("127.0.0.1", self.port)["web"])
        command[command.index("rsgi")] = "wsgi"
        command[-1:] = ["--blocking-threads", "8", "--blocking-threads-idle-timeout", "600", BARE]
        address = self.stage.product.database_url.removesuffix("/tocsin") + "/bare"
        env = {**os.environ, "DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "benchmarks.bare.settings"}
        self.log = open(self.stage.product.var_dir / "log" / "bare.log", "wb")  # noqa: SIM115  closed in __exit__
        self._process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=self.log, stderr=self.log)
        assert eventually(self._listens, 30), Path(self.log.name).read_text()
        return self

    def __exit__(self, *_) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(20)
        self.log.close()
        self.database.close()

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def send(self, *, services: int = 1, **job: Any) -> dict[str, Any]:
        self._runs += 1
        paths = ["/integrations/benchmark/events/"]
        return load({"port": self.port, "paths": paths, "prefix": f"bare{self._runs}"} | job)

    def clear(self) -> None:
        self.database.execute("TRUNCATE alert, event")
        self.database.execute("CHECKPOINT")


def load(job: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-I", str(HERE / "load.py")]
    done = subprocess.run(command, input=json.dumps(job), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)
