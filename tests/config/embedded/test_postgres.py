"""The embedded database: made, kept up, found again, and gone when nobody uses it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from config.embedded import postgres
from config.embedded.cluster import LONGEST_SOCKET_PATH, SOCKET, is_alive, socket_dir, until
from tests.sure import sure

BASE = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def folder():
    """A folder that the server's user can reach, as pytest's own private ones are not; its server is stopped."""
    with tempfile.TemporaryDirectory(prefix="tocsin-test-", ignore_cleanup_errors=True) as path:
        Path(path).chmod(0o755)
        yield Path(path)
        postgres.stop(Path(path))


@pytest.fixture(scope="module")
def cluster_dir():
    """One for all tests of this file that leave it as it was, for making a durable cluster takes seconds."""
    with folder() as path:
        yield path


@pytest.fixture
def var_dir(cluster_dir):
    yield cluster_dir
    postgres.release(cluster_dir)


@pytest.fixture
def empty_dir():
    with folder() as path:
        yield path


def ask(url, question):
    with psycopg.connect(url) as connection:
        return sure(connection.execute(question).fetchone())[0]


def server_pid(var_dir):
    return int((var_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


def test_a_first_start_makes_a_durable_database_in_utc(var_dir):
    url = postgres.ensure(var_dir)

    assert url == postgres.url(var_dir)
    assert [ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit", "timezone", "listen_addresses")] == [
        "on",
        "on",
        "UTC",
        "",
    ]
    assert ask(url, "SHOW server_encoding") == "UTF8"


def test_ensure_may_be_called_twice(var_dir):
    postgres.ensure(var_dir)
    pid = server_pid(var_dir)
    postgres.ensure(var_dir)

    assert server_pid(var_dir) == pid


def test_the_data_outlives_a_stop(var_dir):
    with psycopg.connect(postgres.ensure(var_dir)) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")

    assert postgres.release(var_dir)

    assert ask(postgres.ensure(var_dir), "SELECT answer FROM kept") == 42


def test_a_killed_server_is_started_again_with_what_was_committed(var_dir):
    url = postgres.ensure(var_dir)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")

    killed = server_pid(var_dir)
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: postgres.is_ready(var_dir) and server_pid(var_dir) != killed, 20)

    assert ask(url, "SELECT answer FROM kept") == 42


def test_a_killed_keeper_takes_the_server_with_it_and_the_next_start_succeeds(var_dir):
    postgres.ensure(var_dir)
    server = server_pid(var_dir)

    os.kill(int((var_dir / "run" / "postgres.keeper").read_text()), signal.SIGKILL)
    assert until(lambda: not is_alive(server), 15)

    assert ask(postgres.ensure(var_dir), "SELECT 1") == 1


def test_the_server_stops_when_its_last_user_is_killed(var_dir):
    code = f"from pathlib import Path; from config.embedded import postgres; postgres.ensure(Path({str(var_dir)!r}))"
    user = subprocess.Popen([sys.executable, "-c", f"{code}; print(flush=True); input()"], cwd=BASE,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    sure(user.stdout).readline()
    server = server_pid(var_dir)

    user.kill()
    user.communicate()

    assert until(lambda: not is_alive(server), 15)


def test_the_server_stays_while_another_process_uses_it(var_dir):
    code = f"from pathlib import Path; from config.embedded import postgres; postgres.ensure(Path({str(var_dir)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=BASE, check=True)
    postgres.ensure(var_dir)
    pid = server_pid(var_dir)
    subprocess.run([sys.executable, "-c", code], cwd=BASE, check=True)

    assert server_pid(var_dir) == pid
    assert ask(postgres.url(var_dir), "SELECT 1") == 1


def test_a_lock_file_with_the_number_of_another_program_does_not_stop_the_start(var_dir):
    postgres.ensure(var_dir)
    pid_file = var_dir / "postgres" / "data" / "postmaster.pid"
    text = pid_file.read_text()
    postgres.stop(var_dir)
    pid_file.write_text(text.replace(text.split()[0], str(os.getpid()), 1))

    assert ask(postgres.ensure(var_dir), "SELECT 1") == 1


def test_a_path_too_long_for_a_socket_is_no_obstacle(empty_dir):
    deep = empty_dir / ("long" * 15) / ("longer" * 10)
    deep.mkdir(parents=True)
    try:
        assert ask(postgres.ensure(deep), "SELECT 1") == 1
        assert len(str(socket_dir(deep) / SOCKET)) <= LONGEST_SOCKET_PATH
    finally:
        postgres.stop(deep)
        socket_dir(deep).rmdir()


def test_a_start_that_was_cut_short_is_begun_anew(empty_dir):
    half_made = empty_dir / "postgres" / "new-half"
    half_made.mkdir(parents=True)

    assert ask(postgres.ensure(empty_dir), "SELECT 1") == 1
    assert not half_made.exists()


def test_a_lost_data_folder_is_refused_with_a_sentence(empty_dir):
    (empty_dir / "postgres").symlink_to(empty_dir / "gone")

    with pytest.raises(postgres.EmbeddedPostgresError, match="which is gone"):
        postgres.ensure(empty_dir)


def test_a_throwaway_cluster_leaves_nothing():
    with postgres.throwaway() as (url, var_dir):
        assert ask(url, "SHOW fsync") == "off"
        pid = server_pid(var_dir)

    assert not var_dir.exists()
    assert not is_alive(pid)
