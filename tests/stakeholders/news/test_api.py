"""Outages over the REST API, as an integration meets them."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatching.models import Priority
from schedules.models import User
from stakeholders.models import Outage, Update
from tests.api import client_of
from tests.sure import sure

SOON = (datetime.now(UTC) + timedelta(hours=3)).isoformat()


@pytest.fixture
def api(outside):
    return client_of(User.objects.create_superuser("coach"))


@pytest.fixture
def outage(api, outside) -> dict:
    outside.subscriber("ann", "7")
    body = {"title": "Uploads fail", "high_profile": True, "priority": 2, "products": [outside.products["A"].pk]}
    body["deployments"] = [outside.deployments["Showcase worldwide"].pk]
    answer = api.post("outages/", body)
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_declared_announced_updated_and_ended(api, outage, outside):
    """B3, B36: by hand, over the API."""
    assert (outage["state"], outage["priority"], outage["announced_at"]) == ("open", 2, None)
    told = api.get(f"outages/{outage['id']}/audience/").json()
    assert told["people"] == 1 and told["told"][0]["reason"] == "covers what is affected"
    for kind in ("announcement", "progress"):
        said = api.post(f"outages/{outage['id']}/updates/", {"text": "No uploads.", "next_update_by": SOON})
        assert (said.status_code, said.json()["kind"]) == (201, kind)
    ended = api.post(f"outages/{outage['id']}/end/", {"text": "It works again.", "done": "A fix."})
    assert (ended.status_code, ended.json()["state"], ended.json()["next_update_by"]) == (200, "ended", None)
    kinds = [each["kind"] for each in api.get(f"outages/{outage['id']}/updates/").json()["results"]]
    assert kinds == ["announcement", "progress", "end"]
    outside.world.now = datetime.now(UTC)
    assert outside.told() == ["ann"] * 3


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("updates/", {"text": "t"}, "next_update_by"),
        ("updates/", {"text": "t", "next_update_by": "2020-01-01T00:00:00Z"}, "next_update_by"),
        ("updates/", {"text": "t", "next_update_by": "tomorrow"}, "next_update_by"),
        ("updates/", {"next_update_by": SOON}, "text"),
        ("updates/", {"text": "t", "next_update_by": SOON, "kind": "end"}, "kind"),
        ("end/", {"text": "t", "next_update_by": SOON}, "next_update_by"),
        ("end/", {}, "text"),
    ],
)
def test_what_is_wrong_is_named(api, outage, path, body, field):
    """B88: updates need `next_update_by`, the end refuses it."""
    answer = api.post(f"outages/{outage['id']}/{path}", body)
    assert answer.status_code == 400 and list(answer.json()) == [field]
    assert not Update.objects.exists()


def test_what_the_state_forbids_is_409_with_a_sentence(api, outage):
    """B1, B87"""
    assert api.patch(f"outages/{outage['id']}/", {"high_profile": False}).status_code == 200
    answer = api.post(f"outages/{outage['id']}/updates/", {"text": "t", "next_update_by": SOON})
    assert answer.status_code == 409 and "not high-profile" in answer.json()["detail"]
    api.post(f"outages/{outage['id']}/end/", {"text": "over"})
    answer = api.post(f"outages/{outage['id']}/updates/", {"text": "t", "next_update_by": SOON})
    assert answer.status_code == 409 and "was dismissed" in answer.json()["detail"], (
        "nobody was told, so nothing follows"
    )


def test_the_priority_changes_through_its_verb_and_what_was_said_stays(api, outage):
    """B140, invariant 15"""
    api.post(f"outages/{outage['id']}/updates/", {"text": "t", "next_update_by": SOON})
    assert api.patch(f"outages/{outage['id']}/", {"priority": None, "priority_reason": "no"}).status_code == 200
    assert sure(Outage.objects.get().events.last()).text == "priority P2 → none: no"
    assert list(api.patch(f"outages/{outage['id']}/", {"title": "Other"}).json()) == ["title"]


def test_a_reason_belongs_to_its_priority(api, outage):
    """bB10, B143: a new priority needs its own reason, and a change of something else leaves the recorded one alone."""
    url = f"outages/{outage['id']}/"
    Priority.objects.create(level=1, name="P1", tells_stakeholders=True)
    assert api.patch(url, {"priority_reason": "demos"}).json()["priority_reason"] == "demos"
    assert api.patch(url, {"priority": 1}).json() == {"priority_reason": ["Say why the priority changes."]}
    kept = api.patch(url, {"said_geography": "everywhere", "priority": 2}).json()
    assert (kept["priority"], kept["priority_reason"]) == (2, "demos")
    changed = api.patch(url, {"priority": 1, "priority_reason": "all customers"}).json()
    assert (changed["priority"], changed["priority_reason"]) == (1, "all customers")
    bare = api.post("outages/", {"title": "Slow"}).json()["id"]
    assert api.patch(f"outages/{bare}/", {"priority": 1}).json()["priority"] == 1, "the first priority needs none"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("", {"title": "A\x01B"}),
        ("", {"said_products": "A\ufffe"}),
        ("updates/", {"text": "bell \x07", "next_update_by": SOON}),
        ("updates/", {"text": "t", "next_update_by": SOON, "late_reason": "\x1b[31m"}),
        ("end/", {"text": "t", "remains": "a\x0bb"}),
        ("dismiss/", {"reason": "\x7f"}),
    ],
)
def test_control_characters_are_refused_at_the_field(api, outage, path, body):
    """S10, J8"""
    answer = getattr(api, "post" if path else "patch")(f"outages/{outage['id']}/{path}", body)
    assert answer.status_code == 400 and "is a control character" in next(iter(answer.json().values()))[0]
    assert list(answer.json()) == [name for name in body if name not in ("next_update_by",) and body[name] != "t"]


def test_stakeholders_read_and_do_not_write(outage):
    """B37"""
    rep = client_of(User.objects.create_user("rep"))
    assert rep.get(f"outages/{outage['id']}/").status_code == 200
    assert rep.post("outages/", {"title": "x"}).status_code == 403
    for path, body in (("updates/", {"text": "t", "next_update_by": SOON}), ("end/", {"text": "t"})):
        assert rep.post(f"outages/{outage['id']}/{path}", body).status_code == 403


def test_a_list_asks_a_constant_number_of_questions(api, outside, django_assert_num_queries):
    for _ in range(3):
        outside.outage()
    with django_assert_num_queries(8):
        assert len(api.get("outages/").json()["results"]) == 3
    for _ in range(20):
        outside.outage()
    with django_assert_num_queries(8):
        assert len(api.get("outages/").json()["results"]) == 23
