"""Debian's PostgreSQL, RabbitMQ and pgbouncer as processes of our own, and a wire between them that can be cut."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.live.product import eventually, free_port

RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
BOUNCER = Path("/usr/sbin/pgbouncer")


def postgres_binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else Path("/usr/lib/postgresql/bin")


def debian_or_skip() -> None:
    for path in (postgres_binaries() / "postgres", RABBIT, BOUNCER):
        if not path.exists():
            pytest.skip(f"{path} is missing (Debian: apt-get install postgresql rabbitmq-server pgbouncer)")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder of the user `nobody`, because none of the servers runs as root."""
    made = Path(tempfile.mkdtemp(prefix="tocsin-server-"))
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(made, nobody.pw_uid, nobody.pw_gid)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def process(*command: object, cwd: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server, as `nobody` if we are root; it ends with its whole group."""
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    with open(cwd / "log", "ab") as log:
        started = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env={"PATH": os.defpath, "HOME": str(cwd), **env},
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **who,  # type: ignore[call-overload]
        )  # fmt: skip
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@contextlib.contextmanager
def postgres() -> Iterator[int]:
    """Its port; it has a role and an empty database `tocsin`. As Debian sets it up: `jit` is on."""
    binaries, port, utf8 = postgres_binaries(), free_port(), ("--encoding=UTF8", "--locale=C.UTF-8")
    with folder() as home:
        with process(
            binaries / "initdb", "-D", home / "data", "-U", "postgres", "-A", "trust", "-N", *utf8, cwd=home
        ) as made:
            assert made.wait(60) == 0, (home / "log").read_text()
        options = ("-c", "listen_addresses=127.0.0.1", "-c", f"port={port}", "-c", "fsync=off", "-k", home)
        with process(binaries / "postgres", "-D", home / "data", *options, cwd=home):
            address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
            assert eventually(lambda: answers(address), 30), (home / "log").read_text()
            with psycopg.connect(address, autocommit=True) as admin:
                admin.execute("CREATE ROLE tocsin LOGIN")
                admin.execute("CREATE DATABASE tocsin OWNER tocsin")
            yield port


def answers(address: str) -> bool:
    """Whether a server takes connections; raises psycopg.OperationalError while it does not."""
    psycopg.connect(address).close()
    return True


@contextlib.contextmanager
def bouncer(server: int) -> Iterator[int]:
    """The port of a pgbouncer in transaction mode in front of the server."""
    port = free_port()
    with folder() as home:
        (home / "users").write_text('"tocsin" ""\n')
        (home / "ini").write_text(
            f"[databases]\ntocsin = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
            f"listen_port = {port}\nauth_type = trust\nauth_file = {home}/users\npool_mode = transaction\n"
            f"unix_socket_dir =\ndefault_pool_size = 3\n"
        )
        for path in home.iterdir():
            path.chmod(0o644)
        with process(BOUNCER, home / "ini", cwd=home):
            address = f"postgresql://tocsin@127.0.0.1:{port}/tocsin"
            assert eventually(lambda: answers(address), 20), (home / "log").read_text()
            yield port


@contextlib.contextmanager
def rabbit() -> Iterator[str]:
    """The URL of a RabbitMQ."""
    port, mapper = free_port(), free_port()
    env = {
        "RABBITMQ_NODENAME": f"tocsin{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_DIST_PORT": str(free_port()), "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1", "RABBITMQ_CONFIG_FILE": "/nonexistent", "RABBITMQ_ENABLED_PLUGINS_FILE": "/nonexistent",
    }  # fmt: skip
    with folder() as home:
        env |= {"RABBITMQ_MNESIA_BASE": f"{home}/mnesia", "RABBITMQ_LOG_BASE": f"{home}/logs"}
        with process("/usr/bin/epmd", cwd=home, **env), process(RABBIT, cwd=home, **env):
            log = home / "log"
            assert eventually(lambda: "Starting broker... completed" in log.read_text(), 60), log.read_text()
            yield f"amqp://guest:guest@127.0.0.1:{port}//"


class Wire:
    """Forwards connections to a port on loopback. While it is cut it forwards nothing and ends nothing."""

    def __init__(self, target: int):
        self.target, self.port = target, free_port()
        self._whole = threading.Event()
        self._whole.set()
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> "Wire":
        listening = threading.Event()
        threading.Thread(target=self._run, args=(listening,), daemon=True).start()
        assert listening.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.2, self._loop.stop)

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def _run(self, listening: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._join, "127.0.0.1", self.port))
        listening.set()
        self._loop.run_forever()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer), return_exceptions=True)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            while not self._whole.is_set():
                await asyncio.sleep(0.05)
            target.write(data)
            await target.drain()
        target.close()
