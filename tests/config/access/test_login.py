"""Who gets in, how often one may guess, how long one stays, and how one leaves."""

from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.test import Client

from config.access import sessions
from schedules.clock import now
from schedules.models import User
from tests.browser import browser_of, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
GOOD = "correct horse battery"
HERE: dict[str, Any] = {"REMOTE_ADDR": "192.0.2.1"}
THERE: dict[str, Any] = {"REMOTE_ADDR": "2001:db8::1"}


@pytest.fixture
def ana(db):
    return User.objects.create_user("ana", "ana@example.org", GOOD, first_name="Ana")


def log_in(password=GOOD, username="ana", path="/login/", **network: Any):
    return Client(**network).post(path, {"username": username, "password": password})


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_guessing_is_limited_by_user_name_and_network(ana, clock, path):
    """S8: neither colleagues at the same desk nor the same person elsewhere are locked out."""
    clock.move_to(MONDAY, tick=False)
    User.objects.create_superuser("bo", "", GOOD)
    assert [log_in("wrong", path=path, **HERE).status_code for _ in range(9)] == [200] * 9
    assert log_in("wrong", path=path, **HERE).status_code == 429
    refused = log_in(path=path, **HERE)
    assert refused.status_code == 429 and "for 15 minutes" in text(refused)
    assert Client(**HERE).get(path).status_code == 200
    assert log_in(username="bo", path=path, **HERE).status_code == log_in(**THERE).status_code == 302
    clock.shift(timedelta(minutes=16))
    assert log_in(**HERE).status_code == 302
    assert not AccessAttempt.objects.filter(username="ana").exists()


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_a_user_name_that_nobody_can_have_is_refused_with_a_sentence(db, path):
    """Field F7: the record of guesses had no room for it, so the answer was an error page."""
    for length in (151, 256, 10_000):
        answer = log_in(username="x" * length, path=path)
        assert answer.status_code == 200 and "A user name has at most 150 characters." in text(answer)
    assert log_in(username="x" * 150, path=path).status_code == 200
    assert [len(attempt.username) for attempt in AccessAttempt.objects.all()] == [150]


def test_an_open_session_does_not_let_anybody_guess_the_password(ana):
    """S8: the old password counts as a guess like one at log-in."""
    session = browser_of(ana)
    guess = {"do": "change-password", "old_password": "x", "new_password1": "y", "new_password2": "y"}
    assert [session.post("/account/", guess, **HERE).status_code for _ in range(10)] == [400] * 9 + [429]
    right = {"old_password": GOOD, "new_password1": "another horse", "new_password2": "another horse"}
    assert session.post("/account/", guess | right, **HERE).status_code == 429
    ana.refresh_from_db()
    assert ana.check_password(GOOD)
    ana.is_staff = True
    ana.save()
    assert session.post("/admin/password_change/", right)["Location"] == "/account/"


def test_a_whole_ipv6_network_is_one_guesser(ana):
    """S8"""
    found = [log_in("wrong", REMOTE_ADDR=f"2001:db8::{number:x}").status_code for number in range(1, 11)]
    assert found == [200] * 9 + [429]


@pytest.mark.parametrize("password", ["12345678", "example1", "1234567890", "password123", "ana@example.org"])
def test_a_password_that_is_easily_guessed_is_refused(ana, password):
    """S8"""
    with pytest.raises(ValidationError):
        validate_password(password, ana)
    validate_password(GOOD, ana)


def test_an_idle_session_ends_and_one_in_use_goes_on(ana, clock, settings):
    """S8; the tickers delete what has ended."""
    clock.move_to(MONDAY, tick=False)
    used = browser_of(ana)
    idle = browser_of(ana)
    for _ in range(3):
        clock.shift(timedelta(hours=11))
        assert used.get("/on-call/").status_code == 200
    assert idle.get("/on-call/").status_code == 302
    sessions.clear(now())
    assert [row.session_key for row in Session.objects.all()] == [used.cookies["sessionid"].value]
    clock.shift(timedelta(hours=13))
    assert used.get("/on-call/").status_code == 302
    assert settings.SESSION_COOKIE_AGE == 12 * 3600


def test_everybody_can_log_out_and_change_the_password(ana):
    """S15: also people who are no staff; the sessions elsewhere end."""
    here, elsewhere = browser_of(ana), browser_of(ana)
    for page in ("/on-call/", "/on-call/mine/", "/stakeholders/", "/subscriptions/mine/", "/account/"):
        shown = text(here.get(page))
        assert 'action="/logout/"' in shown and 'href="/account/"' in shown, page
        assert "footer.account button { width: auto;" in shown, "one look, whatever the page's own buttons are like"
    assert "At least 10 characters; not only digits" in shown and "New password again" in shown
    assert "too similar" not in shown and "confirmation" not in shown
    new = {"do": "change-password", "old_password": GOOD, "new_password1": "12345678", "new_password2": "12345678"}
    refused = here.post("/account/", new)
    assert refused.status_code == 400 and "too common" in text(refused)
    assert here.post("/account/", new | {"old_password": "x"}).status_code == 400
    another = "another horse battery"
    done = here.post("/account/", new | {"new_password1": another, "new_password2": another}, follow=True)
    assert "Your password is changed" in text(done)
    assert elsewhere.get("/on-call/").status_code == 302
    assert log_in(another).status_code == 302
    assert here.get("/logout/").status_code == 405
    assert here.post("/logout/")["Location"] == "/login/"
    assert here.get("/on-call/").status_code == 302
    assert Client().get("/account/")["Location"].startswith("/login/")
    assert "/logout/" not in text(Client().get("/subscribe/"))
