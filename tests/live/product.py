"""Tocsin itself, as `make run` starts it: real processes in a folder that is thrown away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from config.embedded import postgres
from config.embedded.cluster import die_with_parent
from config.embedded.run import QUEUES

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS = tuple(QUEUES)
PROCESSES = ("web", *WORKERS, "beat")
# What a test run or a shell has set for itself is not for the product.
OURS = ("DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL", "PUBLIC_URL", "HOST", "DJANGO_SETTINGS_MODULE", "SECRET_KEY")


class Product:
    """The supervisor and all that it starts, on a free port; a context manager that leaves nothing behind.

    `env` adds to its environment: EMAIL_URL from a sink, CELERY_BROKER_URL and the like.
    """

    def __init__(self, **env: str):
        self.extra = env
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url = ""
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._beside: list[subprocess.Popen[bytes]] = []
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def __enter__(self) -> Self:
        self.var_dir = Path(tempfile.mkdtemp(prefix="tocsin-live-"))
        self.var_dir.chmod(0o711)  # as root the database runs as another user, who must get to its own folder in here
        self.database_url = self.extra.get("DATABASE_URL") or postgres.url(self.var_dir)
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        own = {"VAR_DIR": str(self.var_dir), "PORT": str(self.port), "DEBUG": "0", "SWEEP_SECONDS": "2"}
        self.env = kept | own | self.extra
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        try:
            self.stop()
        finally:
            home = (self.var_dir / "postgres").resolve()
            for folder in (home, self.var_dir):
                shutil.rmtree(folder, ignore_errors=True)

    # --- start and stop -----------------------------------------------------------------------------------------------

    def start(self, *, patience: float = 180) -> None:
        """Starts it and waits until it says that all is well, and every part is at work.

        It says so as soon as one worker has swept; the others may still be loading, and would make the first pages late.
        """
        with open(self.var_dir / "supervisor.log", "ab") as log:
            self._supervisor = self._run(("-m", "config.embedded.run"), stdout=log, stderr=log)
        if not eventually(lambda: not self.is_up() or self.at_work(), patience) or not self.is_up():
            raise AssertionError(f"it did not start:\n{self.last_words()}")
        if self._connection:
            self._connection.close()  # the test may reach the database by another way

    def stop(self, *, patience: float = 40) -> None:
        """Stops all; raises AssertionError if a process of its own is left, and ends that one too."""
        if self._connection:
            self._connection.close()
        for name in PROCESSES:
            self.signal(name, signal.SIGCONT)
        for process in (*self._beside, self._supervisor):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(patience)
        eventually(lambda: not self.living(), 5)
        if left := self.living():
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"left running: {left}\n{self.last_words()}")

    @contextmanager
    def restarted(self, **env: str) -> Iterator[None]:
        """Stops it and starts it on the same data with more in its environment; afterwards it does not run."""
        usual = self.env
        self.stop()
        self.env = usual | env
        try:
            self.start()
            yield
        finally:
            self.stop()
            self.env = usual

    def beside(self, *command: str) -> None:
        """One more process with the product's environment, by the arguments to Python; it ends with the product."""
        with open(self.var_dir / "beside.log", "ab") as log:
            self._beside.append(self._run(command, stdout=log, stderr=log))

    def _run(self, command: tuple[str, ...], **how) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),  # nothing outlives a test run that is killed
            **how,
        )

    def is_up(self) -> bool:
        return self._supervisor is not None and self._supervisor.poll() is None

    def at_work(self) -> bool:
        """Whether its health is green, each worker that runs now has swept, and beat has loaded."""
        if not self.healthy():
            return False
        beat = self.var_dir / "log" / "beat.log"
        swept = {int(row["name"].rpartition("/")[2]) for row in self.rows("SELECT name FROM dispatching_process")}
        return swept.issuperset(map(self.pid, WORKERS)) and "DatabaseScheduler" in beat.read_text()

    def last_words(self) -> str:
        logs = [self.var_dir / "supervisor.log", *sorted((self.var_dir / "log").glob("*.log"))]
        ends = ((log.name, log.read_text(errors="replace").splitlines()[-8:]) for log in logs if log.exists())
        return "\n".join(line for name, lines in ends for line in [f"--- {name}", *lines])

    # --- its processes ------------------------------------------------------------------------------------------------

    def pid(self, name: str) -> int | None:
        """The process of that name (`web`, a queue, `beat`, `postgres`, `supervisor`), if it is alive and ours."""
        try:
            pid = int((self.var_dir / "run" / f"{name}.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self._owns(pid) else None

    def web_workers(self) -> list[int]:
        """The processes that answer requests; `web` itself only looks after them."""
        return [pid for pid in self.living() if parent_of(pid) == self.pid("web")]

    def signal(self, name: str, signum: int = signal.SIGKILL) -> int | None:
        """Sends one process a signal; its process id, or None when it is not alive just now."""
        pid = self.pid(name)
        if pid:
            os.kill(pid, signum)
        return pid

    def living(self) -> list[int]:
        """Every process that belongs to this product, however it was started."""
        found = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
        return [pid for pid in found if self._owns(pid)]

    def _owns(self, pid: int) -> bool:
        """Whether a living process was started for this folder: its environment or command line says so."""
        marks = (os.fsencode(self.var_dir), os.fsencode((self.var_dir / "postgres").resolve()))
        try:
            proc = Path(f"/proc/{pid}")
            said = (proc / "environ").read_bytes() + (proc / "cmdline").read_bytes()
            return any(mark in said for mark in marks)
        except OSError:
            return False

    # --- what one does with it ----------------------------------------------------------------------------------------

    def seed(self, make: str, **how: Any) -> Any:
        """Makes an organisation (a function of tests.live.organisation); returns what that returns."""
        code = f"from tests.live import organisation as o; o.say(o.{make}, **{how!r})"
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=self.env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def healthy(self) -> bool:
        try:
            return self.open("/healthz").status == 200
        except OSError:
            return False

    def open(self, path: str, *, data: bytes | None = None, timeout: float = 10, headers: dict[str, str] | None = None):
        """GET, or POST where there is data; `path` may be a whole address. Raises OSError, HTTPError among them."""
        address = path if path.startswith("http") else self.url + path
        request = urllib.request.Request(address, data=data, headers=headers or {})
        return urllib.request.urlopen(request, timeout=timeout)

    def post_event(self, key: str, dedup_key: str, *, timeout: float = 10, **more: Any) -> dict[str, Any]:
        """Sends one event in our own format; raises OSError unless it is answered with a 2xx."""
        body = json.dumps({"summary": f"{dedup_key} is down", "dedup_key": dedup_key, "action": "trigger"} | more)
        return json.load(self.open(f"/integrations/{key}/events/", data=body.encode(), timeout=timeout))

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Asks the product's database; raises psycopg.OperationalError while that is away."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.database_url, autocommit=True, row_factory=dict_row)
        try:
            return self._connection.execute(statement, values).fetchall()
        except psycopg.OperationalError:
            self._connection.close()
            raise


def eventually(condition: Callable[[], Any], seconds: float, *, every: float = 0.1) -> bool:
    """Whether the condition comes true within so many seconds; a database that is away counts as not yet."""
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return True
        except psycopg.OperationalError:
            pass
        if time.monotonic() > end:
            return False
        time.sleep(every)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def parent_of(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None
