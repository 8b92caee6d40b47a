"""The admin as somebody uses it: alerts with their buttons, keys, policies, what was sent."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from dispatching.alerts import links
from dispatching.models import Alert, ContactPoint, Delivery, EscalationPolicy, Integration, Recipient
from schedules.models import Schedule, User
from tests.browser import browser_of, everything, form_in, text
from tests.sure import sure
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
EVIL = "<img src=x onerror=alert(1)>"
VERBS = ["acknowledge", "resolve", "escalate_now", "reopen"]


@pytest.fixture(autouse=True)
def clock(clock):
    clock.move_to(MONDAY + timedelta(minutes=5), tick=False)
    return clock


@pytest.fixture
def coach(db):
    return User.objects.create_superuser("coach", first_name="Cleo", last_name="Coach")


@pytest.fixture
def admin(coach):
    return browser_of(coach)


@pytest.fixture
def ana(world):
    return world.person("ana", is_staff=True)


@pytest.fixture
def source(world, ana):
    return world.service(world.policy((timedelta(hours=1), ana), (timedelta(hours=1), world.person("bo"))), "Log-on")


@pytest.fixture
def alert(world, source):
    return world.trigger(source)


def page_of(obj, page: str = "change", *more) -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{page}", args=[obj.pk, *more])


def list_of(model) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


# --- alerts and their buttons -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERBS)
def test_only_a_post_presses_a_button(admin, alert, name):
    """K11"""
    admin.get(page_of(alert))
    before = everything()
    for method in (admin.get, admin.head, admin.put, admin.options):
        assert method(page_of(alert, "verb", name)).status_code == 405
    assert everything() == before


@pytest.mark.parametrize("name", VERBS)
def test_a_button_needs_a_csrf_token_and_a_login(coach, alert, name):
    before = everything()
    assert browser_of(coach, enforce_csrf_checks=True).post(page_of(alert, "verb", name)).status_code == 403
    before = {table: rows for table, rows in before.items() if table != "schedules.User"}  # the last log-in
    assert Client().post(page_of(alert, "verb", name)).status_code == 302
    assert {table: rows for table, rows in everything().items() if table in before} == before


def test_the_buttons_acknowledge_and_then_resolve(admin, coach, alert):
    said = text(admin.post(page_of(alert, "verb", "acknowledge"), follow=True))
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", coach)
    assert f"You have acknowledged alert #{alert.pk}: nobody else is paged." in said
    assert "acknowledged by Cleo Coach via admin" in said
    said = text(admin.post(page_of(alert, "verb", "resolve"), follow=True))
    alert.refresh_from_db()
    assert alert.state == "resolved" and f"Alert #{alert.pk} is resolved." in said


def test_escalate_now_pages_the_next_person_at_once(world, admin, alert):
    assert world.told() == ["ana"]
    world.now = MONDAY + timedelta(minutes=5)
    said = text(admin.post(page_of(alert, "verb", "escalate_now"), follow=True))
    assert f"The next step of alert #{alert.pk} runs now." in said
    world.sweep()
    assert world.told() == ["bo"]


def test_an_empty_list_says_so_in_plain_words(admin):
    shown = text(admin.get("/admin/dispatching/service/"))
    assert "Nothing found. Add one." in shown and "yielded" not in shown
    assert "Nothing found. Reset the filters." in text(admin.get("/admin/dispatching/alert/"))
    assert "Add one, or reset the filters." in text(admin.get("/admin/schedules/user/?is_active__exact=0"))


def test_zones_are_offered_by_their_present_names(admin, ana):
    """P37; an old name that is stored stays chosen, and is taken."""
    User.objects.filter(pk=ana.pk).update(time_zone="Europe/Kiev")
    path = f"/admin/schedules/user/{ana.pk}/change/"
    shown = admin.get(path)
    assert ">Europe/Kyiv<" in text(shown) and ">Asia/Kolkata<" in text(shown)
    assert ">Asia/Calcutta<" not in text(shown) and ">Etc/GMT+12<" not in text(shown)
    form = form_in(shown, "user_form")
    assert form["time_zone"] == ["Europe/Kiev"]
    assert admin.post(path, form).status_code == 302
    assert str(User.objects.get(pk=ana.pk).time_zone) == "Europe/Kiev"


def test_a_double_click_says_that_they_have_it_already(admin, alert):
    admin.post(page_of(alert, "verb", "acknowledge"))
    before = everything()
    again = text(admin.post(page_of(alert, "verb", "acknowledge"), follow=True))
    assert "You have acknowledged it." in again
    assert everything() == before
    again = text(admin.post(page_of(alert, "verb", "escalate_now"), follow=True))
    assert f"Nothing is escalating: alert #{alert.pk} is acknowledged." in again


def test_only_the_buttons_that_make_sense_are_offered(admin, alert):
    def offered() -> list[str]:
        return re.findall(r'action="../verb/(\w+)/"', text(admin.get(page_of(alert))))

    def places() -> list[str]:
        """P2: none lies where another lay a moment before, so those that are not offered keep their places."""
        return re.findall(r'class="verb[^>]*>([A-Z][a-z]+)(?: now| …)?<', text(admin.get(page_of(alert))))

    assert (offered(), places()) == (VERBS[:3], ["Acknowledge", "Resolve", "Escalate", "Reopen"])
    admin.post(page_of(alert, "verb", "acknowledge"))
    assert (offered(), places()) == (["resolve"], ["Acknowledge", "Resolve", "Escalate", "Reopen"])
    admin.post(page_of(alert, "verb", "resolve"))
    assert (offered(), places()) == (["reopen"], ["Acknowledge", "Resolve", "Escalate", "Reopen"])
    admin.post(page_of(alert, "verb", "reopen"))
    assert offered() == ["resolve"], "the coach has it again"


@pytest.mark.parametrize("name", ["call", "delete_model", "get_queryset", "new_key", "x"])
def test_no_other_method_can_be_called_by_its_name(admin, alert, name):
    assert admin.post(page_of(alert, "verb", name)).status_code == 404


def test_those_paged_may_press_the_buttons_and_bystanders_may_look_only(world, alert, ana):
    bystander = browser_of(world.person("cy", is_staff=True))
    shown = bystander.get(page_of(alert))
    assert shown.status_code == 200 and "../verb/" not in text(shown)
    before = everything()
    for name in VERBS:
        assert bystander.post(page_of(alert, "verb", name)).status_code == 403
    assert everything() == before
    paged = browser_of(ana)
    assert "../verb/acknowledge/" in text(paged.get(page_of(alert)))
    paged.post(page_of(alert, "verb", "acknowledge"))
    alert.refresh_from_db()
    assert alert.acknowledged_by == ana


def test_nobody_edits_or_deletes_what_the_engine_wrote(world, admin, alert):
    delivery = Delivery.objects.get()
    before = everything()
    for obj in (alert, delivery):
        assert admin.post(page_of(obj), {"summary": "x", "state": "resolved", "subject": "x"}).status_code == 403
        assert admin.post(page_of(obj, "delete"), {"post": "yes"}).status_code == 403
        chosen = {"action": "delete_selected", "_selected_action": [obj.pk], "post": "yes"}
        assert admin.post(list_of(type(obj)), chosen).status_code in (200, 302, 403)
    assert everything() == before


# --- what came from outside -------------------------------------------------------------------------------------------


def test_markup_in_an_event_is_only_text_everywhere(world, admin, ana, coach):
    """K9"""
    source = world.service(world.policy((timedelta(hours=1), ana), name=EVIL), EVIL)
    fields = dict.fromkeys(("source", "component", "slo", "deployment", "product"), EVIL)
    details = {EVIL: [EVIL, "</pre><script>alert(1)</script>"]}
    alert = world.trigger(source, summary=EVIL, details=details, **fields)
    coach.last_name = EVIL
    coach.save()
    admin.post(page_of(alert, "verb", "acknowledge"))  # the timeline and the refusal name who did it
    delivery = Delivery.objects.get()
    pages = [
        list_of(Alert),
        f"{list_of(Alert)}?service__id__exact={alert.service_id}",
        f"{list_of(Alert)}?q={EVIL}",
        page_of(alert),
        page_of(alert, "history"),
        list_of(Delivery),
        page_of(delivery),
        list_of(Integration),
        page_of(source),
        page_of(alert.service),
        page_of(alert.service.policy),
    ]
    shown = {path: text(admin.get(path)) for path in pages}
    shown["refused"] = text(admin.post(page_of(alert, "verb", "acknowledge"), follow=True))
    assert [path for path, page in shown.items() if "<img src=x" in page or "<script>alert" in page] == []
    assert [path for path, page in shown.items() if "&lt;img src=x" not in page] == []


def test_an_address_that_is_not_of_the_web_is_text(world, admin, source):
    """K8"""
    alert = world.trigger(source, "odd", runbook_url="javascript:alert(1)", dashboard_url="https://dash.example.com/1")
    shown = text(admin.get(page_of(alert)))
    assert "javascript:alert(1)" in shown and 'href="javascript' not in shown
    assert 'href="https://dash.example.com/1"' in shown


def test_a_deliverys_page_never_shows_the_link_that_acknowledges(world, admin, alert, ana):
    """K12, K13: whoever reads it could acknowledge as somebody else."""
    delivery = Delivery.objects.get()
    link = links.link(alert, ana.recipient)
    token = urlsplit(link).path.split("/")[2]
    made = re.findall(r"/a/([^/\s]+)/", delivery.body)
    assert made
    shown = text(admin.get(page_of(delivery)))
    assert "/a/…" in shown and "log-on is down" in shown
    for page in (shown, text(admin.get(list_of(Delivery))), text(admin.get(page_of(alert)))):
        assert token not in page
        assert not any(each in page for each in made)


# --- keys -------------------------------------------------------------------------------------------------------------


def key_in(page: str) -> str:
    return sure(re.search(r"Key: <code>(\w+)</code>", page)).group(1)


def accepted(key: str) -> int:
    event = {"action": "trigger", "dedup_key": "k", "summary": "log-on is down"}
    return Client().post(f"/integrations/{key}/events/", event, content_type="application/json").status_code


def test_a_new_integration_shows_its_key_once(admin, source):
    """K23"""
    form = form_in(admin.get("/admin/dispatching/integration/add/"), "integration_form")
    form |= {"name": "Prometheus EU", "service": source.service_id, "enabled": "on", "_continue": "1"}
    made = text(admin.post("/admin/dispatching/integration/add/", form, follow=True))
    integration = Integration.objects.get(name="Prometheus EU")
    key = key_in(made)
    assert accepted(key) == 202
    assert f"/integrations/{key}/alertmanager/" in made and "will not show it again" in made
    later = [page_of(integration), page_of(integration, "history"), list_of(Integration), "/admin/"]
    assert [path for path in later if key in text(admin.get(path))] == []
    assert f"{key[:4]}…" in text(admin.get(page_of(integration)))
    assert key not in repr(everything())


def test_a_save_later_on_keeps_the_key(admin, source):
    before = source.key_hash
    form = form_in(admin.get(page_of(source)), "integration_form") | {"name": "Renamed", "key_hash": "x"}
    assert admin.post(page_of(source), form).status_code == 302
    source.refresh_from_db()
    assert (source.name, source.key_hash) == ("Renamed", before)


def test_a_new_key_is_made_by_post_and_ends_the_old_one(admin, source):
    """K11, K23"""
    old = source.new_key()
    source.save()
    before = everything()
    assert admin.get(page_of(source, "verb", "new_key")).status_code == 405
    assert everything() == before
    key = key_in(text(admin.post(page_of(source, "verb", "new_key"), follow=True)))
    assert (accepted(key), accepted(old)) == (202, 401)
    assert key not in text(admin.get(page_of(source)))
    assert key not in text(admin.get(page_of(source, "history")))


def test_a_key_is_not_made_by_somebody_who_may_only_look(world, source):
    viewer = world.person("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_integration"))
    browser = browser_of(viewer)
    shown = browser.get(page_of(source))
    assert shown.status_code == 200 and "new_key" not in text(shown)
    before = everything()
    assert browser.post(page_of(source, "verb", "new_key")).status_code == 403
    assert everything() == before


# --- policies ---------------------------------------------------------------------------------------------------------


def step(number: int, span: str, order: int | str = "", **targets) -> dict:
    return {
        f"steps-{number}-{field}": value for field, value in {"escalate_after": span, "order": order, **targets}.items()
    }


@pytest.fixture
def two_steps(world, admin, ana):
    """A policy made through the form: the main schedule for 45 minutes, then Bo and a team for two hours."""
    main, _ = world.weekly(ana, bo := world.person("bo"))
    form = form_in(admin.get("/admin/dispatching/escalationpolicy/add/"), "escalationpolicy_form")
    form |= {"name": "Ours", "repeat": "1", "steps-TOTAL_FORMS": "2"}
    form |= step(0, "00:45:00", 0, schedules=[main.pk])
    form |= step(1, "02:00:00", 1, people=[bo.pk], teams=[world.team("Team 1", ana, bo).pk])
    answer = admin.post("/admin/dispatching/escalationpolicy/add/", form)
    assert answer.status_code == 302, form_errors(answer)
    return EscalationPolicy.objects.get(name="Ours")


def form_errors(answer) -> list:
    context = answer.context
    return [context["adminform"].form.errors, [f.formset.errors for f in context["inline_admin_formsets"]]]


def chain(policy: EscalationPolicy) -> list[tuple[float, list[str]]]:
    steps = policy.snapshot()["steps"]
    return [(s["escalate_after"] / 60, [f"{t['type']} {t['name']}" for t in s["targets"]]) for s in steps]


def test_a_policy_is_made_with_its_steps_and_comes_back(admin, two_steps):
    expected = [(45, ["schedule rotation 0 main"]), (120, ["user Bo", "team Team 1"])]
    assert chain(two_steps) == expected
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form")
    assert form["steps-0-escalate_after"] == ["45 min"]
    assert form["steps-0-schedules"] == [str(Schedule.objects.get(name="rotation 0 main").pk)]
    before = everything()
    assert admin.post(page_of(two_steps), form).status_code == 302
    assert everything() == before, "saving what was shown changes nothing"


def test_steps_are_changed_moved_and_taken_out_in_the_form(admin, two_steps, ana):
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form")
    form |= {"steps-0-order": "5", "steps-1-people": [ana.pk], "steps-1-teams": []}
    assert admin.post(page_of(two_steps), form).status_code == 302
    assert chain(two_steps) == [(120, ["user Ana"]), (45, ["schedule rotation 0 main"])]
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form") | {"steps-0-DELETE": "on"}
    assert admin.post(page_of(two_steps), form).status_code == 302
    assert chain(two_steps) == [(45, ["schedule rotation 0 main"])]
    assert list(two_steps.steps.values_list("order", flat=True)) == [0]


def test_a_step_that_pages_nobody_is_refused_with_a_sentence(admin, two_steps):
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form") | {"steps-0-schedules": []}
    before = everything()
    refused = text(admin.post(page_of(two_steps), form))
    assert "Row 1: Choose whom this step pages: a schedule, a person, a team or a group." in refused
    assert everything() == before


def test_c18_a_policy_without_steps_is_saved_with_a_warning(admin):
    add = "/admin/dispatching/escalationpolicy/add/"
    form = form_in(admin.get(add), "escalationpolicy_form") | {"name": "Bare", "steps-TOTAL_FORMS": "0"}
    assert "It pages nobody: it has no steps." in text(admin.post(add, form, follow=True))


def test_the_same_address_twice_is_refused_with_a_sentence(admin, ana):
    form = form_in(admin.get(page_of(ana.recipient)), "recipient_form")
    again = {"channel": "memory", "address": "ANA", "verified": "on", "use_after": ""}
    form |= {f"contact_points-1-{field}": value for field, value in again.items()} | {"contact_points-TOTAL_FORMS": "2"}
    before = everything()
    refused = text(admin.post(page_of(ana.recipient), form))
    assert "This recipient already has this address." in refused
    assert everything() == before
    assert admin.post(page_of(ana.recipient), form | {"contact_points-0-DELETE": "on"}).status_code == 302
    assert [str(point) for point in ana.recipient.contact_points.all()] == ["memory: ANA"]


def test_a_length_beyond_its_limit_is_refused_in_words(admin, ana, two_steps):
    """Walk: a delay of 99999 days was a 500; elsewhere the limit read “7 days, 0:00:00”."""
    form = form_in(admin.get(page_of(ana.recipient)), "recipient_form")
    answer = admin.post(page_of(ana.recipient), form | {"contact_points-0-use_after": "99999 d"})
    assert answer.status_code == 200 and "Enter 1 day or less." in text(answer)
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form")
    answer = admin.post(page_of(two_steps), form | {"steps-0-escalate_after": "8 days"})
    assert answer.status_code == 200 and "Enter 7 days or less." in text(answer)


@pytest.mark.parametrize("field", ["address", "channel"])
def test_a_changed_address_has_to_be_proved_again(admin, ana, alert, field):
    """C8: nothing that was proved of the old address is said of the new one, whoever ticked it."""
    point = ana.recipient.contact_points.get()
    ContactPoint.objects.filter(pk=point.pk).update(disabled_reason="messages could not be delivered")
    form = form_in(admin.get(page_of(ana.recipient)), "recipient_form")
    assert form["contact_points-0-verified"] == ["on"]
    new = {"address": "ana-2", "channel": "email"}[field]
    more = {"contact_points-0-address": "ana@example.org"} if field == "channel" else {}
    said = text(admin.post(page_of(ana.recipient), form | {f"contact_points-0-{field}": new, **more}, follow=True))
    assert "has changed, so it is not verified and nothing is sent there" in said
    assert "somebody has seen a message arrive there" in said
    changed = ContactPoint.objects.get(pk=point.pk)
    assert (changed.verified, changed.disabled_reason, changed.link_version) == (False, "", point.link_version + 1)
    again = form_in(admin.get(page_of(ana.recipient)), "recipient_form") | {"contact_points-0-verified": "on"}
    assert "nothing is sent there" not in text(admin.post(page_of(ana.recipient), again, follow=True))
    assert ContactPoint.objects.get(pk=point.pk).usable


def test_a_recipient_stays_the_person_that_it_was(admin, ana):
    """C8: otherwise one person's addresses would be proved for another, and their past told of another."""
    form = form_in(admin.get(page_of(ana.recipient)), "recipient_form")
    admin.post(page_of(ana.recipient), form | {"user": User.objects.create(username="cy").pk})
    assert Recipient.objects.get(pk=ana.recipient.pk).user == ana


def test_the_preview_names_the_person_on_call_now_and_writes_nothing(admin, coach, two_steps, clock):
    shown = text(admin.get(page_of(two_steps)))
    preview = shown.partition("If it fired now")[2]
    assert "Tocsin pages Ana at once, then Bo and Ana after 45 minutes." in preview
    assert "No service uses this policy yet." in preview
    clock.move_to(MONDAY + timedelta(days=7, minutes=5), tick=False)
    admin.force_login(coach)  # a session ends when it is idle
    before = everything()
    preview = text(admin.get(page_of(two_steps))).partition("If it fired now")[2]
    assert "Tocsin pages Bo at once, " in preview
    assert everything() == before


def test_the_preview_warns_of_somebody_who_cannot_be_reached(admin, two_steps, ana):
    ContactPoint.objects.filter(recipient=ana.recipient).update(verified=False)
    page = page_of(two_steps)
    shown = admin.get(page)
    assert "Ana cannot be reached: no verified contact point." in text(shown)
    form = form_in(shown, "escalationpolicy_form")
    saved = admin.post(page, form, follow=True)
    warned = "Step 1: Ana cannot be reached: no verified contact point."
    assert [str(each) for each in saved.context["messages"] if each.level_tag == "warning"] == [
        warned,
        "Step 2: Ana cannot be reached: no verified contact point.",
    ]
    assert "Tocsin pages Bo at once; step 1 reaches nobody." in text(admin.get(page))


def test_of_two_who_edit_the_same_policy_the_second_is_told(admin, two_steps):
    """F13"""
    form = form_in(admin.get(page_of(two_steps)), "escalationpolicy_form")
    assert admin.post(page_of(two_steps), form | {"steps-0-escalate_after": "00:10:00"}).status_code == 302
    before = everything()
    late = text(admin.post(page_of(two_steps), form | {"steps-1-escalate_after": "00:20:00"}))
    assert "Somebody else has changed this since you opened it" in late
    assert everything() == before
