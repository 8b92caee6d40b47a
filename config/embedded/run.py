"""`make run`: runs all parts of Tocsin on one machine, in the foreground; Ctrl-C or SIGTERM stops them all.

Each part writes VAR_DIR/log/NAME.log, and its process id is in VAR_DIR/run/NAME.pid. A part that ends is started again.
"""

import contextlib
import fcntl
import http.client
import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config.embedded import postgres
from config.embedded.cluster import cap, die_with_parent, until
from config.embedded.loopback import only_here

BASE = Path(__file__).resolve().parent.parent.parent
MARK = "TOCSIN_SUPERVISED_IN"  # in each child's environment, so that the next start finds children left by a kill -9
PATIENCE = 8  # seconds for a child to finish its work
LONGEST_PAUSE = 15
PYTHON = (sys.executable, "-m")
QUEUES = {"engine": 2, "page": 8, "bulk": 4, "housekeeping": 1}  # queue: the threads of its worker
SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class Stopped(BaseException):
    """Raised when somebody asks for a stop, by Ctrl-C or a signal."""


def commands(host: str, port: int) -> dict[str, tuple[str, ...]]:
    """The commands of all parts, by name. docs/operate.md shows nearly the same commands for many machines."""
    web = ("granian", "--interface", "rsgi", "--host", host, "--port", str(port), "--http", "1", "--no-ws",
           "--no-access-log", "--workers", "2", "--backlog", "2048", "--backpressure", "4096",
           "--http1-header-read-timeout", "20000", "--respawn-failed-workers", "--workers-kill-timeout", "5",
           "config.web:application")  # fmt: skip
    celery = ("celery", "-A", "config.celery")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")
    workers = {
        queue: (
            *PYTHON,
            *celery,
            "worker",
            "-Q",
            queue,
            "-n",
            f"{queue}@%h",
            "-P",
            "threads",
            "-c",
            str(threads),
            *quiet,
        )
        for queue, threads in QUEUES.items()
    }
    beat = (*PYTHON, *celery, "beat", "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--pidfile=")
    return {"web": (*PYTHON, *web), **workers, "beat": beat}


class Child:
    """One part: a process in its own process group, started again when it ends, after a pause that grows."""

    def __init__(self, name: str, command: tuple[str, ...], var_dir: Path):
        self.name, self.command = name, command
        self.env = {**os.environ, MARK: str(var_dir)}
        self.log = var_dir / "log" / f"{name}.log"
        self.pid_file = var_dir / "run" / f"{name}.pid"
        self.process: subprocess.Popen[bytes] | None = None
        self.pause, self.not_before, self.born = 0.5, 0.0, 0.0

    def start(self) -> None:
        self.born = time.monotonic()
        with open(self.log, "ab", opener=private) as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=BASE,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        self.pid_file.write_text(f"{self.process.pid}\n")

    def look_after(self) -> None:
        """Starts the process if it is due; if it has ended, says so, kills the rest of its group and plans the next start."""
        cap(self.log)
        if self.process is None:
            if time.monotonic() >= self.not_before:
                self.start()
        elif self.process.poll() is not None:
            lived = time.monotonic() - self.born
            self.pause = 0.5 if lived > 60 else min(self.pause * 2, LONGEST_PAUSE)
            self.not_before = time.monotonic() + self.pause
            say(f"{self.name} ended ({self.process.returncode}) and starts again in {self.pause:.0f} s; see {self.log}")
            self.signal(signal.SIGKILL)
            self.process = None

    def signal(self, signum: int) -> None:
        """Sends a signal to the process if it still runs; SIGKILL goes to its whole group, even if the process has ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if signum == signal.SIGKILL and self.process:
                os.killpg(self.process.pid, signum)
            elif self.process and self.process.poll() is None:
                self.process.send_signal(signum)

    def is_over(self) -> bool:
        return self.process is None or self.process.poll() is not None


def private(path: str, flags: int) -> int:
    """Opens a file that only we may read, also if it was made by an older version (S12)."""
    handle = os.open(path, flags, 0o600)
    os.fchmod(handle, 0o600)
    return handle


def stop(children: list[Child]) -> None:
    """Ends all children: first by SIGTERM, then by SIGKILL. Removes their pid files."""
    for child in children:
        child.signal(signal.SIGTERM)
    until(lambda: all(child.is_over() for child in children), PATIENCE)
    for child in children:
        child.signal(signal.SIGKILL)
    until(lambda: all(child.is_over() for child in children), 2)
    for child in children:
        child.pid_file.unlink(missing_ok=True)


def main() -> None:
    if only_here(os.environ.get("HOST", ""), os.environ.get("PUBLIC_URL", "")):
        os.environ.setdefault("DEBUG", "1")
    try:
        settings = importlib.import_module("config.settings")
    except ImproperlyConfigured as error:
        sys.exit(f"Tocsin cannot start: {error}")
    os.environ["VAR_DIR"] = str(settings.VAR_DIR)
    for signum in SIGNALS:
        signal.signal(signum, asked_to_stop)
    try:
        run(settings)
    except Stopped:
        pass
    except (postgres.EmbeddedPostgresError, OSError) as error:
        sys.exit(f"Tocsin cannot start: {error}")


def asked_to_stop(signum, frame) -> None:
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise Stopped


def run(settings) -> None:
    """Starts all parts, then looks after them until somebody asks for a stop."""
    var_dir: Path = settings.VAR_DIR
    for folder in ("run", "log"):
        (var_dir / folder).mkdir(parents=True, exist_ok=True)
    alone(var_dir)
    end_leftovers(var_dir)
    refuse_used_port(settings.HOST, settings.PORT)
    embedded = not os.environ.get("DATABASE_URL")
    children = [Child(name, command, var_dir) for name, command in commands(settings.HOST, settings.PORT).items()]
    try:
        if embedded:
            say("Starting the database")
            postgres.ensure(var_dir)
        say("Preparing the database")
        prepare()
        look_after(children, embedded, settings)
    finally:
        stop(children)
        if embedded and not postgres.release(var_dir):
            say("The embedded database keeps running: another process uses it.")
        say("Stopped.")


def look_after(children: list[Child], embedded: bool, settings) -> None:
    announced, born = False, time.monotonic()
    while True:
        if embedded:
            try:
                postgres.ensure(settings.VAR_DIR)
            except postgres.EmbeddedPostgresError as error:
                say(str(error))
        for child in children:
            child.look_after()
        # The first sweep soon turns the health page green. If it is red for 15 seconds, show the banner anyway.
        if not announced and answers(settings.HOST, settings.PORT, healthy=time.monotonic() < born + 15):
            announced = True
            print(banner(settings), flush=True)
        time.sleep(0.5 if announced else 0.1)


def prepare() -> None:
    """Migrates, and loads the example organisation into a database without people; exits if that fails."""
    command = [*PYTHON, "config.embedded.prepare"]
    how = {"start_new_session": True, "preexec_fn": die_with_parent(signal.SIGTERM)}
    done = subprocess.run(command, cwd=BASE, check=False, **how)
    if done.returncode:
        sys.exit("Tocsin cannot start: the message above says why.")


def alone(var_dir: Path) -> None:
    """Locks var_dir while this process lives; exits if another supervisor already runs there."""
    handle = os.open(var_dir / "run" / "supervisor.pid", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(handle, 20).decode().strip()
        sys.exit(f"Tocsin already runs in {var_dir} (process {pid}): stop that one, or set VAR_DIR to another folder.")
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())


def end_leftovers(var_dir: Path) -> None:
    """Ends the children of a supervisor that was killed, found by the mark in their environment."""
    mark = f"\0{MARK}={var_dir}\0".encode()
    left = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in environment(path)]
    for signum in (signal.SIGTERM, signal.SIGKILL):
        for path in left:
            if mark in environment(path):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(path.parent.name), signum)
        until(lambda: not any(mark in environment(path) for path in left), 5)


def environment(path: Path) -> bytes:
    try:
        return b"\0" + path.read_bytes()
    except OSError:
        return b""


def refuse_used_port(host: str, port: int) -> None:
    family, kind, _proto, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            sys.exit(f"Tocsin cannot start: PORT {port} on HOST {host} is not available ({error.strerror}). "
                     "Stop the program that uses it, or set PORT to another number.")  # fmt: skip


def answers(host: str, port: int, *, healthy: bool) -> bool:
    """Whether the web server answers and, if `healthy`, whether its health page is green."""
    connection = http.client.HTTPConnection(reach(host), port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        status = connection.getresponse().status
        return status == 200 or not healthy
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reach(host: str) -> str:
    """An address under which this machine reaches a server that listens on host."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)


def banner(settings) -> str:
    base = settings.PUBLIC_URL
    lines = [
        f"  Administration  {base}/admin/",
        f"  On call now     {base}/on-call/",
        f"  API             {base}/api/docs/",
    ]
    if settings.DEBUG and settings.ONLY_HERE:
        lines.append("  Logins          coach, ana, bo, rep   password: example")
    lines.append(f"  Logs            {settings.VAR_DIR}/log/")
    return "\n".join(["", "Tocsin runs.", *lines, "  Stop            Ctrl-C", ""])


def say(text: str) -> None:
    print(f"tocsin: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
