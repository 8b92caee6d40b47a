"""What a priority brings with it: who is told, how often, why; and who says so."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from dispatching import example
from dispatching.alerts import lifecycle, related
from dispatching.channels import memory
from dispatching.models import Alert, Delivery, Notice, Priority, Service
from schedules.models import Team, User
from stakeholders.definitions import defining
from stakeholders.models import NotificationDefinition, Outage
from stakeholders.news import outages
from tests.api import client_of
from tests.browser import browser_of, form_in, text
from tests.stakeholders.organisation import SHOW
from tests.sure import sure

HOUR = timedelta(hours=1)
MINE = "/subscriptions/mine/"


@pytest.fixture
def uploads(world, outside):
    """Team 1 looks after uploads; ana is on call, mo manages."""
    ana, mo = world.person("ana"), world.person("mo")
    integration = world.service(world.policy((HOUR, ana)), name="Uploads")
    integration.service.team = world.team("Team 1", ana, manager=mo)
    integration.service.save()
    return integration


@pytest.fixture
def levels(outside):
    Priority.objects.filter(level=2).update(tells_management=True)
    for level, management in ((1, True), (3, False)):
        Priority.objects.create(level=level, name=f"P{level}", tells_stakeholders=True, tells_management=management)


def managers(outside) -> list[str]:
    """What management is told from now until nothing is due; whatever is told is told once."""
    before = len(memory.outbox)
    for _ in range(2):
        outside.sweep()
        outside.world.sweep()
    return [mail.subject for mail in memory.outbox[before:] if mail.data["notice"]["kind"] == "management"]


# --- what follows from it ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_example_organisation_has_the_priorities_of_table_9_2():
    """B134, B136, D1: hotfix, postmortem, management, stakeholders, hours between status updates."""
    example.load(None)
    names = ("name", "hotfix", "postmortem", "tells_management", "tells_stakeholders", "update_interval")
    assert list(Priority.objects.values_list(*names)) == [
        ("P1", True, True, True, True, 2 * HOUR),
        ("P2", False, False, True, True, 4 * HOUR),
        ("P3", False, False, False, True, 6 * HOUR),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("level", "hours"), [(1, 2), (2, 4), (3, 6)])
def test_status_updates_are_due_every_2_4_or_6_hours(world, level, hours):
    """B136"""
    call_command("load_example", verbosity=0)
    outage = Outage(title="x", started_at=world.now, priority=Priority.objects.get(level=level))
    assert outages.usual(outage) == hours * HOUR


@pytest.mark.parametrize(
    ("level", "told"),
    [(1, ["For information: P1 outage: Uploads fail"]), (2, ["For information: P2 outage: Uploads fail"]), (3, [])],
)
def test_management_is_told_of_an_outage_with_such_a_priority_once(outside, uploads, levels, level, told):
    """B135"""
    outside.outage(priority=Priority.objects.get(level=level), links={"services": [uploads.service]})
    assert managers(outside) == told
    assert [notice.recipient.name for notice in Notice.objects.filter(kind="management")] == ["Mo"] * len(told)


@pytest.mark.parametrize(("level", "told"), [(1, ["For information: [P1 Uploads] k1"]), (3, []), (None, [])])
def test_management_is_told_of_the_first_of_many_alerts(outside, uploads, levels, level, told):
    """B135: a storm is one message."""
    world = outside.world
    alerts = [world.trigger(uploads, key, summary=key, priority=level) for key in ("k1", "k2", "k3")]
    assert managers(outside) == told
    if told:
        body = memory.outbox[-1].body
        assert "Paged so far: Ana (Mon 5 Jan 2026, 09:00 UTC)\nNext, if nobody acknowledges: the last resort, " in body
        assert "\nThe alert: http://127.0.0.1:8000/a/" in body
    lifecycle.acknowledge(alerts[0], now=world.now)
    world.trigger(uploads, "k4", priority=level)
    assert managers(outside) == []


def test_ba3_management_is_told_of_a_storm_once_also_when_its_first_alert_ends_first(outside, uploads, levels):
    """bA3: k1 to k3 were open together; each time the oldest was resolved, the manager was told of the next one."""
    world = outside.world
    first, second, _ = [world.trigger(uploads, key, summary=key, priority=1) for key in ("k1", "k2", "k3")]
    assert managers(outside) == ["For information: [P1 Uploads] k1"]
    for alert in (first, second):
        world.advance(minutes=1)
        lifecycle.resolve(alert, now=world.now)
        assert managers(outside) == []
    world.trigger(uploads, "k4", summary="k4", priority=1)
    assert managers(outside) == [], "the storm goes on"
    world.advance(minutes=1)
    for alert in Alert.objects.exclude(state="resolved"):
        lifecycle.resolve(alert, now=world.now)
    world.advance(minutes=1)
    world.trigger(uploads, "k5", summary="k5", priority=1)
    assert managers(outside) == ["For information: [P1 Uploads] k5"], "another storm"
    # P30: the page of each alert says whether the manager was told, or why not, and their link needs no admin.
    said = [[line.text for line in related.on_page(alert)] for alert in Alert.objects.order_by("pk")[:2]]
    assert said == [
        ["Mo was told about this alert"],
        [f"not told, because alert #{first.pk} of the same service was open before; several at a time are one message"],
    ]
    body = Delivery.objects.filter(notice__key__startswith=f"management/alert/{first.pk}/").get().body
    [path] = re.findall(r"/a/\S+", body)
    assert "/admin/" not in body
    # A manager who taps what is big on a phone must not end the paging of others.
    assert "<button" not in text(Client().get(path))
    assert Client().post(path).status_code == 403
    assert not Alert.objects.filter(state="acknowledged").exists()


def test_bb14_where_management_is_told_but_there_is_no_manager_the_timeline_says_so_once(outside, uploads, levels):
    """bB14, B135"""
    Team.objects.update(manager=None)
    nowhere = outside.outage(priority=Priority.objects.get(level=1))
    here = outside.outage(priority=Priority.objects.get(level=1), links={"services": [uploads.service]})
    alert = outside.world.trigger(uploads, "k", priority=1)
    for _ in range(2):
        assert managers(outside) == []
    untold = "P1 is told to management, but Uploads has no engineering manager: nobody was told"
    assert [line.text for line in here.events.all()].count(untold) == 1
    assert [line.text for line in alert.events.all()].count(untold) == 1
    assert "P1 is told to management, but it names no service: nobody was told" in map(str, nowhere.events.all())


def test_an_alert_that_led_to_an_outage_is_told_as_the_outage(outside, uploads, levels):
    """B135: management hears of it once. P30: the link into the admin is for managers who may enter it."""
    alert = outside.world.trigger(uploads, priority=1)
    outages.declare_from_alert(alert, now=outside.world.now, title="Uploads fail")
    assert managers(outside) == ["For information: P1 outage: Uploads fail"]
    User.objects.update(is_staff=True)
    outages.declare_from_alert(outside.world.trigger(uploads, "again", priority=1), now=outside.world.now)
    managers(outside)
    told = Delivery.objects.filter(notice__key__startswith="management/outage/").order_by("pk")
    assert ["/admin/stakeholders/outage/" in delivery.body for delivery in told] == [False, True]


def test_a_priority_that_is_raised_tells_management_then(outside, uploads, levels):
    """B135, B140"""
    outage = outside.outage(priority=Priority.objects.get(level=3), links={"services": [uploads.service]})
    assert managers(outside) == []
    outages.change_priority(outage, Priority.objects.get(level=1), reason="all customers", now=outside.world.now)
    assert managers(outside) == ["For information: P1 outage: Uploads fail"]
    assert "Why this priority: all customers" in memory.outbox[-1].body


def test_a_team_without_a_manager_or_with_one_who_has_left(outside, uploads, levels):
    User.objects.filter(username="mo").update(is_active=False)
    outside.world.trigger(uploads, priority=1)
    assert managers(outside) == []
    Team.objects.update(manager=None)
    assert managers(outside) == []


def test_management_costs_the_same_however_much_goes_on(outside, uploads, levels, django_assert_max_num_queries):
    for number in range(3):
        outside.world.trigger(uploads, str(number), priority=1)
    outside.outage(priority=Priority.objects.get(level=1), links={"services": [uploads.service]})
    outside.outage(priority=Priority.objects.get(level=1), links={"services": [uploads.service]})
    outside.sweep()
    with django_assert_max_num_queries(30):
        outside.sweep()


# --- an SLO's priority and its groups ---------------------------------------------------------------------------------


@pytest.fixture
def definition(outside, uploads):
    words = dict.fromkeys(("why_major", "why_needed", "what_they_do"), "x")
    return NotificationDefinition.objects.create(
        name="Uploads", service=uploads.service, title="Uploads fail", text="No uploads.", **words
    )


def page(definition) -> str:
    return f"/admin/stakeholders/notificationdefinition/{definition.pk}/change/"


def test_the_team_gives_its_slo_a_priority_and_chooses_the_groups(outside, uploads, levels, definition):
    """B137, B143: an outage of it has both, and the reason."""
    User.objects.update(is_staff=True)
    ana = browser_of(User.objects.get(username="ana"))
    form = form_in(ana.get(page(definition)), "notificationdefinition_form")
    chosen = {"priority": Priority.objects.get(level=2).pk, "groups": [outside.groups["7"].pk]}
    answer = ana.post(
        page(definition), form | chosen | {"slo": "availability", "priority_reason": "demos depend on it"}
    )
    assert answer.status_code == 302
    assert ana.post(f"/admin/stakeholders/notificationdefinition/{definition.pk}/verb/put_live/").status_code == 302
    definition.refresh_from_db()
    outside.world.now = definition.live_since
    outside.world.trigger(uploads, slo="availability", deployment=SHOW, product="A", priority=3)
    outside.sweep()
    outage = Outage.objects.get()
    assert (sure(outage.priority).level, outage.priority_reason) == (2, "demos depend on it")
    assert list(outage.groups.all()) == [outside.groups["7"]]


def test_the_priority_of_a_running_outage_changes_and_that_of_the_slo_does_not(outside, uploads, levels, definition):
    """B140"""
    definition.priority = Priority.objects.get(level=2)
    definition.save()
    defining.put_live(definition, now=outside.world.now)
    outside.world.trigger(uploads, deployment=SHOW, product="A")
    outside.sweep()
    outages.change_priority(Outage.objects.get(), Priority.objects.get(level=1), reason="more", now=outside.world.now)
    definition.refresh_from_db()
    assert (sure(Outage.objects.get().priority).level, sure(definition.priority).level) == (1, 2)


def test_another_team_only_looks(outside, uploads, definition):
    """B137"""
    bo = outside.world.person("bo", is_staff=True)
    outside.world.team("Team 2", bo)
    assert 'name="priority"' not in text(browser_of(bo).get(page(definition)))
    assert browser_of(bo).post(page(definition), {"priority": ""}).status_code == 403
    api = client_of(bo)
    url = f"notification-definitions/{definition.pk}/"
    assert (api.get(url).status_code, api.patch(url, {"text": "x"}).status_code) == (200, 403)
    assert api.post(f"{url}live/").status_code == 403


def test_a_team_writes_definitions_of_its_own_services_only(outside, uploads, definition):
    """B137"""
    other = Service.objects.create(name="Reports", policy=uploads.service.policy)
    ana = User.objects.get(username="ana")
    ana.is_staff = True
    ana.save()
    shown = text(browser_of(ana).get("/admin/stakeholders/notificationdefinition/add/"))
    assert ">Uploads</option>" in shown and ">Reports</option>" not in shown
    api, url = client_of(ana), f"notification-definitions/{definition.pk}/"
    assert api.patch(url, {"priority": 2, "priority_reason": "x"}).json()["priority"] == 2
    assert api.patch(url, {"service": other.pk}).status_code == 403
    made = {**api.get(url).json(), "name": "More", "service": uploads.service.pk}
    made = {
        name: value
        for name, value in made.items()
        if name not in ("id", "version", "replaces", "live_since", "comments", "remarks")
    }
    assert api.post("notification-definitions/", made).status_code == 201
    assert api.post("notification-definitions/", made | {"name": "Theirs", "service": other.pk}).status_code == 403
    ana.user_permissions.add(Permission.objects.get(codename="add_notificationdefinition"))
    assert (
        client_of(User.objects.get(pk=ana.pk))
        .post("notification-definitions/", made | {"name": "Theirs", "service": other.pk})
        .status_code
        == 201
    )


# --- why, for those who are told --------------------------------------------------------------------------------------


@pytest.fixture
def rep(outside):
    user = outside.world.person("rep")
    outside.subscribe(user.recipient.contact_points.get(), "7")
    return user


def test_stakeholders_read_why_it_has_this_priority_and_comment(outside, rep):
    """B143"""
    outage = outside.outage(priority_reason="most devices <are> affected")
    outside.announce(outage)
    browser = browser_of(rep)
    assert "Priority: P2, because: most devices &lt;are&gt; affected" in text(browser.get(MINE))
    answer = browser.post(MINE, {"outage": outage.pk, "text": "Demos run all day."}, follow=True)
    assert "Your comment goes to the people who look after this outage." in text(answer)
    assert "Your comment on the priority: Demos run all day." in text(answer)
    said = outage.events.last()
    assert (said.text, said.by) == ("comment on the priority: Demos run all day.", rep)


@pytest.mark.parametrize(
    "filled", [{"text": " "}, {"text": "x" * 1001}, {"outage": "9" * 30}, {"outage": "x\0"}, {"outage": ""}]
)
def test_a_comment_that_says_nothing_or_is_about_nothing_is_refused(outside, rep, filled):
    outage = outside.outage()
    outside.announce(outage)
    before = outage.events.count()
    assert browser_of(rep).post(MINE, {"outage": outage.pk, "text": "x", **filled}).status_code == 400
    assert outage.events.count() == before


def test_who_was_not_told_does_not_comment(outside, rep):
    """B143"""
    outage = outside.outage(["Production US"], "A")
    outside.announce(outage)
    assert browser_of(rep).post(MINE, {"outage": outage.pk, "text": "x"}).status_code == 400
    stranger = outside.world.person("bo")
    assert (
        browser_of(stranger, enforce_csrf_checks=True).post(MINE, {"outage": outage.pk, "text": "x"}).status_code == 403
    )


# --- on the guide -----------------------------------------------------------------------------------------------------


def test_what_is_live_is_on_the_guide_for_people_on_call(outside, uploads, definition, rep):
    """B106, B107, B108"""
    definition.runbook_url, definition.recording_url = "https://wiki.example.org/run", "https://video.example.org/1"
    definition.save()
    ana = browser_of(User.objects.get(username="ana"))
    assert "Stakeholder notifications" not in text(ana.get("/stakeholders/"))
    defining.put_live(definition, now=outside.world.now)
    page = text(ana.get("/stakeholders/"))
    assert '<h2 id="notifications">Stakeholder notifications</h2>' in page and "Uploads, version 1" in page
    assert "https://wiki.example.org/run" in page and "https://video.example.org/1" in page
    assert f'id="service-{uploads.service.pk}"' in page
    assert "wiki.example.org" not in text(browser_of(rep).get("/stakeholders/")), "not shown to stakeholders"


def test_the_people_on_call_are_told_with_the_link_when_it_goes_live(outside, world, uploads, definition):
    """B106"""
    bo, cy = world.person("bo"), world.person("cy")
    [schedule] = world.weekly(bo, cy, positions=1)
    schedule.team = uploads.service.team
    schedule.save()
    assert [notice.recipient.user for notice in defining.put_live(definition, now=world.now)] == [bo]
    world.sweep()
    assert world.told() == ["bo"]
    assert f"/stakeholders/#service-{uploads.service.pk}" in memory.outbox[-1].body
    newer = defining.new_version(definition)
    defining.put_live(newer, now=world.now)
    world.sweep()
    assert world.told() == ["bo"] and "Uploads, version 2" in memory.outbox[-1].subject


def test_the_alerts_own_page_leads_to_the_definitions_of_its_service(outside, uploads):
    """B107"""
    outside.world.trigger(uploads)
    path = memory.outbox[-1].data["url"].partition("//")[2].partition("/")[2]
    page = text(browser_of(User.objects.get(username="ana")).get(f"/{path}"))
    assert f'href="/stakeholders/#service-{uploads.service.pk}"' in page
    assert 'href="/stakeholders/"' in text(browser_of(User.objects.get(username="ana")).get("/on-call/"))


def test_the_guide_asks_a_constant_number_of_questions(outside, uploads, definition, django_assert_num_queries):
    ana = browser_of(User.objects.get(username="ana"))
    defining.put_live(definition, now=outside.world.now)
    ana.get("/stakeholders/")
    with django_assert_num_queries(16):
        ana.get("/stakeholders/")
    for number in range(3):
        more = NotificationDefinition.objects.get(pk=definition.pk)
        more.pk, more.name = None, f"More {number}"
        more.save()
        defining.put_live(more, now=outside.world.now)
    with django_assert_num_queries(16):
        ana.get("/stakeholders/")
