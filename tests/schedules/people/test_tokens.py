"""API tokens: made and revoked by their owner, known by a hash only, with an end and a scope (S14, K24)."""

import io
import re
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from schedules.models import ApiToken
from schedules.people.pages import MOST
from tests.api import Client, client_of, token_of
from tests.browser import browser_of, everything, text
from tests.sure import sure
from tests.world import MONDAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def monday(clock):
    clock.move_to(MONDAY, tick=False)


@pytest.fixture
def ana(world):
    return world.person("ana")


def with_token(key: str) -> Client:
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=f"Token {key}")
    return client


def make(browser, **values):
    form = {"do": "make-token", "name": "Probe 7", "scope": "read", "days": "30"}
    return browser.post("/account/", form | values)


def key_in(page) -> str:
    return sure(re.search(r"tocsin_[0-9a-f]{40}", text(page)))[0]


def test_a_form_that_is_sent_twice_makes_one_token(ana):
    """S11, K29"""
    browser = browser_of(ana)
    first, second = (make(browser, csrfmiddlewaretoken="x" * 64) for _ in range(2))
    assert first.status_code == 201 and second["Location"] == "/account/"
    assert ApiToken.objects.count() == 1


def test_a_person_makes_a_token_sees_it_once_and_revokes_it(ana, world, clock):
    browser, bo = browser_of(ana), browser_of(world.person("bo"))
    key = key_in(make(browser))
    token = ApiToken.objects.get()
    assert key not in str(everything()) and key not in text(browser.get("/account/"))
    assert with_token(key).get("teams/").status_code == 200
    assert bo.post("/account/", {"do": "revoke-token", "id": token.pk}).status_code == 404
    assert "Probe 7" in text(browser.get("/account/")) and "Probe 7" not in text(bo.get("/account/"))
    assert browser.post("/account/", {"do": "revoke-token", "id": token.pk}).status_code == 302
    assert with_token(key).get("teams/").status_code == 401
    for wrong in ({"name": ""}, {"scope": "root"}, {"days": "9999"}):
        assert make(browser, **wrong).status_code == 400
    for junk in ("", "x", "9" * 30, "²"):
        assert browser.post("/account/", {"do": "revoke-token", "id": junk}).status_code == 404
    for _ in range(MOST):
        token_of(ana)
    assert f"You have {MOST} tokens" in text(make(browser))


def test_a_token_ends(ana, clock):
    reading = with_token(key_in(make(browser_of(ana))))
    clock.shift(timedelta(days=29, hours=23))
    assert reading.get("teams/").status_code == 200
    clock.shift(timedelta(hours=1))
    assert reading.get("teams/").status_code == 401
    assert "Probe 7" not in text(browser_of(ana).get("/account/"))


def test_a_token_that_may_only_read_writes_nothing(world):
    coach = world.person("coach", is_superuser=True)
    reading, writing = with_token(token_of(coach, scope="read")), client_of(coach)
    assert reading.get("teams/").status_code == reading.options("teams/").status_code == 200
    before = everything()
    for method in ("post", "put", "patch", "delete"):
        refused = getattr(reading, method)("teams/", {"name": "x"}, format="json")
        assert refused.status_code == 403 and refused.json()["detail"] == "This token may only read."
    assert everything() == before
    assert writing.post("teams/", {"name": "x"}).status_code == 201


def test_a_token_of_somebody_who_has_left_is_refused(ana):
    client = client_of(ana)
    type(ana).objects.update(is_active=False)
    assert client.get("teams/").status_code == with_token("wrong").get("teams/").status_code == 401


def test_the_last_use_is_known_to_the_hour(ana, clock):
    client = with_token(token_of(ana, last_used_at=None))
    assert "Never used" in text(browser_of(ana).get("/account/"))
    for minutes, used in ((0, MONDAY), (59, MONDAY), (1, MONDAY + timedelta(hours=1))):
        clock.shift(timedelta(minutes=minutes))
        client.get("teams/")
        assert ApiToken.objects.get().last_used_at == used


def test_the_command_makes_a_new_token_each_time(ana):
    out = io.StringIO()
    call_command("create_api_token", "ana", stdout=out)
    call_command("create_api_token", "ana", "--scope", "read", "--days", "7", "--name", "probe", stdout=out)
    first, second = out.getvalue().split()
    assert with_token(first).get("teams/").status_code == with_token(second).get("teams/").status_code == 200
    [whole, reading] = ApiToken.objects.all()
    assert (whole.scope, reading.scope, reading.expires_at) == ("write", "read", MONDAY + timedelta(days=7))
    for wrong in (["nobody"], ["ana", "--days", "0"], ["ana", "--days", "367"]):
        with pytest.raises(CommandError):
            call_command("create_api_token", *wrong)
