"""The database if none is configured: PostgreSQL under VAR_DIR/postgres, on a unix socket only.

Each process that uses it holds a shared lock on VAR_DIR/run/postgres.users while it lives. A small keeper process
starts the server, starts it again when it dies, and stops it when nobody holds that lock, even if the last holder was
killed. So nothing has to be stopped by hand, and nothing is left running.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __package__:
    from config.embedded.cluster import (
        DURABLE,
        THROWAWAY,
        Cluster,
        EmbeddedPostgresError,
        accepts,
        cap,
        is_ready,
        until,
        url,
    )
else:  # the keeper runs this file directly, so that it loads nothing else of the project
    sys.path.insert(0, str(Path(__file__).parent))
    from cluster import (  # type: ignore
        DURABLE,
        THROWAWAY,
        Cluster,
        EmbeddedPostgresError,
        accepts,
        cap,
        is_ready,
        until,
        url,
    )

__all__ = ["EmbeddedPostgresError", "ensure", "is_ready", "release", "stop", "throwaway", "url"]

START_SECONDS = 90
_held: dict[Path, int] = {}  # the locks of this process by VAR_DIR, held until it ends


def ensure(var_dir: Path) -> str:
    """Starts the server unless it runs, waits until it answers, and keeps it while this process lives; returns its URL.

    Further calls are quick and safe. Raises EmbeddedPostgresError, whose text is for the operator.
    """
    var_dir = Path(os.path.abspath(var_dir))
    held = var_dir in _held
    if not held:
        _held[var_dir] = _lock(var_dir / "run" / "postgres.users", fcntl.LOCK_SH)
    end = time.monotonic() + START_SECONDS
    keeper: subprocess.Popen[bytes] | None = None
    while not (_keeper_pid(var_dir) and is_ready(var_dir) and (held or accepts(var_dir))):
        if keeper and keeper.poll():
            raise EmbeddedPostgresError(_why(var_dir))
        if time.monotonic() > end:
            raise EmbeddedPostgresError(f"The embedded database did not start in {START_SECONDS} s: {_why(var_dir)}")
        if not _keeper_pid(var_dir) and (keeper is None or keeper.poll() == 0):
            keeper = _start_keeper(var_dir)
        time.sleep(0.02)
    return url(var_dir)


def release(var_dir: Path, *, patience: float = 20) -> bool:
    """Stops using the server; returns whether it has stopped, which it does unless another process uses it."""
    var_dir = Path(os.path.abspath(var_dir))
    if var_dir in _held:
        os.close(_held.pop(var_dir))
    return until(lambda: not _keeper_pid(var_dir) or _in_use(var_dir), patience) and not _keeper_pid(var_dir)


def stop(var_dir: Path, *, patience: float = 30) -> None:
    """Stops the server even if other processes use it."""
    var_dir = Path(os.path.abspath(var_dir))
    if var_dir in _held:
        os.close(_held.pop(var_dir))
    pid = _keeper_pid(var_dir)
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        until(lambda: not _keeper_pid(var_dir), patience)


@contextlib.contextmanager
def throwaway() -> Iterator[tuple[str, Path]]:
    """Yields the URL of a new cluster for tests and its VAR_DIR; removes it afterwards. Quick, but not durable."""
    var_dir = Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    cluster = None
    try:
        var_dir.chmod(0o711)  # if we are root, the server runs as another user, who must reach its folder in here
        cluster = Cluster(var_dir, THROWAWAY)
        cluster.make()
        server = cluster.start()
        if (
            not until(lambda: is_ready(var_dir) or server.poll() is not None, START_SECONDS)
            or server.poll() is not None
        ):
            raise EmbeddedPostgresError(f"The embedded database did not start: {cluster.last_words()}")
        yield url(var_dir), var_dir
    finally:
        if cluster:
            cluster.stop(fast=True)
            shutil.rmtree(cluster.home, ignore_errors=True)
            shutil.rmtree(cluster.sockets, ignore_errors=True)
        shutil.rmtree(var_dir, ignore_errors=True)


def _lock(path: Path, kind: int) -> int:
    """Locks a file, created if necessary; returns its descriptor, which holds the lock until it is closed.

    With LOCK_NB, raises BlockingIOError if the file is locked.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, kind)
    except OSError:
        os.close(handle)
        raise
    return handle


def _is_free(path: Path, kind: int) -> bool:
    """Whether a lock of this kind is available now; LOCK_SH is available unless somebody holds an exclusive lock."""
    try:
        os.close(_lock(path, kind | fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _in_use(var_dir: Path) -> bool:
    """Whether a process uses the server. A keeper that is stopping it holds the exclusive lock and does not count."""
    users = var_dir / "run" / "postgres.users"
    return _is_free(users, fcntl.LOCK_SH) and not _is_free(users, fcntl.LOCK_EX)


def _keeper_pid(var_dir: Path) -> int:
    """The keeper's process id, or 0. The file's text is valid only while the keeper holds its lock."""
    path = var_dir / "run" / "postgres.keeper"
    try:
        return 0 if _is_free(path, fcntl.LOCK_SH) else int(path.read_text())
    except (OSError, ValueError):
        return 0


def _start_keeper(var_dir: Path) -> subprocess.Popen[bytes]:
    with open(var_dir / "run" / "postgres.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", __file__, str(var_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )


def _why(var_dir: Path) -> str:
    lines = (var_dir / "run" / "postgres.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it left no message."


# --- the keeper -------------------------------------------------------------------------------------------------------


class Keeper:
    """Keeps the server running while any process uses it."""

    def __init__(self, var_dir: Path):
        self.var_dir = var_dir
        self.asked_to_stop = False
        self.users = os.open(var_dir / "run" / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)

    def run(self) -> None:
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked_to_stop", True))
        cluster = Cluster(self.var_dir, DURABLE)
        cluster.make()
        short_lives = 0
        while not self._is_over():
            born = time.monotonic()
            server = cluster.start()
            (self.var_dir / "run" / "postgres.pid").write_text(f"{server.pid}\n")
            while server.poll() is None and not self._is_over():
                time.sleep(0.2)
                cap(cluster.log)
            if server.poll() is None:
                cluster.stop()
                break
            short_lives = short_lives + 1 if time.monotonic() - born < 5 else 0
            if short_lives > 8:
                raise EmbeddedPostgresError(f"PostgreSQL does not stay up: {cluster.last_words()}")
            time.sleep(min(short_lives * 0.5, 3))
        (self.var_dir / "run" / "postgres.pid").unlink(missing_ok=True)

    def _is_over(self) -> bool:
        """Whether the keeper was asked to stop or nobody uses the server.

        If nobody uses it, takes the lock, so that new users wait until this process has ended.
        """
        if not self.asked_to_stop:
            try:
                fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


def keep(var_dir: Path) -> None:
    path = var_dir / "run" / "postgres.keeper"
    try:
        handle = _lock(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # another one was quicker
    os.ftruncate(handle, 0)
    os.write(handle, str(os.getpid()).encode())
    cap(var_dir / "run" / "postgres.log", 100_000)
    Keeper(var_dir).run()


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]))
    except (EmbeddedPostgresError, OSError) as error:
        sys.exit(f"The embedded database cannot run: {' '.join(str(error).split())}")
