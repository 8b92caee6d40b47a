"""On Debian's PostgreSQL and RabbitMQ, as on many machines: what vanishes or falls silent stops nobody else (O1, O3, O4, O6)."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator

import psycopg
import pytest

from tests.live import Product, SmtpSink, eventually, only_live
from tests.live.product import ROOT
from tests.live.servers import Wire, bouncer, debian_or_skip, postgres, rabbit

pytestmark = only_live
# What the engine does: it holds rows in a transaction. Then its machine stands still.
FREEZES = """
import signal, sys
sys.argv = ["celery", "worker"]
import django; django.setup()
from django.db import connection, transaction
from dispatching.models import Alert
with transaction.atomic():
    held = list(Alert.objects.select_for_update().values_list("dedup_key", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        print(cursor.fetchone()[0], len(held), flush=True)
    signal.pause()
"""
POSTS = """
import concurrent.futures, json, sys
import django; django.setup()
from django.test import Client
from tests.live import organisation
[key] = organisation.storm(services=1, people=1, name="pooled")
def post(number):
    event = {"summary": "x", "dedup_key": f"k{number % 5}", "action": "trigger"}
    client = Client(headers={"host": "localhost"})
    return client.post(f"/integrations/{key}/events/", event, content_type="application/json").status_code
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(json.dumps(list(pool.map(post, range(60)))))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    debian_or_skip()
    with postgres() as port:
        migrated = run("manage.py", "migrate", "-v0", port=port)
        assert migrated.returncode == 0, migrated.stderr
        yield port


def run(*arguments: str, port: int, **more: str) -> subprocess.CompletedProcess[str]:
    """Python, with the database at this port."""
    own = {"DATABASE_URL": url(port), "EMAIL_URL": "files", "DJANGO_SETTINGS_MODULE": "config.settings"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=os.environ | own | more, capture_output=True, text=True, timeout=300
    )


def url(port: int, name: str = "tocsin", who: str = "tocsin") -> str:
    return f"postgresql://{who}@127.0.0.1:{port}/{name}"


def outcome(product: Product, key: str, dedup_key: str) -> tuple[int, float]:
    """The status of an event's answer, and after how many seconds it came; 0 if none came in ten."""
    began = time.monotonic()
    try:
        product.post_event(key, dedup_key)
        status = 202
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError:
        status = 0
    return status, time.monotonic() - began


def health(product: Product) -> tuple[int, float]:
    began = time.monotonic()
    try:
        return product.open("/healthz", timeout=5).status, time.monotonic() - began
    except urllib.error.HTTPError as error:
        return error.code, time.monotonic() - began


def test_machines_that_vanish_and_a_silent_database_stop_nobody(server):
    """O1, O3, O4: locks end in seconds, intake and health always answer, nothing is lost, and all goes on."""
    with Wire(server) as wire, rabbit() as broker, SmtpSink() as sink:
        settings = {"DATABASE_URL": url(wire.port), "CELERY_BROKER_URL": broker, "EMAIL_URL": sink.url}
        with Product(**settings) as tocsin:
            tocsin.database_url = url(server)
            [key] = tocsin.seed("storm", services=1, people=1)
            assert outcome(tocsin, key, "k0")[0] == 202
            vanished_in_a_transaction(tocsin, server, key)
            silent_for_twenty_seconds(tocsin, wire, key)
            told = {row["dedup_key"] for row in tocsin.rows("SELECT dedup_key FROM dispatching_alert")}
            assert {"k0", "new1", "silent", "after"} <= told
            assert eventually(
                lambda: told <= {key for key in told for mail in sink.mails() if key in mail.subject}, 90
            ), (
                tocsin.rows("SELECT state, address, reason, attempt, due_at FROM dispatching_delivery"),
                tocsin.last_words(),
            )


def vanished_in_a_transaction(tocsin: Product, server: int, key: str) -> None:
    """O1: a second machine freezes with locks, then its packets are dropped; repeats of its alerts come every second."""
    with Wire(server) as own:
        env = {**tocsin.env, "DATABASE_URL": url(own.port), "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", FREEZES]
        with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout
            jit, held = second.stdout.readline().split()
            assert (jit, held) == ("off", "1"), "O3: Debian's own setting is on"
            os.kill(second.pid, signal.SIGSTOP)
            own.cut()
            began = time.monotonic()
            repeats: list[tuple[int, float]] = []
            while not repeats or repeats[-1][0] != 202:
                repeats.append(outcome(tocsin, key, "k0"))
                new, seconds = outcome(tocsin, key, f"new{len(repeats)}")
                assert (new, seconds < 3) == (202, True), "other alerts do not notice"
                assert health(tocsin)[1] < 2
                assert time.monotonic() - began < 25
            second.kill()
    assert {status for status, _ in repeats} == {503, 202}
    assert max(seconds for _, seconds in repeats) < 5


def silent_for_twenty_seconds(tocsin: Product, wire: Wire, key: str) -> None:
    """O4: every post had run into its sender's own ten seconds, and health had not answered."""
    wire.cut()
    ends, answers = time.monotonic() + 20, []
    while time.monotonic() < ends:
        answers.append(outcome(tocsin, key, "silent"))
        status, seconds = health(tocsin)
        assert (status, seconds < 2) == (503, True)
    wire.mend()
    assert {status for status, _ in answers} == {503} and max(seconds for _, seconds in answers) < 9.5
    assert eventually(lambda: outcome(tocsin, key, "after")[0] == 202, 20)
    assert eventually(lambda: health(tocsin)[0] == 200, 20)


def test_a_pooler_in_transaction_mode_is_refused_or_works(server):
    """O6: 17 of 40 posts were answered 500, and health was green."""
    with psycopg.connect(url(server, "postgres", "postgres"), autocommit=True) as admin, bouncer(server) as port:
        unaware = run("manage.py", "migrate", port=port)
        assert unaware.returncode and "DATABASE_POOLER=1" in unaware.stderr.splitlines()[-1]
        unlimited = run("manage.py", "migrate", port=port, DATABASE_POOLER="1")
        assert unlimited.returncode and "ALTER ROLE" in unlimited.stderr.splitlines()[-1]
        for name, value in (("idle_in_transaction_session_timeout", "10s"), ("lock_timeout", "5s"), ("jit", "off")):
            admin.execute(f"ALTER ROLE tocsin SET {name} = '{value}'")
    with bouncer(server) as port:
        posted = run("-c", POSTS, port=port, DATABASE_POOLER="1")
        assert posted.returncode == 0, posted.stderr[-3000:]
        assert json.loads(posted.stdout.splitlines()[-1]) == [202] * 60
