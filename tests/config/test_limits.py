"""Every connection to the database has limits that fit its job, set in code (O1, O3, O4, S9; B4)."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test import Client
from psycopg.conninfo import make_conninfo

from config.database import base
from config.database.limits import JOBS, Limits, job_of, options_of, settings_of
from dispatching.models import Alert, Integration
from schedules.models import User
from tests.api import client_of
from tests.browser import browser_of
from tests.world import World

JOB = {
    "/x/.venv/lib/granian/__main__.py --interface rsgi config.web:application": "web",
    "granian config.web:application": "web",
    "manage.py runserver 8001": "web",
    "/x/celery/__main__.py -A config.celery worker -Q engine": "worker",
    "/x/bin/celery -A config.celery beat": "worker",
    "manage.py migrate": "command",
    "/x/pytest/__main__.py -q": "command",
    "": "command",
}


@pytest.fixture
def source(world: World) -> Integration:
    return world.service(world.policy((timedelta(hours=1), world.person("ana"))))


@pytest.mark.parametrize(("arguments", "job"), JOB.items())
def test_a_process_knows_its_job(arguments, job):
    assert job_of(arguments.split()) == job


def test_limits_fit_the_job():
    """A lock or a silent server costs the web seconds; a worker's statement ends before its lease; a migration may last."""
    web, worker, command = (JOBS[job] for job in ("web", "worker", "command"))
    assert all(0 < limit <= 10 for limit in (web.connect, web.silence, web.statement, web.lock, web.idle))
    assert 0 < worker.statement <= 30 and 0 < worker.idle <= 10 and 0 < worker.lock <= 10
    assert command.statement == 0 and command.lock > 0 and command.idle > 0


def address() -> str:
    wanted = {name: connection.settings_dict[name] for name in ("HOST", "PORT", "USER", "PASSWORD", "NAME")}
    found = {name.lower().replace("name", "dbname"): value for name, value in wanted.items() if value}
    return make_conninfo("", **found)


def options(job: str | Limits) -> dict:
    limits = JOBS[job] if isinstance(job, str) else job
    ours = options_of(limits, {}, pooler=False)
    del ours["server_side_binding"]
    return ours


@pytest.mark.parametrize("job", JOBS)
def test_the_server_has_taken_each_limit(db, job):
    with psycopg.connect(address(), **options(job)) as connected:
        rows = dict(connected.execute("SELECT name, source FROM pg_settings").fetchall())
        got = {
            name: connected.execute(f"SHOW {name}").fetchone() for name in ("jit", "lock_timeout", "statement_timeout")
        }
    assert {rows[name] for name in settings_of(JOBS[job])} == {"client"}
    assert got["jit"] == ("off",)
    assert got["lock_timeout"] == (f"{JOBS[job].lock}s",)


def test_options_of_the_url_are_kept(db):
    """`?sslmode=require` was dropped without a word."""
    given = {"sslmode": "require", "options": "-c search_path=x", "connect_timeout": 9}
    ours = options_of(JOBS["web"], given, pooler=False)
    assert (ours["sslmode"], ours["connect_timeout"]) == ("require", 9)
    assert ours["options"].endswith(" -c search_path=x") and "lock_timeout=2s" in ours["options"]
    assert connection.settings_dict["ENGINE"] == "config.database"


@pytest.mark.django_db(transaction=True)
def test_who_falls_silent_in_a_transaction_loses_its_locks(world, source):
    """O1: a machine without power kept them for two hours."""
    alert = world.trigger(source, "locked")
    frozen = psycopg.connect(address(), **options(Limits(idle=1)))
    frozen.execute("SELECT 1 FROM dispatching_alert WHERE id = %s FOR UPDATE", [alert.pk])
    with transaction.atomic():
        connection.cursor().execute("SET LOCAL lock_timeout = '10s'")
        assert Alert.objects.select_for_update().get(pk=alert.pk) == alert
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        frozen.execute("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_who_waits_too_long_for_a_lock_or_an_answer_is_told_to_try_again(world, source):
    """O1, S9: intake, pages and the API answer 503, and no thread is kept; before, it waited without limit or was a 500."""
    alert = world.trigger(source, "locked")
    coach = User.objects.create_superuser("coach")
    browser, api = browser_of(coach), client_of(coach)
    connection.cursor().execute("SET lock_timeout = '100ms'")
    with psycopg.connect(address()) as other:
        other.execute("SELECT 1 FROM dispatching_alert WHERE id = %s FOR UPDATE", [alert.pk])
        other.execute("LOCK TABLE schedules_team IN ACCESS EXCLUSIVE MODE")
        event = {"summary": "again", "dedup_key": "locked", "action": "trigger"}
        repeat = Client().post(f"/integrations/{source.key}/events/", event, content_type="application/json")
        page, answer = browser.get("/admin/schedules/team/"), api.get("teams/")
        verb = api.post(f"alerts/{alert.pk}/acknowledge/")
        other.rollback()
    for response in (repeat, page, answer, verb):
        assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert "try again" in page.content.decode() and "try again" in answer.json()["detail"]
    connection.cursor().execute("SET lock_timeout = '10s'")
    assert api.post(f"alerts/{alert.pk}/acknowledge/").status_code == 200
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("urgent")]


def test_a_shared_session_is_refused(db):
    """O6: 17 of 40 posts through a pooler were 500. One that mixes sessions up invents the number of its process."""

    class Pooled(psycopg.Connection):
        @property
        def info(self):
            return type("Info", (), {"backend_pid": 1, "parameter_status": lambda self, name: "UTF8"})()

    with Pooled.connect(address(), **options("web")) as pooled:
        with pytest.raises(ImproperlyConfigured, match="DATABASE_POOLER=1"):
            base.check(pooled, pooler=False)
        base.check(pooled, pooler=True)
    with Pooled.connect(address()) as unlimited, pytest.raises(ImproperlyConfigured, match="idle_in_transaction"):
        base.check(unlimited, pooler=True)


def test_a_database_whose_texts_are_bytes_is_refused(db):
    """Debian makes one where no locale is set. Events were answered 202 on it, and a minute later pages were still not out."""
    ascii_only = "ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0"
    with psycopg.connect(make_conninfo(address(), dbname="postgres"), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS bytes")
        admin.execute(f"CREATE DATABASE bytes {ascii_only}")
        try:
            there = make_conninfo(address(), dbname="bytes")
            with (
                psycopg.connect(there, **options("web")) as connected,
                pytest.raises(ImproperlyConfigured, match="SQL_"),
            ):
                base.check(connected, pooler=False)
        finally:
            admin.execute("DROP DATABASE bytes")
