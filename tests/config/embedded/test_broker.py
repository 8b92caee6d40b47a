"""The broker of one machine: real processes race for its files, are killed, and lose nothing."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

import pytest
from celery import Celery
from kombu import Connection

from config.embedded import broker
from config.embedded.cluster import until

BASE = Path(__file__).resolve().parents[3]


@pytest.fixture
def var_dir(tmp_path):
    (tmp_path / "done").mkdir()
    return tmp_path


@pytest.fixture
def start(var_dir):
    """Starts tests/config/embedded/NAME.py as a process; all are killed in the end."""
    started = []

    def start(name, *args):
        command = [sys.executable, "-m", f"tests.config.embedded.{name}", str(var_dir), *map(str, args)]
        started.append(subprocess.Popen(command, cwd=BASE, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def work(var_dir):
    with Connection(broker.url(var_dir)) as connection, connection.SimpleQueue("work") as queue:
        yield queue


def done(var_dir):
    return {int(name) for name in os.listdir(var_dir / "done")}


def test_messages_come_out_in_the_order_they_went_in(work):
    for number in range(20):
        work.put(number)

    taken = [work.get(timeout=1) for _ in range(20)]

    assert [message.payload for message in taken] == list(range(20))


def test_killing_consumers_again_and_again_loses_nothing(var_dir, start):
    wanted = set(range(1, 601))
    publishers = [start("publisher", first, first + 199) for first in (1, 201, 401)]
    consumers = [start("consumer", 0.002) for _ in range(3)]

    for round_ in range(6):
        assert until(lambda enough=60 * (round_ + 1): len(done(var_dir)) >= enough, 20)
        consumers[round_ % 3].kill()
        consumers[round_ % 3] = start("consumer", 0.002)

    until(lambda: all(publisher.poll() is not None for publisher in publishers), 20)
    assert until(lambda: done(var_dir) == wanted, 30)


def test_what_a_dead_consumer_held_comes_back(var_dir, start, work):
    work.put(7)
    consumer = start("consumer", 60)
    assert until(lambda: work.qsize() == 0 and list((var_dir / "broker" / "claims").glob("*/*/*")), 10)

    consumer.kill()
    consumer.wait()

    assert work.get(timeout=broker.RESCUE_SECONDS + 3).payload == 7


def test_a_message_that_kills_its_consumers_is_thrown_away_in_the_end(work):
    work.put("poison")

    for _ in range(broker.RETURNS + 1):
        work.get(timeout=1).requeue()

    with pytest.raises(Empty):
        work.get(timeout=0.5)


def test_a_consumer_that_stops_gives_back_what_it_did_not_do(var_dir, work):
    work.put(1)
    with Connection(broker.url(var_dir)) as other, other.SimpleQueue("work") as queue:
        queue.get(timeout=1)

    assert work.get(timeout=1).payload == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"properties": {"delivery_tag": []}}', b"null"])
def test_files_that_are_no_messages_are_thrown_away(var_dir, work, content):
    work.put("first")
    (var_dir / "broker" / "queues" / "=work" / "0").write_bytes(content)

    assert work.get(timeout=1).payload == "first"


def test_the_folder_may_be_deleted_under_running_processes(var_dir, start):
    start("consumer", 0)
    publisher = start("publisher", 1, 5)
    assert until(lambda: len(done(var_dir)) == 5, 10)
    publisher.wait()

    shutil.rmtree(var_dir / "broker")
    start("publisher", 6, 10)

    assert until(lambda: len(done(var_dir)) == 10, 10)


def test_a_long_queue_is_listed_once_not_for_each_message(work, monkeypatch):
    for number in range(300):
        work.put(number)
    listings = []
    listdir = os.listdir

    def listed(*args):
        listings.append(args)
        return listdir(*args)

    monkeypatch.setattr(os, "listdir", listed)

    for _ in range(300):
        work.get(timeout=1).ack()

    assert len(listings) < 5


def test_an_idle_queue_is_not_listed_at_all(work, var_dir, monkeypatch):
    work.put(1)
    work.get(timeout=1).ack()
    long_ago = time.time() - 60
    os.utime(var_dir / "broker" / "queues" / "=work", (long_ago, long_ago))
    with pytest.raises(Empty):
        work.get(timeout=0.2)
    listings = []

    def listed(*args):
        listings.append(args)
        return []

    monkeypatch.setattr(os, "listdir", listed)

    with pytest.raises(Empty):
        work.get(timeout=0.5)

    assert listings == []


def test_workers_answer_a_ping(var_dir):
    app = Celery("ping", broker=broker.url(var_dir))
    command = [sys.executable, "-m", "celery", "--broker", broker.url(var_dir), "-A", "config.celery", "worker"]
    quiet = [
        "-n",
        "one@here",
        "-P",
        "solo",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
        "-l",
        "ERROR",
    ]
    worker = subprocess.Popen([*command, *quiet], cwd=BASE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert until(lambda: app.control.inspect(timeout=0.5).ping(), 20) is True
        worker.terminate()
        assert worker.wait(10) == 0
    finally:
        worker.kill()
        worker.wait()


def test_the_address_survives_spaces_and_signs_in_the_path(tmp_path):
    var_dir = tmp_path / "a b%20c#d?e"
    with Connection(broker.url(var_dir)) as connection, connection.SimpleQueue("q") as queue:
        queue.put("hello")

    assert (var_dir / "broker" / "queues" / "=q").is_dir()


@pytest.mark.parametrize(
    ("url", "option"),
    [("redis://h", "socket_timeout"), ("rediss://h", "socket_timeout"), ("amqp://h", "confirm_publish")],
)
def test_a_server_that_does_not_answer_cannot_hold_a_publish_up(url, option, tmp_path):
    assert option in broker.options(url, tmp_path, 2)
