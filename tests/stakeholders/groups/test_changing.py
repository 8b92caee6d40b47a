"""Somebody in sales asks for a change of a group; it is answered, made, told to the people on call, and done."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from dispatching.channels import memory
from dispatching.models import Notice, Priority
from schedules.refused import Refused
from stakeholders.groups import changing, groups
from stakeholders.models import ChangeRequest, Deployment, Message, Outage, Product, StakeholderGroup
from stakeholders.news import outages
from stakeholders.rules import plain
from tests.browser import browser_of, everything, form_in, text
from tests.races import behind
from tests.stakeholders.organisation import everyone
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
PAGE = "/stakeholders/change/"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY, tick=False)
    return clock


@pytest.fixture
def cast(world):
    """Ana is on call, bo is her backup, rep sells, coach answers."""
    people = {name: world.person(name, is_staff=True) for name in ("ana", "bo", "rep")}
    people["coach"] = world.person("coach", is_staff=True, is_superuser=True)
    world.weekly(people["ana"], people["bo"], positions=1)
    return people


@pytest.fixture
def bundle(cast):
    group = StakeholderGroup.objects.create(name="EU bundle", purpose="talk to customers in Europe", ring=everyone())
    group.deployments.add(Deployment.objects.create(name="EU"))
    group.products.add(Product.objects.create(name="B"))
    return group


@pytest.fixture
def request_(world, cast, bundle):
    words = {"what": "Add product C.", "why": "They are sold together."}
    return changing.submit(bundle, **words, due_at=MONDAY + 48 * HOUR, by=cast["rep"], now=MONDAY)


def heard(world) -> list[tuple[str, str]]:
    """(who, subject) of what was told since the last time."""
    start = world._heard
    world.sweep()
    world._heard = len(memory.outbox)
    return [(envelope.address, envelope.subject) for envelope in memory.outbox[start:]]


def add_product_c(bundle, at) -> None:
    before = groups.covers(bundle)
    bundle.products.add(Product.objects.create(name="C"))
    groups.note_coverage(bundle, before, now=at)


def verb(request, name: str) -> str:
    return f"/admin/stakeholders/changerequest/{request.pk}/verb/{name}/"


# --- the course of a request ------------------------------------------------------------------------------------------


def test_the_requester_is_told_each_time(world, cast, bundle, request_):
    """B31"""
    assert heard(world) == [("rep", "Change to EU bundle requested")]
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    assert heard(world) == [("rep", "Change to EU bundle accepted")]
    add_product_c(bundle, MONDAY)
    changing.tell_on_call(request_, now=MONDAY)
    assert heard(world) == [("ana", "Stakeholder group changed: EU bundle")]
    changing.finish(request_, by=cast["coach"], now=MONDAY)
    assert heard(world) == [("rep", "Change to EU bundle done")]


def test_a_declined_request_says_why(world, cast, request_):
    """B31"""
    heard(world)
    with pytest.raises(Refused, match="Give the reason for declining"):
        changing.decline(request_, " ", by=cast["coach"], now=MONDAY)
    changing.decline(request_, "C is not sold there.", by=cast["coach"], now=MONDAY)
    assert heard(world) == [("rep", "Change to EU bundle declined")]
    assert "Reason for declining: C is not sold there." in memory.outbox[-1].body
    with pytest.raises(Refused, match="declined"):
        changing.accept(request_, by=cast["coach"], now=MONDAY)


def test_the_owner_of_the_group_hears_of_a_request(world, cast, bundle):
    bundle.owner = cast["bo"]
    bundle.save()
    changing.submit(bundle, what="x", why="y", due_at=MONDAY + HOUR, by=cast["rep"], now=MONDAY)
    assert sorted(heard(world)) == [(who, "Change to EU bundle requested") for who in ("bo", "rep")]


def test_it_cannot_be_done_before_the_people_on_call_are_told(cast, bundle, request_):
    """B32"""
    with pytest.raises(Refused, match="can no longer be done"):
        changing.finish(request_, by=cast["coach"], now=MONDAY)
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    with pytest.raises(Refused, match="have not been told"):
        changing.finish(request_, by=cast["coach"], now=MONDAY)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChangeRequest.objects.filter(pk=request_.pk).update(state="done")


def test_telling_before_anything_has_changed_is_refused(cast, request_):
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    with pytest.raises(Refused, match="still as it was") as refused:
        changing.tell_on_call(request_, now=MONDAY)
    assert refused.value.field == "group"


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_is_refused(cast, request_):
    answers = [partial(changing.accept, ChangeRequest.objects.get(), by=cast["coach"], now=MONDAY) for _ in range(2)]
    refused = [isinstance(answer, Refused) for answer in behind(request_, *answers)]
    assert sorted(refused) == [False, True]
    assert Notice.objects.count() == 2, "that it was asked for, and one answer"


def test_a_change_after_the_telling_has_to_be_told_again(world, cast, bundle, request_):
    """B32"""
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    add_product_c(bundle, MONDAY)
    changing.tell_on_call(request_, now=MONDAY)
    with pytest.raises(Refused, match="have already been told about that"):
        changing.tell_on_call(request_, now=MONDAY + HOUR)
    bundle.purpose = "talk to everybody in Europe"
    bundle.save()
    with pytest.raises(Refused, match="tell them again"):
        changing.finish(request_, by=cast["coach"], now=MONDAY)
    world.now = MONDAY + HOUR
    changing.tell_on_call(request_, now=world.now)
    changing.finish(request_, by=cast["coach"], now=world.now)
    assert [who for who, subject in heard(world) if "changed" in subject] == ["ana", "ana"]


def test_where_nobody_is_on_call_nobody_has_been_told(cast, bundle, request_):
    """B32"""
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    add_product_c(bundle, MONDAY)
    with pytest.raises(Refused, match="Nobody is on call"):
        changing.tell_on_call(request_, now=MONDAY - timedelta(days=30))


def test_the_notice_states_group_purpose_and_old_and_new_rule(world, cast, bundle, request_):
    """B33"""
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    add_product_c(bundle, MONDAY)
    changing.tell_on_call(request_, now=MONDAY)
    heard(world)
    body = memory.outbox[-1].body
    assert "group: EU bundle" in body and "purpose: talk to customers in Europe" in body
    assert "membership rule, old: EU × B" in body and "membership rule, new: EU × B, C" in body


def test_the_moment_of_the_change_is_recorded(cast, bundle, request_):
    """B34"""
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    add_product_c(bundle, MONDAY + HOUR)
    changing.tell_on_call(request_, now=MONDAY + 2 * HOUR)
    request_.refresh_from_db()
    assert (request_.effective_at, request_.told_at) == (MONDAY + HOUR, MONDAY + 2 * HOUR)


def test_a_message_sent_before_keeps_its_audience(world, cast, bundle):
    """B34"""
    priority = Priority.objects.create(level=1, name="P1", tells_stakeholders=True, update_interval=2 * HOUR)
    links = {"deployments": bundle.deployments.all(), "products": bundle.products.all()}
    outage = Outage(title="Uploads fail", started_at=MONDAY, high_profile=True, priority=priority)
    outages.declare(outage, now=MONDAY, links=links)
    outages.announce(outage, "We are at it.", next_update_by=MONDAY + HOUR, now=MONDAY)
    before = Message.objects.get().audience
    StakeholderGroup.objects.filter(pk=bundle.pk).update(name="Europe")
    bundle.deployments.clear()
    assert Message.objects.get().audience == before
    assert [told["name"] for told in before["told"]] == ["EU bundle"]


def test_a_new_group_has_to_be_chosen_before_it_is_told(world, cast, bundle):
    request = changing.submit(None, what="A group.", why="x", due_at=MONDAY + HOUR, by=cast["rep"], now=MONDAY)
    changing.accept(request, by=cast["coach"], now=MONDAY)
    with pytest.raises(Refused) as refused:
        changing.tell_on_call(request, now=MONDAY)
    assert refused.value.field == "group"
    ChangeRequest.objects.filter(pk=request.pk).update(group=bundle)
    changing.tell_on_call(request, now=MONDAY)
    heard(world)
    assert "membership rule, old: the group did not exist" in memory.outbox[-1].body


def test_two_answers_are_one(world, cast, request_):
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    with pytest.raises(Refused):
        changing.accept(request_, by=cast["coach"], now=MONDAY)
    assert Notice.objects.filter(text__contains="accepted").count() == 1


# --- the page of the person who asks ----------------------------------------------------------------------------------


def test_a_sales_person_asks_through_a_form(world, cast, bundle):
    """B29"""
    browser = browser_of(cast["rep"])
    form = form_in(browser.get(f"{PAGE}?group={bundle.pk}"), "change_form")
    assert form["group"] == [str(bundle.pk)]
    data = {"what": "Add product C.", "why": "They are sold together.", "due_at": "2026-01-07T12:00"}
    page = text(browser.post(PAGE, form | data, follow=True))
    assert "Your request is saved." in page and "waiting for an answer" in page
    made = ChangeRequest.objects.get()
    assert (made.group, made.requested_by, made.due_at) == (bundle, cast["rep"], MONDAY + timedelta(days=2, hours=3))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("what", " "),
        ("why", ""),
        ("due_at", "soon"),
        ("due_at", "2026-01-04T12:00"),
        ("group", "9999999999999999999999"),
    ],
)
def test_a_bad_request_is_refused_at_the_field(cast, field, value):
    data = {"what": "x", "why": "y", "due_at": "2026-01-07T12:00", field: value}
    answer = browser_of(cast["rep"]).post(PAGE, data)
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, [field])
    assert not ChangeRequest.objects.exists()


def test_a_group_in_the_address_that_is_none_is_ignored(cast):
    assert browser_of(cast["rep"]).get(f"{PAGE}?group=x%00").status_code == 200


def test_a_request_past_due_is_visible_to_both_sides(cast, request_, clock):
    """B30"""
    rep, coach = browser_of(cast["rep"]), browser_of(cast["coach"])
    assert "past due" not in text(rep.get(PAGE))
    clock.move_to(MONDAY + 49 * HOUR, tick=False)
    rep, coach = browser_of(cast["rep"]), browser_of(cast["coach"])  # their sessions have ended
    assert "past due" in text(rep.get(PAGE))
    listed = coach.get("/admin/stakeholders/changerequest/?due=past")
    assert list(listed.context["cl"].result_list) == [request_] and "past due:" in text(listed)
    changing.decline(request_, "no", by=cast["coach"], now=MONDAY)
    assert "past due" not in text(rep.get(PAGE))


def test_the_page_needs_a_login_a_token_and_a_post(cast, request_):
    """K11"""
    assert Client().get(PAGE).status_code == Client().post(PAGE).status_code == 302
    assert browser_of(cast["rep"], enforce_csrf_checks=True).post(PAGE, {"what": "x"}).status_code == 403
    browser = browser_of(cast["rep"])
    before = everything()
    for method in (browser.get, browser.head):
        assert method(PAGE).status_code == 200
    assert browser.options(PAGE).status_code == 405
    assert everything() == before


def test_one_sees_only_ones_own_requests(cast, request_):
    """P34: and sees them on the page from which they ask."""
    assert "Add product C." in text(browser_of(cast["rep"]).get(PAGE))
    assert "Add product C." not in text(browser_of(cast["bo"]).get(PAGE))


@pytest.mark.parametrize("page", [PAGE, "/stakeholders/"])
def test_the_pages_say_it_in_plain_words(cast, request_, page):
    """B114"""
    main = text(browser_of(cast["rep"]).get(page)).partition("<main>")[2]
    assert plain.jargon(main) == {}


# --- the admin --------------------------------------------------------------------------------------------------------


def test_the_buttons_take_a_request_to_its_end(cast, bundle, request_):
    """B31, B32"""
    coach = browser_of(cast["coach"])
    assert "is told. Now change the group." in text(coach.post(verb(request_, "accept"), follow=True))
    assert "have not been told yet" in text(coach.post(verb(request_, "finish"), follow=True))
    add_product_c(bundle, MONDAY)
    assert "Told: Ana." in text(coach.post(verb(request_, "tell_on_call"), follow=True))
    page = text(coach.post(verb(request_, "finish"), follow=True))
    request_.refresh_from_db()
    assert request_.state == "done" and "EU × B, C" in page


def test_declining_needs_the_reason_that_was_saved(cast, request_):
    coach = browser_of(cast["coach"])
    page = f"/admin/stakeholders/changerequest/{request_.pk}/change/"
    assert "Give the reason for declining." in text(coach.post(verb(request_, "decline"), follow=True))
    coach.post(page, form_in(coach.get(page), "changerequest_form") | {"reason": "Not now."})
    coach.post(verb(request_, "decline"))
    request_.refresh_from_db()
    assert (request_.state, request_.reason) == ("declined", "Not now.")


def test_the_owner_of_the_group_answers_and_others_do_not(cast, bundle, request_):
    assert browser_of(cast["rep"]).post(verb(request_, "accept")).status_code == 403
    bundle.owner = cast["bo"]
    bundle.save()
    groups.grant_to_owner(bundle)
    assert browser_of(cast["bo"]).post(verb(request_, "accept")).status_code == 302
    request_.refresh_from_db()
    assert request_.state == "accepted"


def test_a_deleted_group_keeps_its_requests(cast, bundle, request_):
    changing.accept(request_, by=cast["coach"], now=MONDAY)
    bundle.delete()
    request_.refresh_from_db()
    assert str(request_) == f"#{request_.pk} EU bundle"
    with pytest.raises(Refused):
        changing.finish(request_, by=cast["coach"], now=MONDAY)
