"""Definitions: what is told about which breach, agreed beforehand."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from dispatching.models import Priority
from schedules.models import User
from schedules.refused import Refused
from stakeholders.definitions import defining, rehearsal
from stakeholders.models import NotificationDefinition, Outage
from stakeholders.news import outages, wordings
from tests.api import client_of
from tests.browser import browser_of, form_in
from tests.stakeholders.organisation import SHOW, US
from tests.sure import sure

HOUR = timedelta(hours=1)


@pytest.fixture
def monitoring(world, outside):
    return world.service(world.policy((HOUR, world.person("ana"))), name="Uploads")


@pytest.fixture
def definition(outside, monitoring):
    """Uploads in the showcase; live, and announced by itself."""
    values = {
        "title": "Uploads fail",
        "text": "No data uploads.",
        "why_major": "x",
        "why_needed": "x",
        "what_they_do": "x",
    }
    made = NotificationDefinition.objects.create(name="Uploads", service=monitoring.service, mode="auto", **values)
    defining.put_live(made, now=outside.world.now)
    outside.subscriber("ann", "7")
    return made


def breach(outside, monitoring, key="k", **more):
    values = {"deployment": SHOW, "product": "A", "priority": 2, **more}
    return outside.world.trigger(monitoring, key, **values)


def test_a_breach_that_matches_is_announced_with_no_click(outside, monitoring, definition):
    """B3, B36, B38, B145"""
    alert = breach(outside, monitoring)
    assert outside.told() == ["ann"]
    outage = Outage.objects.get()
    assert (outage.title, outage.mode, outage.updates.get().mode) == ("Uploads fail", "auto", "auto")
    assert list(outage.alerts.all()) == [alert] and outage.declared_by is None


@pytest.mark.parametrize("key", ["tocsin/refused", "tocsin/outage/7"])
def test_what_tocsin_reports_of_itself_is_no_breach(outside, monitoring, definition, key):
    """C7: refused messages, or an outage that asks for an acknowledgement, would be announced to customers."""
    NotificationDefinition.objects.update(repeats=2)
    definition.refresh_from_db()
    for minutes in (1, 2):
        breach(outside, monitoring, key)
        outside.advance(minutes=minutes)
    breach(outside, monitoring, "k")
    outside.sweep()
    assert outside.told() == [] and not Outage.objects.exists()
    assert rehearsal.run(definition, 7, now=outside.world.now).alerts == 0


def test_a_prepared_one_waits_for_a_person(outside, monitoring, definition):
    """B39: without the press there are no deliveries; the words are ready."""
    NotificationDefinition.objects.update(mode="semi")
    breach(outside, monitoring)
    outside.advance(hours=5)
    assert outside.told() == []
    outage = Outage.objects.get()
    assert outage.mode == "semi" and wordings.draft(outage) == "No data uploads."
    outside.announce(outage)
    assert outside.told() == ["ann"] and outage.updates.get().mode == "semi"


def test_what_goes_on_is_one_outage_however_many_alerts_match(outside, monitoring, definition):
    """B4"""
    for key in ("k1", "k2", "k3"):
        breach(outside, monitoring, key)
        outside.sweep()
    assert Outage.objects.get().alerts.count() == 3 and outside.told() == ["ann"]


@pytest.mark.parametrize(
    ("more", "values", "told"),
    [
        ({"slo": "availability"}, {"slo": "Availability"}, ["ann"]),
        ({"slo": "latency"}, {"slo": "Availability"}, []),
        ({"priority": 3}, {"most_important": 2}, []),
        ({"priority": 1}, {"most_important": 2}, ["ann"]),
        ({"product": "Z"}, {}, []),
    ],
    ids=["B100 slo", "B100 other slo", "B138 less important", "B138 more important", "B5 unknown product"],
)
def test_which_breaches_match(outside, monitoring, definition, more, values, told):
    """B100, B101, B138"""
    for level in (1, 3):
        Priority.objects.create(level=level, name=f"P{level}", tells_stakeholders=True)
    if "most_important" in values:
        values = {"most_important": Priority.objects.get(level=values["most_important"])}
    NotificationDefinition.objects.update(**values)
    breach(outside, monitoring, **more)
    assert outside.told() == told


def test_a_breach_without_a_priority_is_told_when_somebody_sets_one(outside, monitoring, definition):
    """B139, B142"""
    breach(outside, monitoring, priority=None)
    assert outside.told() == []
    outage = Outage.objects.get()
    assert outage.priority is None
    outages.change_priority(outage, outside.priority, reason="all customers", now=outside.world.now)
    assert outside.told() == ["ann"]


def test_more_than_three_times_within_an_hour(outside, monitoring, definition):
    """B144"""
    NotificationDefinition.objects.update(repeats=4, within=HOUR)
    for number in range(3):
        breach(outside, monitoring)
        assert outside.told() == [], number
        outside.advance(minutes=15)
    breach(outside, monitoring)
    assert outside.told() == ["ann"]


def test_an_old_breach_and_one_of_a_definition_under_discussion_do_not_match(outside, monitoring, definition):
    """B102"""
    defining.take_out(definition)
    breach(outside, monitoring)
    assert outside.told() == []
    outside.advance(minutes=1)
    defining.put_live(definition, now=outside.world.now)
    assert outside.told() == [] and not Outage.objects.exists()


def test_a_new_version_cites_what_led_to_it_and_takes_over_when_it_goes_live(outside, definition):
    """B102, B103, B104, B105"""
    ana = outside.world.person("rep")
    defining.comment(definition, "timeliness", "An hour earlier, please.", by=ana, now=outside.world.now)
    newer = defining.new_version(definition)
    with pytest.raises(Refused, match="already a newer version"):
        defining.new_version(definition)
    assert (newer.version, newer.live_since, newer.replaces) == (2, None, definition)
    defining.put_live(newer, now=outside.world.now)
    definition.refresh_from_db()
    assert definition.live_since is None and definition.comments.get().text == "An hour earlier, please."
    with pytest.raises(Refused, match="newer version is live"):
        defining.put_live(definition, now=outside.world.now)


def test_what_cannot_be_announced_by_itself_waits_for_a_person_and_says_why(outside, monitoring, definition):
    """B5, B26"""
    breach(outside, monitoring, deployment="Moon")
    outside.sweep()
    outage = Outage.objects.get()
    assert outage.mode == "semi"
    told = [event.text for event in outage.events.all()]
    assert "not announced automatically: Choose at least one deployment." in told


# --- in the admin -----------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(client, outside):
    client.force_login(User.objects.create_superuser("coach"))
    return client


def page(definition):
    return reverse("admin:stakeholders_notificationdefinition_change", args=[definition.pk])


def test_a_live_definition_is_read_only_and_a_new_version_is_a_button(desk, definition):
    """B100, B105, B107, B108"""
    shown = desk.get(page(definition)).content.decode()
    assert 'name="text"' not in shown and "It would be announced at once, without a click." in shown
    url = reverse("admin:stakeholders_notificationdefinition_verb", args=[definition.pk, "new_version"])
    assert "version 2 has been added" in desk.post(url, follow=True).content.decode()
    newer = NotificationDefinition.objects.get(version=2)
    assert 'name="text"' in desk.get(page(newer)).content.decode()


def test_a_comment_is_added_and_stays(desk, outside, definition):
    """B102, B103, B104"""
    newer = defining.new_version(definition)
    form = form_in(desk.get(page(newer)), "notificationdefinition_form")
    form |= {"comments-TOTAL_FORMS": "1", "comments-0-question": "relevance", "comments-0-text": "Yes, it is."}
    assert desk.post(page(newer), form).status_code == 302
    made = newer.comments.get()
    assert (made.text, sure(made.by).username) == ("Yes, it is.", "coach")


def test_jargon_in_the_words_is_shown(desk, definition):
    """B114"""
    NotificationDefinition.objects.update(text="The backend is down.")
    assert "“backend” may not be understood" in desk.get(page(definition)).content.decode()


def test_over_the_api_what_is_live_is_not_edited(outside, definition):
    """B105"""
    api = client_of(User.objects.create_superuser("coach"))
    url = f"notification-definitions/{definition.pk}/"
    answer = api.patch(url, {"text": "Other words."})
    assert answer.status_code == 409 and "make a new version" in answer.json()["detail"]
    newer = api.post(f"{url}renew/").json()
    assert newer["version"] == 2 and newer["live_since"] is None
    assert api.patch(f"notification-definitions/{newer['id']}/", {"text": "Other words."}).status_code == 200
    assert api.post(f"notification-definitions/{newer['id']}/live/").json()["live_since"]
    assert api.get(url).json()["live_since"] is None
    rep = client_of(User.objects.create_user("rep"))
    assert rep.post(f"{url}renew/").status_code == 403  # B37


# --- faults -----------------------------------------------------------------------------------------------------------


def lines(outage) -> list[str]:
    return [event.text for event in outage.events.all()]


def test_a_more_important_breach_does_not_vanish_in_an_outage_that_was_never_announced(outside, monitoring, definition):
    """bB1: the first breach has no priority, the second one is told, whether the first is still open or not."""
    breach(outside, monitoring, "k1", priority=None)
    assert outside.told() == []
    breach(outside, monitoring, "k2")
    assert outside.told() == ["ann"]
    outage = Outage.objects.get()
    assert (outage.priority, outage.alerts.count()) == (outside.priority, 2)


@pytest.mark.parametrize("first", [{"priority": None}, {"deployment": "Moon"}])
def test_a_breach_weeks_later_is_another_outage_and_the_one_that_waited_is_dismissed(
    outside, monitoring, definition, first
):
    """bB1"""
    breach(outside, monitoring, "k1", **first)
    outside.sweep()
    outside.world.send(monitoring, "resolve", "k1")
    outside.advance(days=14)
    later = breach(outside, monitoring, "k2")
    assert outside.told() == ["ann"]
    old, new = Outage.objects.order_by("pk")
    assert (old.state, old.announced_at, new.started_at) == ("ended", None, later.first_at)
    assert lines(old)[-1] == f"dismissed: its alerts are resolved, and alert #{later.pk} opens another outage"


def test_a_breach_where_nobody_was_told_yet_is_told_there(outside, monitoring, definition):
    """bB1: without places of its own, a definition takes those of each alert."""
    outside.subscriber("us", "1")
    for key, product in (("k1", "A"), ("k2", "B")):
        breach(outside, monitoring, key, product=product)
        assert outside.told() == ["ann"], "another product of the same showcase is another outage"
    breach(outside, monitoring, "k3", deployment=US)
    assert outside.told() == ["us"]
    breach(outside, monitoring, "k4", deployment=US)
    assert outside.told() == [] and Outage.objects.count() == 3
    NotificationDefinition.objects.get().deployments.set([outside.deployments[SHOW]])
    breach(outside, monitoring, "k5", deployment="Moon")
    assert outside.told() == [] and Outage.objects.count() == 3, "the definition says where"


def test_an_outage_is_dismissed_for_a_reason_and_its_alerts_open_no_other(desk, outside, monitoring, definition):
    """bB1: in the admin and by API; deleting it would have opened it again."""
    NotificationDefinition.objects.update(mode="semi")
    breach(outside, monitoring)
    outside.sweep()
    outage = Outage.objects.get()
    url = f"/admin/stakeholders/outage/{outage.pk}"
    assert "Dismiss this outage" in desk.get(f"{url}/change/").content.decode()
    assert desk.get(f"{url}/delete/").status_code == 403
    assert "Say why nobody" in desk.post(f"{url}/verb/dismiss/", {"reason": " "}, follow=True).content.decode()
    api = client_of(User.objects.get(username="coach"))
    assert api.post(f"outages/{outage.pk}/dismiss/", {}).json() == {"reason": ["This field is required."]}
    assert desk.post(f"{url}/verb/dismiss/", {"reason": "a drill"}).status_code == 302
    outage.refresh_from_db()
    assert (outage.state, lines(outage)[-1]) == ("ended", "dismissed: a drill")
    assert "✓ dismissed" in desk.get("/admin/stakeholders/outage/").content.decode()
    again = api.post(f"outages/{outage.pk}/dismiss/", {"reason": "x"})
    assert again.status_code == 409 and "was dismissed" in again.json()["detail"]
    outside.advance(days=1)
    assert outside.told() == [] and Outage.objects.count() == 1
    announced = outside.outage()
    outside.announce(announced)
    answer = api.post(f"outages/{announced.pk}/dismiss/", {"reason": "x"})
    assert answer.status_code == 409 and "must hear that it is over" in answer.json()["detail"]


def test_words_that_were_live_are_not_edited(desk, outside, monitoring, definition):
    """bB11: taken offline, it can go live again as it was; other words are another version."""
    breach(outside, monitoring)
    defining.take_out(definition)
    definition.refresh_from_db()
    shown = desk.get(page(definition)).content.decode()
    assert 'name="text"' not in shown and "Put it live" in shown and "Make a new version" in shown
    assert "■ offline" in desk.get("/admin/stakeholders/notificationdefinition/").content.decode()
    api = client_of(User.objects.get(username="coach"))
    assert api.patch(f"notification-definitions/{definition.pk}/", {"text": "Other words."}).status_code == 409
    assert defining.may_edit(defining.new_version(definition))


def test_who_may_not_announce_does_not_announce_by_a_definition(outside, monitoring, definition):
    """S13: a team puts its prepared definitions live, and an automatic one only who may write to stakeholders."""
    ana = User.objects.get(username="ana")
    monitoring.service.team = outside.world.team("Team 1", ana)
    monitoring.service.save()
    newer = defining.new_version(definition)
    api, url = client_of(ana), f"notification-definitions/{newer.pk}/"
    answer = api.post(f"{url}live/")
    assert answer.status_code == 403 and "Choose “prepared”" in answer.json()["detail"]
    User.objects.update(is_staff=True)
    browser = browser_of(ana)
    shown = browser.get(page(newer)).content.decode()
    assert "Put it live" not in shown and "you may not write to stakeholders" in shown
    press = reverse("admin:stakeholders_notificationdefinition_verb", args=[newer.pk, "put_live"])
    assert "you may not write to stakeholders" in browser.post(press, follow=True).content.decode()
    newer.refresh_from_db()
    assert newer.live_since is None
    assert api.patch(url, {"mode": "semi"}).status_code == 200
    assert api.post(f"{url}live/").json()["live_since"]
    ana.user_permissions.add(Permission.objects.get(codename="change_outage"))
    NotificationDefinition.objects.filter(pk=newer.pk).update(mode="auto")
    assert api.post(f"{url}live/").status_code == 200
