"""The supervisor's parts, without the application: small stand-ins are its children."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded import run
from config.embedded.cluster import cap, until
from config.embedded.loopback import is_loopback, only_here
from tests.sure import sure

BASE = Path(__file__).resolve().parents[3]
SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
FAMILY = (
    sys.executable,
    "-c",
    "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)",
)


@pytest.fixture
def var_dir(tmp_path):
    for folder in ("run", "log"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def child(var_dir):
    made = []

    def child(command):
        made.append(run.Child("part", command, var_dir))
        made[-1].start()
        return made[-1]

    yield child
    run.stop(made)


def pid_of(part: run.Child) -> int:
    return sure(part.process).pid


def environment_of(process: subprocess.Popen) -> str:
    return Path(f"/proc/{process.pid}/environ").read_text()


def test_logs_are_for_us_only(child, var_dir):
    """S12: also a log that an older version made."""
    (var_dir / "log" / "part.log").touch(0o644)
    assert child(SLEEPER).log.stat().st_mode & 0o777 == 0o600


def test_a_child_that_dies_is_started_again_after_a_pause(child, capsys):
    part = child(SLEEPER)
    first = pid_of(part)
    part.process.kill()
    part.process.wait()

    part.look_after()
    assert part.process is None
    part.not_before = 0
    part.look_after()

    assert pid_of(part) != first
    assert part.pid_file.read_text().strip() == str(pid_of(part))
    assert "part ended (-9)" in capsys.readouterr().err


def test_the_pause_grows_while_a_child_keeps_dying(child):
    part = child((sys.executable, "-c", ""))
    pauses = []
    for _ in range(7):
        part.process.wait()
        part.look_after()
        pauses.append(part.pause)
        part.start()

    assert pauses == sorted(pauses)
    assert pauses[-1] == run.LONGEST_PAUSE


def test_what_a_dead_child_started_dies_before_it_starts_again(child):
    part = child(FAMILY)
    until(lambda: part.log.read_text().strip(), 5)
    grandchild = int(part.log.read_text())
    part.process.kill()
    part.process.wait()

    part.look_after()

    assert until(lambda: not is_running(grandchild), 5)


def test_a_child_that_ignores_the_request_is_killed(child, monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    part = child((sys.executable, "-c", stubborn))
    until(lambda: part.log.read_text(), 5)

    run.stop([part])

    assert part.process.returncode == -signal.SIGKILL
    assert not part.pid_file.exists()


def test_children_die_with_a_supervisor_that_is_killed(var_dir):
    code = (
        "from config.embedded import run; from pathlib import Path; import sys, time;"
        "part = run.Child('part', (sys.executable, '-c', 'import time; time.sleep(60)'), Path(sys.argv[1]));"
        "part.start(); print(part.process.pid, flush=True); time.sleep(60)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(var_dir)], cwd=BASE, stdout=subprocess.PIPE)
    pid = int(sure(supervisor.stdout).readline())

    supervisor.kill()
    supervisor.communicate()

    assert until(lambda: not is_running(pid), 5)


def test_the_next_start_ends_what_a_killed_one_left(var_dir):
    orphan = subprocess.Popen(SLEEPER, env={**os.environ, run.MARK: str(var_dir)})
    other = subprocess.Popen(SLEEPER, env={**os.environ, run.MARK: f"{var_dir}-other"})
    try:
        # Until a child has its own program it has our environment, too.
        assert until(lambda: all(run.MARK in environment_of(process) for process in (orphan, other)), 5)
        run.end_leftovers(var_dir)

        assert orphan.wait(5) == -signal.SIGTERM
        assert other.poll() is None
    finally:
        for process in (orphan, other):
            process.kill()
            process.wait()


def test_a_second_supervisor_is_refused_with_a_sentence(var_dir):
    run.alone(var_dir)

    with pytest.raises(SystemExit, match=f"already runs in .* .process {os.getpid()}.: .* VAR_DIR"):
        run.alone(var_dir)


def test_a_port_in_use_is_refused_with_a_sentence_that_names_PORT():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        with pytest.raises(SystemExit, match="PORT"):
            run.refuse_used_port("127.0.0.1", server.getsockname()[1])


def test_a_log_stays_small_and_its_last_part_is_kept(tmp_path):
    log = tmp_path / "web.log"
    log.write_text("x" * 1000)

    log.chmod(0o600)

    cap(log, limit=500)

    assert log.read_text() == ""
    assert (tmp_path / "web.log.1").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "web.log.1").read_text() == "x" * 1000


LOOPBACK = ("127.0.0.1", "localhost", "::1")
OTHERS = ("0.0.0.0", "192.168.1.2", "example.org")


@pytest.mark.parametrize("host", [*LOOPBACK, *OTHERS])
def test_only_loopback_counts_as_this_machine(host):
    assert is_loopback(host) is (host in LOOPBACK)
    assert (
        only_here(host, "")
        is only_here("", f"http://{f'[{host}]' if ':' in host else host}:8000")
        is (host in LOOPBACK)
    )


def is_running(pid):
    """Alive and not a zombie that waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
