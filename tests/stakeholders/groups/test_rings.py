"""Rings over the API and in the admin: their groups, their rules, and who would be told when."""

from datetime import datetime, timedelta

import pytest

from schedules.models import User
from stakeholders.models import StakeholderGroup, StakeholderRing
from stakeholders.news import outages
from tests.api import client_of
from tests.browser import browser_of, form_in, text
from tests.stakeholders.organisation import HOUR, SHOW, US, Stakeholders, everyone

RULE = {"match": "any", "elapsed": "01:00:00", "projected": "04:00:00", "priority": None, "severity": None}
SENTENCE = "told if not over after 1 hour, or if recovery is expected to take more than 4 hours"


@pytest.fixture
def coach(outside) -> User:
    return User.objects.create_superuser("coach")


@pytest.fixture
def api(coach):
    return client_of(coach)


def test_a_ring_with_its_groups_and_its_rule(api, outside):
    """B47, B48, B55, B58"""
    group = outside.group("leaders", [SHOW], None, ring=None)
    body = {"number": 2, "name": "leadership", "boundary": "product", "groups": [group.pk], "rule": RULE}
    answer = api.post("rings/", body)
    assert answer.status_code == 201, answer.json()
    made = answer.json()
    assert (made["groups"], made["rule"], made["sentence"]) == ([group.pk], RULE, SENTENCE)
    assert api.put(f"rings/{made['id']}/", {name: made[name] for name in body}).json() == made
    changed = api.patch(f"rings/{made['id']}/", {"groups": [], "rule": {"elapsed": None, "severity": "error"}}).json()
    assert changed["groups"] == [] and changed["rule"] == RULE | {"elapsed": None, "severity": "error"}
    assert api.get(f"stakeholder-groups/{group.pk}/").json()["ring"] is None


@pytest.mark.parametrize(
    ("more", "field", "sentence"),
    [
        ({"number": 1}, "number", "already"),
        ({"boundary": "moon"}, "boundary", "not a valid choice"),
        ({"rule": {"elapsed": "-1"}}, "rule", "greater than or equal"),
        ({"rule": {"elapsed": "soon"}}, "rule", "Duration"),
        ({"rule": {"priority": 6}}, "rule", "less than or equal"),
        ({"rule": {"priority": 0}}, "rule", "greater than or equal"),
        ({"rule": {"severity": "bad"}}, "rule", "not a valid choice"),
        ({"rule": {"after": 1}}, "rule", "There is no field “after” here"),
        ({"groups": [999]}, "groups", "does not exist"),
        ({"groups": "open"}, "groups", "a group in it cannot be open to more people"),
        ({"groups": "elsewhere"}, "groups", "lies in ring 1: everyone: a group lies in one ring"),
    ],
)
def test_what_is_wrong_with_a_ring_is_named(api, outside, more, field, sentence):
    if more.get("groups") == "open":
        more = {"groups": [outside.group("open", [SHOW], None, ring=None, openness="everyone").pk]}
    elif more.get("groups") == "elsewhere":
        more = {"groups": [outside.group("there", [SHOW], None, ring=everyone()).pk]}
    answer = api.post("rings/", {"number": 2, "name": "leadership", "boundary": "product", **more})
    assert answer.status_code == 400 and list(answer.json()) == [field], answer.json()
    assert sentence in str(answer.json())
    assert StakeholderRing.objects.count() == 1


def test_a_group_is_opened_no_further_than_its_ring(api, outside):
    """A group of an inner ring can never be open further than its ring's boundary."""
    inside = StakeholderRing.objects.create(number=2, name="inside", boundary="enterprise")
    group = outside.group("sales", [SHOW], None, ring=inside, openness="enterprise")
    answer = api.patch(f"stakeholder-groups/{group.pk}/", {"openness": "everyone"})
    assert answer.status_code == 400 and list(answer.json()) == ["openness"]
    answer = api.patch(f"rings/{inside.pk}/", {"boundary": "product"})
    assert answer.status_code == 400 and list(answer.json()) == ["boundary"]


def test_the_ring_in_the_admin(coach, outside):
    """The rule is a sentence in the list and on the page; what cannot be is refused at its field."""
    browser, add = browser_of(coach), "/admin/stakeholders/stakeholderring/add/"
    form = form_in(browser.get(add), "stakeholderring_form") | {"number": "2", "name": "leaders", "elapsed": "1 h"}
    page = text(browser.post(add, form | {"_continue": "1"}, follow=True))
    assert "Ring 2: leaders is told if not over after 1 hour, but never before ring 1: everyone." in page
    assert "No group lies in this ring" in page
    assert "told if not over after 1 hour" in text(browser.get("/admin/stakeholders/stakeholderring/"))
    outside.groups["7"].openness = "everyone"
    outside.groups["7"].save()
    change = f"/admin/stakeholders/stakeholdergroup/{outside.groups['7'].pk}/change/"
    form = form_in(browser.get(change), "stakeholdergroup_form")
    refused = browser.post(change, form | {"ring": str(StakeholderRing.objects.get(number=2).pk)})
    assert list(refused.context["adminform"].form.errors) == ["openness"]


def rings_of(outside: Stakeholders) -> None:
    """Ring 2 is told after an hour, ring 3 if it takes more than 4 hours; ann in 1, bob in 1 and 2, cem in 3."""
    two = StakeholderRing.objects.create(number=2, name="two", elapsed=HOUR)
    three = StakeholderRing.objects.create(number=3, name="three", projected=4 * HOUR)
    outside.groups |= {name: outside.group(name, [SHOW], None, ring=ring) for name, ring in (("x", two), ("y", three))}
    for name, groups in (("ann", "7"), ("bob", "7x"), ("cem", "y")):
        outside.subscriber(name, *groups)


@pytest.mark.parametrize(
    ("recovery_in", "told"),
    [
        (None, [(1, 0, 2), (2, 60, 0), (3, None, 1)]),
        ("05:00:00", [(1, 0, 2), (2, 60, 0), (3, 60, 1)]),
        ("00:51:00", [(1, 0, 2), (2, None, 0), (3, None, 1)]),
        ("01:00:00", [(1, 0, 2), (2, None, 0), (3, None, 1)]),
    ],
    ids=["not over", "long", "over before", "over in the same instant"],
)
def test_a_simulation_is_what_then_happens(api, outside, recovery_in, told):
    """Nothing is written; the numbers are of people, each in the innermost ring."""
    rings_of(outside)
    where, what = outside.deployments[SHOW].pk, outside.products["A"].pk
    body = {"deployments": [where], "products": [what], "priority": 2, "recovery_in": recovery_in}
    answer = api.post("rings/simulate/", body)
    assert answer.status_code == 200, answer.json()
    at = [step["told_at"] and datetime.fromisoformat(step["told_at"]) for step in answer.json()]
    after = [moment and (moment - at[0]) // timedelta(minutes=1) for moment in at]
    assert [(step["ring"], after[n], step["people"]) for n, step in enumerate(answer.json())] == told
    outage, began = outside.outage(what="A"), outside.world.now
    outside.announce(outage)
    hours, minutes = map(int, (recovery_in or "8:00")[:5].split(":"))
    over = timedelta(hours=hours, minutes=minutes)
    if recovery_in:
        outages.project(outage, began + over, now=began)
    for span in sorted({HOUR, over}):
        if span < over:
            outside.advance(seconds=(began + span - outside.world.now).total_seconds())
    outside.world.now = began + over
    outages.end(outage, "It works again.", now=outside.world.now)
    opened = {bracket.ring.number: bracket.opened_at for bracket in outage.brackets.all()}
    assert [moment and began + (moment - at[0]) for moment in at] == [opened[number] for number, *_ in told]


def test_a_simulation_names_the_field_that_is_wrong(api, outside):
    for body, field in (({}, "deployments"), ({"deployments": [1], "products": [], "priority": 2}, "products")):
        answer = api.post("rings/simulate/", body)
        assert answer.status_code == 400 and field in answer.json()


def test_the_brackets_and_the_projection_over_the_api_and_in_the_admin(api, coach, outside):
    """The contract's names; a projection in the past is refused at its field."""
    rings_of(outside)
    outage = outside.outage()
    outside.announce(outage)
    brackets = api.get(f"outages/{outage.pk}/brackets/").json()
    assert [(row["ring"], row["state"]) for row in brackets] == [(1, "open"), (2, "waiting"), (3, "waiting")]
    assert brackets[1]["rule"] == "told if not over after 1 hour" and brackets[2]["due_at"] is None
    answer = api.post(f"outages/{outage.pk}/projection/", {"recovery_at": "2020-01-01T00:00:00Z"})
    assert answer.status_code == 400 and list(answer.json()) == ["recovery_at"]
    answer = api.post(f"outages/{outage.pk}/projection/", {"recovery_at": "2040-01-01T00:00:00Z", "reason": "parts"})
    assert answer.status_code == 200 and answer.json()["recovery_at"].startswith("2040-01-01")
    browser, page = browser_of(coach), f"/admin/stakeholders/outage/{outage.pk}"
    shown = text(browser.get(f"{page}/change/"))
    assert "told if not over after 1 hour" in shown and "Recovery is expected" in shown
    browser.post(f"{page}/verb/project/", {"recovery_at": ""})
    outage.refresh_from_db()
    assert outage.recovery_at is None
    assert "Expected recovery: This is not a date" in text(
        browser.post(f"{page}/verb/project/", {"recovery_at": "soon"}, follow=True)
    )


def test_an_edit_of_what_is_affected_is_looked_at_at_once(api, coach, outside):
    """B56: by form and by API alike."""
    two = StakeholderRing.objects.create(number=2, name="two", severity="error")
    outside.groups["x"] = outside.group("x", [SHOW, US], None, ring=two)
    for change in ("api", "form"):
        outage = outside.outage()
        outside.announce(outage)
        if change == "api":
            assert api.patch(f"outages/{outage.pk}/", {"severity": "critical"}).status_code == 200
        else:
            page, browser = f"/admin/stakeholders/outage/{outage.pk}/change/", browser_of(coach)
            form = form_in(browser.get(page), "outage_form") | {"severity": "critical"}
            assert browser.post(page, form).status_code == 302
        assert [bracket.state for bracket in outage.brackets.all()] == ["open", "open"], change
    assert StakeholderGroup.objects.count() == 8
