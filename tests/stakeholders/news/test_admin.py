"""The desk of the communicator: what would be sent is seen before it is sent."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from dispatching.models import Delivery, Priority
from schedules import clock as our_clock
from schedules.models import User
from stakeholders.models import Message, Outage, Update
from stakeholders.news import fanning, outages
from tests.api import client_of
from tests.batches import unpack
from tests.browser import everything, form_in, text
from tests.stakeholders.organisation import HOUR
from tests.sure import sure

KINDS = ["announcement", "progress", "end", "correction"]


@pytest.fixture
def desk(client, outside):
    client.force_login(User.objects.create_superuser("coach"))
    return client


def write(outage, kind):
    return reverse("admin:stakeholders_outage_write", args=[outage.pk, kind])


def words(outside, **more):
    return {"text": "No data uploads.", "next_update_by": "2030-01-01T12:00", "late_reason": "it takes long", **more}


def test_it_shows_what_would_be_sent_to_whom_and_how_many_then_sends(desk, outside):
    """B36, B39, B40, B42: without the press of the button nothing leaves."""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    shown = desk.get(write(outage, "announcement")).content.decode()
    assert "ready to talk to customers" in shown and "covers what is affected" in shown
    before = everything()
    shown = desk.post(write(outage, "announcement"), words(outside, look="1")).content.decode()
    assert everything() == before
    assert "1 by memory" in shown and "ANNOUNCEMENT: Uploads fail" in shown and "(a personal link)" in shown
    assert "<iframe" in shown and 'srcdoc="&lt;!doctype html' in shown.replace("!DOCTYPE", "!doctype")
    assert "&quot;kind&quot;: &quot;announcement&quot;" in shown, "what a webhook gets"
    assert desk.post(write(outage, "announcement"), words(outside, send="1")).status_code == 302
    outside.world.now = Update.objects.get().at
    assert outside.told() == ["ann"] and Update.objects.get().mode == Outage.Mode.MANUAL


def test_the_page_says_how_soon_after_the_decision_the_first_and_the_last_one_had_it(desk, outside):
    """B6, Must show 3"""
    outside.subscriber("ann", "7")
    late = outside.subscriber("bob", "7")
    outage = outside.outage()
    outside.announce(outage)
    outside.sweep()
    Delivery.objects.filter(contact_point=late).update(due_at=outside.world.now + timedelta(minutes=3))
    outside.world.advance(minutes=5)
    shown = desk.get(reverse("admin:stakeholders_outage_change", args=[outage.pk])).content.decode()
    assert "2 of 2 sent. The first was sent within 1 second of the decision, the last within 3 minutes<" in shown


def test_the_form_never_starts_with_an_earlier_time_than_was_promised(desk, outside, clock):
    """C19: it proposed a minute less than the same rule had promised a moment before."""
    clock.move_to(outside.world.now.replace(second=39), tick=False)
    outside.subscriber("ann", "7")
    outage = outside.outage()
    promised = our_clock.now() + outages.usual(outage)
    outages.announce(outage, "x", next_update_by=promised, now=our_clock.now())
    shown = desk.get(write(outage, "progress")).content.decode()
    assert f'value="{promised:%Y-%m-%dT%H:%M}"' in shown


def test_jargon_and_length_are_said_while_writing(desk, outside):
    """B84, B114"""
    outside.subscriber("ann", "7")
    form = words(outside, look="1", text="The SLO of the backend is broken. " + "x" * 1500)
    shown = desk.post(write(outside.outage(), "announcement"), form).content.decode()
    assert "“SLO” may not be understood. Plainer: goal." in shown
    assert "Too long for e-mail: at most 1500 characters." in shown


def test_too_many_messages_are_warned_of(desk, outside):
    """B83"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    desk.post(write(outage, "announcement"), words(outside, send="1"))
    shown = desk.post(write(outage, "progress"), words(outside, look="1")).content.decode()
    assert "went out just now. People stop reading if there are too many." in shown


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"text": ""}, "This field is required."),
        ({"next_update_by": ""}, "This field is required."),
        ({"next_update_by": "2020-01-01T12:00"}, "Choose a time in the future."),
        ({"late_reason": ""}, "The priority promises a message every 4 hours"),
        ({"next_update_by": "soon"}, "This is not a date and a time."),
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_sent(desk, outside, more, sentence):
    """B5, B88"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    shown = desk.post(write(outage, "announcement"), words(outside, send="1", **more)).content.decode()
    assert sentence in shown and not Message.objects.exists()


def test_what_can_be_written_follows_the_state(desk, outside):
    """B86, B87"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    offered = lambda: [kind for kind in KINDS if desk.get(write(outage, kind)).status_code == 200]  # noqa: E731
    assert offered() == ["announcement"]
    outside.announce(outage)
    assert offered() == ["progress", "end", "correction"]
    [ended_at] = form_in(desk.get(write(outage, "end")), "write")["over_since"]
    assert ended_at == our_clock.now().strftime("%Y-%m-%dT%H:%M"), "preset to now"
    outages.end(outage, "It works again.", now=outside.world.now)
    assert offered() == ["correction"]
    old_tab = desk.get(write(outage, "progress"), follow=True)
    assert (
        old_tab.redirect_chain
        and "This outage has ended. You can still write a correction." in old_tab.content.decode()
    )
    sent = desk.post(write(outage, "progress"), words(outside, send="1", text="We know more.")).content.decode()
    assert "has ended: only a correction may follow" in sent and "We know more." in sent, (
        "nothing that was typed is lost"
    )
    assert Update.objects.filter(kind="progress").count() == 0


def test_who_writes_beside_somebody_else_is_shown_their_message_before_sending(desk, outside):
    """Walk: an update from a second tab went out five seconds after the first one, without a word."""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    mine = form_in(desk.get(write(outage, "progress")), "write")
    outages.update(outage, "Half of it works.", next_update_by=our_clock.now() + HOUR, now=our_clock.now())
    typed = words(outside, send="1", text="We know more.")
    stale = desk.post(write(outage, "progress"), typed | {"after": mine["after"]}).content.decode()
    assert "Nothing has been sent" in stale and "Half of it works." in stale and "We know more." in stale
    assert Update.objects.filter(kind="progress").count() == 1
    [after] = form_in(desk.get(write(outage, "progress")), "write")["after"]
    desk.post(write(outage, "progress"), typed | {"after": after})
    assert Update.objects.filter(kind="progress").count() == 2


def test_an_outage_began_now_unless_somebody_says_otherwise(desk, outside, clock):
    """Walk: “Began” was empty and required. It is preset in the writer's own zone."""
    clock.move_to("2026-07-01T09:30:00Z", tick=False)
    User.objects.filter(username="coach").update(time_zone="Europe/Berlin")
    shown = form_in(desk.get(reverse("admin:stakeholders_outage_add")), "outage_form")
    assert (shown["started_at_0"], shown["started_at_1"]) == (["01/07/2026"], ["11:30:00"])


def test_nothing_new_is_one_click(desk, outside):
    """B171"""
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    page = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    Update.objects.update(at=our_clock.now())
    assert "The last message went out less than 10 minutes ago." in desk.get(page).content.decode(), (
        "too many are warned of"
    )
    Update.objects.update(at=our_clock.now() - HOUR)
    assert "The last message went out less than 10 minutes ago." not in desk.get(page).content.decode()
    answer = desk.post(reverse("admin:stakeholders_outage_verb", args=[outage.pk, "nothing_new"]), follow=True)
    shown = answer.content.decode()
    assert "The update goes to everybody who was told. The next one is due by " in shown
    assert "&lt;time" not in shown, "P5, C4: words, no markup"
    outside.world.now = sure(Update.objects.last()).at
    assert outside.told() == ["ann", "ann"]


def test_the_page_shows_progress_and_the_timeline(desk, outside):
    outside.subscriber("ann", "7")
    outage = outside.outage()
    outside.announce(outage)
    outside.sweep()
    shown = desk.get(reverse("admin:stakeholders_outage_change", args=[outage.pk])).content.decode()
    for words_ in ("0 of 1 sent, 1 on its way", "declared by hand", "Who would be told now", "Overdue"):
        assert words_ in shown, words_
    assert "Everyone who asked" not in shown, "rings are not told apart yet"


def test_what_waits_for_quiet_hours_is_shown_as_that(desk, outside):
    """P14; C19: its delivery says later which message it was."""
    now = our_clock.now()
    outside.world.now = now
    quiet = {"quiet_from": (now - HOUR).time(), "quiet_until": (now + HOUR).time()}
    outside.subscriber("ann", "7", quiet=quiet)
    outage = outside.outage()
    outside.announce(outage)
    while fanning.plan_due(now):
        pass
    page = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    shown = " ".join(re.sub(r"<[^>]+>", " ", desk.get(page).content.decode()).split())
    assert "0 of 1 sent, 1 waits for quiet hours to end, by " in shown and "on its way" not in shown
    unpack()
    listed = desk.get(reverse("admin:dispatching_delivery_changelist")).content.decode()
    assert "outage message" in listed and "Uploads fail (Showcase worldwide)" in listed
    one = desk.get(reverse("admin:dispatching_delivery_change", args=[Delivery.objects.get().pk])).content.decode()
    assert "ANNOUNCEMENT: Uploads fail" in one


def test_somebody_who_may_not_change_outages_only_looks(client, outside):
    """B37"""
    client.force_login(User.objects.create_user("rep", is_staff=True))
    outage = outside.outage()
    page = client.get(reverse("admin:stakeholders_outage_change", args=[outage.pk]))
    assert page.status_code == 200 and "Announce" not in page.content.decode()
    assert client.post(write(outage, "announcement"), words(outside, send="1")).status_code == 403


def test_declaring_by_hand_and_changing_the_priority(desk, outside):
    """B140: every change is on the timeline."""
    add = reverse("admin:stakeholders_outage_add")
    form: dict[str, Any] = {"title": "Log-on fails", "started_at_0": "2026-01-05", "started_at_1": "09:00"}
    form |= {
        "high_profile": "on",
        "deployments": [outside.deployments["Production US"].pk],
        "products": [outside.products["A"].pk],
    }
    assert desk.post(add, form).status_code == 302
    outage = Outage.objects.get()
    assert [event.text for event in outage.events.all()] == ["declared by hand"]
    form |= {"priority": outside.priority.pk, "priority_reason": "many customers"}
    change = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    assert desk.post(change, form).status_code == 302
    outage.refresh_from_db()
    assert outage.priority == outside.priority
    assert sure(outage.events.last()).text == "priority none → P2: many customers"


def test_due_updates_are_listed_by_priority_first_then_by_promise(desk, outside):
    """B148"""
    urgent = Priority.objects.create(level=1, name="P1", tells_stakeholders=True)
    later, sooner = outside.outage(title="later"), outside.outage(title="sooner")
    outside.announce(later, within=3 * HOUR)
    outside.announce(sooner, within=2 * HOUR)
    outside.announce(outside.outage(title="urgent", priority=urgent), within=4 * HOUR)
    outside.outage(title="without", priority=None)
    outages.end(outside.outage(title="over", priority=urgent), "", now=outside.world.now)
    listed = desk.get(reverse("admin:stakeholders_outage_changelist")).context["cl"].result_list
    assert [outage.title for outage in listed] == ["urgent", "sooner", "later", "without", "over"]


def test_the_list_asks_a_constant_number_of_questions(desk, outside, django_assert_max_num_queries):
    for _ in range(5):
        outside.outage()
    with django_assert_max_num_queries(12):
        desk.get(reverse("admin:stakeholders_outage_changelist"))
    for _ in range(30):
        outside.outage()
    with django_assert_max_num_queries(12):
        desk.get(reverse("admin:stakeholders_outage_changelist"))


def test_an_outage_does_not_begin_in_the_future_in_either_form(desk, outside):
    """C3: added or changed, in the admin or by API, it is said at the field."""
    late = {"started_at_0": "2090-11-27", "started_at_1": "22:00"}
    add = "/admin/stakeholders/outage/add/"
    made = outside.outage()
    change = reverse("admin:stakeholders_outage_change", args=[made.pk])
    for url in (add, change):
        answer = desk.post(url, form_in(desk.get(url), "outage_form") | {"title": "Later"} | late)
        assert answer.status_code == 200 and "cannot begin in the future" in answer.content.decode(), url
    api = client_of(User.objects.get(username="coach"))
    for call, url in ((api.post, "outages/"), (api.patch, f"outages/{made.pk}/")):
        answer = call(url, {"title": "Later", "started_at": "2090-11-27T22:00:00Z"})
        assert answer.status_code == 400 and list(answer.json()) == ["started_at"]
    assert not Outage.objects.filter(title="Later").exists()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"high_profile": False}, "It is not high-profile"),
        ({"priority": None}, "It has no priority"),
        ({"what": ""}, "product"),
    ],
)
def test_what_would_be_told_to_nobody_says_so_on_the_outage_before_a_word_is_written(desk, outside, values, why):
    """C13, bB15: with the switch on the same page; then who would be told, counted as people."""
    ann = outside.subscriber("ann", "7")
    outside.subscribe(outside.world.point(ann.recipient, "ann-2"), "7")
    outage = outside.outage(**values)
    url = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    shown = text(desk.get(url))
    assert f"Nobody. {why}" in shown.replace("Choose at least one ", "") and "Announce it …" not in shown
    assert "each counted once" not in shown
    assert "Nobody would be told." in text(desk.get(write(outage, "announcement")))
    Outage.objects.update(high_profile=True, priority=outside.priority)
    outage.products.set(outside.products.values())
    shown = text(desk.get(url))
    assert "Announce it …" in shown and "1 person</strong>, each counted once, however many contact points" in shown
    outside.announce(outage)
    Outage.objects.update(priority=None)
    assert "Only people who were told before. It has no priority" in text(desk.get(url))


def test_a_new_priority_does_not_take_the_old_reason_along(desk, outside):
    """bB10"""
    Priority.objects.create(level=1, name="P1", tells_stakeholders=True)
    outage = outside.outage(priority_reason="demos")
    url = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    form = form_in(desk.get(url), "outage_form") | {"priority": Priority.objects.get(level=1).pk}
    answer = desk.post(url, form)
    assert answer.status_code == 200 and "Say why the priority changes." in answer.content.decode()
    assert desk.post(url, form | {"priority_reason": "all customers"}).status_code == 302
    outage.refresh_from_db()
    assert (str(outage.priority), outage.priority_reason) == ("P1", "all customers")
    assert sure(outage.events.last()).text == "priority P2 → P1: all customers"


def test_control_characters_are_refused_in_forms(desk, outside):
    """S10: at the desk, in other words, on a page of the admin and in its rows."""
    outage = outside.outage()
    sent = desk.post(write(outage, "announcement"), words(outside, look="1", text="a\x02b")).content.decode()
    assert "Character 2 is a control character (U+0002)" in sent
    sent = desk.post(write(outage, "announcement"), words(outside, look="1") | {"de-0-text": "\x01"}).content.decode()
    assert "is a control character" in sent
    url = reverse("admin:stakeholders_outage_change", args=[outage.pk])
    answer = desk.post(url, form_in(desk.get(url), "outage_form") | {"title": "a\x02b"})
    assert "is a control character" in answer.content.decode()
