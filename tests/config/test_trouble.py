"""Nobody is left alone silently: what keeps people from being told turns health red, though all work is done in time (O2)."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from dispatching import agreement, sweep
from dispatching.channels import Outcome, memory
from dispatching.delivery import media
from dispatching.models import Medium, Process
from schedules.models import User
from tests.world import World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.mark.parametrize(("given", "starts"), [("", False), ("files", True), ("smtp://mail.example.org", True)])
def test_o2_a_start_with_a_database_server_needs_to_know_where_mail_goes(given, starts):
    env = {**os.environ, "DATABASE_URL": "postgresql://db.example.org/tocsin", "EMAIL_URL": given}
    command = [sys.executable, "-c", "import config.settings"]
    answer = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert (answer.returncode == 0) == starts, answer.stderr
    if not starts:
        last = answer.stderr.strip().splitlines()[-1]
        assert "EMAIL_URL is missing" in last and "files" in last


def problems(client) -> list[str]:
    for name in ("sweep", "stakeholders"):
        sweep.record(name, timezone.now())
    answer = client.get("/healthz")
    assert answer.status_code == (503 if answer.json()["problems"] else 200)
    return answer.json()["problems"]


def test_o2_processes_with_different_settings_turn_health_red(client, db, settings):
    """Its B2: a second machine without EMAIL_URL wrote its share of the pages into files, and everything was green."""
    now = timezone.now()
    agreement.report(now)
    assert problems(client) == [] and agreement.differing(now) == []
    ours = Process.objects.get()
    settings.EMAIL_URL, settings.SMS_SENDER = "smtp://user:hush-hush@mail.example.org", "Else"
    assert problems(client) == ["processes have different values of EMAIL_URL, SMS_SENDER"]
    assert "tocsin_differing_settings 2.0" in client.get("/metrics").content.decode()
    settings.SECRET_KEY = "another"
    assert problems(client) == ["processes have different values of SECRET_KEY"]
    agreement.report(now)  # it was started again, with the settings that this one has
    assert problems(client) == []
    assert "hush" not in str(Process.objects.get().settings)
    ours.name, ours.seen_at = "long-gone/1", now - 3 * MINUTE
    ours.save()
    assert problems(client) == []
    agreement.report(now + HOUR)
    assert not Process.objects.filter(name="long-gone/1").exists()


def test_o2_every_setting_that_the_table_names_is_shared_or_has_a_reason_not_to_be():
    own = {
        *("HOST", "PORT", "VAR_DIR", "PROXIES", "ALLOWED_HOSTS", "LOG_LEVEL", "DEBUG", "SWEEP_SECONDS"),  # of a process
        *(
            "DATABASE_URL",
            "DATABASE_POOLER",
        ),  # some through a pooler; a process on another database does not meet the others
        "SECRET_KEY_FALLBACKS",  # only while keys are changed
        "DKIM_SELECTOR",  # of a command
        *("LOGIN_ATTEMPTS", "SESSION_HOURS"),  # of log-ins, which tell nobody of an alert
    }
    text = Path("docs/operate.md").read_text().partition("## Settings")[2].partition("\n## ")[0]
    named = {
        part for line in text.splitlines() if line.startswith("| `") for part in line.split("|")[1].split("`")[1::2]
    }
    assert named - own == set(agreement.SHARED), named - own ^ set(agreement.SHARED)


@pytest.fixture
def paged(world: World, ana: User) -> World:
    world.now = timezone.now()
    world.trigger(world.service(world.policy((HOUR, ana))), "k")
    world.told()
    return world


def fail(world: World, key: str, outcome: Outcome = Outcome.AWAY) -> None:
    memory.fail_next(outcome=outcome)
    world.trigger(world.service(world.policy((HOUR, User.objects.get(username="ana")))), key)


def test_o2_a_medium_that_only_fails_turns_health_red_after_a_minute_until_something_gets_out(client, paged):
    """Section 5: the mail server was away for 200 s, no page got out, nothing was overdue, and health was green."""
    start = paged.now
    memory.fail_next(3, outcome=Outcome.AWAY)
    paged.trigger(paged.service(paged.policy((HOUR, User.objects.get(username="ana")))), "k")
    paged.advance(seconds=30)
    assert problems(client) == []  # not yet a minute
    Medium.objects.update(failing_since=start - 2 * MINUTE)
    assert problems(client) == ["everything sent by memory has failed for more than a minute"]
    seconds = client.get("/metrics").content.decode().partition('tocsin_medium_failing_seconds{channel="memory"} ')[2]
    assert float(seconds.split()[0]) > 100
    paged.advance(minutes=1)  # the third retry gets through
    assert paged.told() == ["ana"]
    assert problems(client) == [] and Medium.objects.get().failing_since is None
    assert 'tocsin_medium_failing_seconds{channel="memory"} 0.0' in client.get("/metrics").content.decode()


@pytest.mark.parametrize(
    ("outcome", "red"),
    [
        (Outcome.AWAY, True),
        (Outcome.TEMPORARY, True),
        (Outcome.UNKNOWN, True),
        (Outcome.PERMANENT, False),  # about this address
        (Outcome.GONE, False),
    ],
)
def test_o2_which_failures_of_a_page_may_be_the_mediums(client, paged, outcome, red):
    fail(paged, "k", outcome)
    Medium.objects.update(failing_since=paged.now - 2 * MINUTE)
    assert bool(problems(client)) == red


def test_o2_addresses_of_strangers_do_not_turn_health_red():
    """Of messages other than pages only a provider that is away counts: anybody may subscribe an address that fails."""
    assert [outcome for outcome in Outcome if media.at_fault(outcome, "bulk")] == [Outcome.AWAY]
    assert not media.at_fault(None, "page")


def test_o2_a_failure_after_a_long_silence_begins_anew(client, paged):
    fail(paged, "k")
    before = paged.now - 5 * HOUR
    Medium.objects.update(failing_since=before, failed_at=before + MINUTE)
    assert problems(client) == []  # nobody has been waiting since
    fail(paged, "k2")
    assert Medium.objects.get().failing_since == paged.now
