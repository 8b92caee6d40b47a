"""A wrong value stops the start with a sentence that names the variable."""

import os
import runpy
import subprocess
import sys

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from config import settings as settings_module
from schedules.models import User

WRONG = {
    "PORT": "99999",
    "DATABASE_URL": "mysql://x",
    "CELERY_BROKER_URL": "carrier-pigeon://x",
    "EMAIL_URL": "nonsense",
    "PUBLIC_URL": "example.com",
    "DEBUG": "perhaps",
    "SWEEP_SECONDS": "0",
    "LOG_LEVEL": "LOUD",
    "BOUNCE_ADDRESS": "a-mailbox-with-a-long-name@example.org",
    "UNSUBSCRIBE_ADDRESS": "leave",
    "INBOUND_SECRET": "short",
    "INBOUND_SIGNING_SECRET": "with a space in it, so no",
    "SOFT_BOUNCES": "0",
    "SOFT_BOUNCE_DAYS": "-1",
    "SMS_GATEWAY_URL": "carrier-pigeon://x",
    "SMS_COUNTRIES": "United Kingdom",
    "SMS_PER_HOUR": "0",
    "VAPID_PRIVATE_KEY": "too short",
}


@pytest.mark.parametrize(("name", "value"), WRONG.items(), ids=WRONG)
def test_a_wrong_value_is_refused_and_names_the_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured, match=name):
        runpy.run_path(settings_module.__file__)


def test_a_wrong_value_stops_the_start():
    answer = subprocess.run(
        [sys.executable, "manage.py", "check"],
        env={**os.environ, "PORT": "99999"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    last = answer.stderr.strip().splitlines()[-1]
    assert answer.returncode != 0 and "PORT" in last, answer.stderr


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PROVIDER_TIMEOUT": 20}, "tocsin.E001"),
        ({"CELERY_TIMEZONE": "Europe/Berlin"}, "tocsin.E002"),
        ({"CELERY_BEAT_SCHEDULER": "celery.beat:PersistentScheduler"}, "tocsin.E003"),
    ],
)
def test_what_would_surprise_at_night_is_said_at_the_start(settings, change, code):
    """A14, T3, T8"""
    assert code not in {message.id for message in run_checks()}
    for name, value in change.items():
        setattr(settings, name, value)
    assert code in {message.id for message in run_checks()}


def test_metrics_are_counts_without_names(client, db):
    text = client.get("/metrics").content.decode()
    assert 'tocsin_overdue_rows{kind="steps"} 0.0' in text


def test_answers_may_go_to_a_mailbox_with_a_long_name(monkeypatch):
    monkeypatch.setenv("REPLY_TO", "stakeholder-communications@example.org")
    assert runpy.run_path(settings_module.__file__)["REPLY_TO"] == "stakeholder-communications@example.org"


def test_the_passwords_of_the_example_keep_others_out(settings, db):
    """S2: known by everybody who has read the README, they are refused as soon as others can reach us."""
    settings.DEBUG, settings.ONLY_HERE = True, False
    call_command("load_example")
    assert not User.objects.get(username="coach").check_password("example")
    for username in ("coach", "fay"):
        user = User.objects.get(username=username)
        user.set_password("example")
        user.save()
    [problem] = run_checks(tags=["database"], databases=["default"])
    assert problem.id == "tocsin.E004" and "coach, fay" in problem.msg
    User.objects.filter(username="coach").update(is_active=False)
    User.objects.filter(username="fay").update(password="!")
    assert run_checks(tags=["database"], databases=["default"]) == []
    settings.ONLY_HERE = True
    User.objects.filter(username="coach").update(is_active=True)
    assert run_checks(tags=["database"], databases=["default"]) == []
