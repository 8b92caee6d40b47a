"""Deployments, products, groups and rings by API."""

import pytest
from django.utils import timezone

from schedules.models import User
from stakeholders.models import Deployment, Product, StakeholderGroup
from tests.api import client_of
from tests.sure import sure

pytestmark = pytest.mark.django_db


@pytest.fixture
def sides(db):
    return Deployment.objects.create(name="EU"), Product.objects.create(name="B")


def new(coach, **more) -> dict:
    answer = coach.post("stakeholder-groups/", {"name": "Bundle", "purpose": "talk", **more})
    assert answer.status_code == 201, answer.json()
    return answer.json()


def test_a_group_is_made_read_and_changed(coach, sides):
    """B18, B27, B34"""
    where, what = sides
    rep = User.objects.create(username="rep")
    made = new(coach, deployments=[where.pk], products=[what.pk], owner="rep", representatives=["rep"])
    assert (made["covers"], made["owner"], made["representatives"]) == ("EU × B", rep.pk, [rep.pk])
    url = f"stakeholder-groups/{made['id']}/"
    before = timezone.now()
    changed = coach.patch(url, {"products": [], "all_products": True}).json()
    assert changed["covers"] == "EU × all products"
    assert sure(StakeholderGroup.objects.get().covers_since) >= before
    assert coach.delete(url).status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"purpose": " "}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"deployments": ["x"]}, "deployments"),
        ({"all_deployments": True}, "products"),
        ({"all_products": True}, "deployments"),
        ({"openness": "all"}, "openness"),
        ({"parent": 10**12}, "parent"),
        ({"owner": "nobody"}, "owner"),
        ({"review_by": "soon"}, "review_by"),
        ({"purposes": "x"}, "purposes"),
    ],
)
def test_a_bad_group_is_refused_by_field(coach, body, field):
    """B11"""
    answer = coach.post("stakeholder-groups/", {"name": "x", "purpose": "y", **body})
    assert answer.status_code == 400
    assert field in answer.json()


def test_both_some_and_all_is_refused_also_where_one_was_saved_before(coach, sides):
    where, what = sides
    made = new(coach, deployments=[where.pk], products=[what.pk])
    answer = coach.patch(f"stakeholder-groups/{made['id']}/", {"all_products": True})
    assert (answer.status_code, list(answer.json())) == (400, ["products"])


def test_a_cycle_is_refused_at_the_parent(coach):
    """B17"""
    top = new(coach, name="top")["id"]
    part = new(coach, name="part", parent=top)["id"]
    answer = coach.patch(f"stakeholder-groups/{top}/", {"parent": part})
    assert answer.status_code == 400
    assert answer.json() == {"parent": ["part is already part of top, so top cannot be part of it."]}
    answer = coach.patch(f"stakeholder-groups/{top}/", {"parent": top})
    assert answer.json() == {"parent": ["A group cannot be part of itself."]}


def test_the_same_name_in_other_letters_is_refused(coach):
    new(coach, name="Bundle")
    answer = coach.post("stakeholder-groups/", {"name": "BUNDLE", "purpose": "x"})
    assert (answer.status_code, list(answer.json())) == (400, ["name"])
    Deployment.objects.create(name="EU")
    assert coach.post("deployments/", {"name": "eu"}).json() == {
        "name": ["There is already a deployment of this name."]
    }


def test_the_owner_may_change_it_others_may_not_and_nobody_gives_it_away(coach):
    rep, bo = (User.objects.create(username=name) for name in ("rep", "bo"))
    url = f"stakeholder-groups/{new(coach, owner='rep')['id']}/"
    assert client_of(rep).patch(url, {"advice": "x"}).status_code == 200
    assert client_of(bo).patch(url, {"advice": "y"}).status_code == 403
    assert client_of(rep).patch(url, {"owner": "bo"}).status_code == 403
    assert client_of(rep).delete(url).status_code == 403
    assert coach.patch(url, {"owner": "bo"}).status_code == 200
    assert client_of(User.objects.get(pk=bo.pk)).patch(url, {"advice": "y"}).status_code == 200
    assert client_of(User.objects.get(pk=rep.pk)).patch(url, {"advice": "y"}).status_code == 403


def test_groups_are_found_by_what_they_cover(coach, sides):
    where, what = sides
    new(coach, name="one", deployments=[where.pk], products=[what.pk])
    new(coach, name="all", all_deployments=True, all_products=True)
    new(coach, name="none", review_by="2020-01-01")

    def found(query: str) -> list[str]:
        return [row["name"] for row in coach.get(f"stakeholder-groups/?{query}").json()["results"]]

    assert found(f"deployment={where.pk}") == ["all", "one"]
    assert found(f"product={what.pk + 1}") == ["all"]
    assert found("past_review=true") == ["none"]
    assert found("past_review=false") == ["all", "one"]
    assert found("name=ONE") == ["one"]


def test_what_is_used_is_kept(coach, sides):
    """A group must not come to cover less because somebody tidied up."""
    where, what = sides
    made = new(coach, deployments=[where.pk], products=[what.pk])
    for noun, side in (("deployments", where), ("products", what)):
        answer = coach.delete(f"{noun}/{side.pk}/")
        assert (answer.status_code, "Bundle" in answer.json()["detail"]) == (409, True)
    coach.delete(f"stakeholder-groups/{made['id']}/")
    assert coach.delete(f"deployments/{where.pk}/").status_code == 204
    top = new(coach, name="top")["id"]
    new(coach, name="part", parent=top)
    answer = coach.delete(f"stakeholder-groups/{top}/")
    assert (answer.status_code, "part" in answer.json()["detail"]) == (409, True)


def test_a_ring_has_a_number_of_its_own(coach):
    assert coach.post("rings/", {"number": 1, "name": "product management"}).status_code == 201
    for number in (1, 0, -1, 10**9):
        answer = coach.post("rings/", {"number": number, "name": f"ring {number}"})
        assert (answer.status_code, list(answer.json())) == (400, ["number"]), number
