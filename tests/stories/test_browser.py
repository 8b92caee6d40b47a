"""What a person does in a real browser, whose headers and cookies no test client has. Needs Debian's chromium."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from dispatching.alerts import lifecycle, links
from dispatching.models import Alert, Recipient
from schedules.models import Override, User
from tests.browser import browser_of
from tests.world import World


@pytest.fixture
def alert(transactional_db) -> Alert:
    world = World(timezone.now())
    ana = world.person("ana")
    return world.trigger(world.service(world.policy((timedelta(hours=1), ana)), name="Log-on"))


def wide_as_the_screen(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_person_paged_acknowledges_on_a_phone_without_script(live_server, browser, alert):
    """K11, A25: nothing on it needs a script or a login; a second tap is told who has it."""
    link = links.link(alert, Recipient.objects.get()).partition("/a/")[2]
    phone = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = phone.new_page()
    page.goto(f"{live_server.url}/a/{link}")
    expect(page.get_by_text("Nobody has acknowledged it yet")).to_be_visible()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text("Acknowledged through Ana’s link").first).to_be_visible()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by.username) == ("acknowledged", "ana")


def test_p23_an_open_page_shows_what_has_happened_since(live_server, browser, alert):
    """But nothing moves while the reader is being asked something."""
    link = links.link(alert, Recipient.objects.get()).partition("/a/")[2]
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{live_server.url}/a/{link}")
    expect(page.get_by_text("Nobody has acknowledged it yet")).to_be_visible()
    lifecycle.acknowledge(alert, by=User.objects.get(), now=timezone.now())
    asks = "document.querySelector('.acts details').open = true"
    # Before it is renewed, and while the answer is on its way. Both wait until it is done.
    for course in (f"{asks}; return renew()", f"const renewed = renew(); {asks}; return renewed"):
        page.evaluate(f"() => {{ {course} }}")
        assert page.get_by_role("button", name="Acknowledge").is_visible()
        page.get_by_text("Resolve …").click()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.get_by_text("Nobody else is paged").wait_for()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.locator(".timeline").get_by_text("acknowledged by Ana")).to_be_visible()


def test_p26_only_shifts_of_the_person_who_is_asked_are_offered_in_return(live_server, browser, transactional_db):
    world = World(timezone.now())
    ana, bo, cy = (world.person(name) for name in ("ana", "bo", "cy"))
    world.weekly(ana, bo, cy, positions=1)
    cookie = browser_of(ana).cookies["sessionid"].value
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/on-call/mine/")
    page.get_by_role("link", name="Ask somebody to take it").first.click()
    back = page.get_by_label("Which of their shifts do you take in return?")
    expect(back).to_be_attached()
    expect(back, "nobody's, if anyone is asked").to_be_hidden()
    for name in ("Cy", "Bo"):
        page.get_by_label("Whom do you ask?").select_option(name)
        offered = back.locator("option").all_inner_texts()
        assert offered[0] == "None" and len(offered) > 1
        assert all(text.startswith(f"{name}: ") for text in offered[1:])
    back.select_option(index=1)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("You have asked Bo.")).to_be_visible()


def verbs_on(page: Page) -> dict[str, tuple[float, float]]:
    """Each verb that can be tapped now → the top and the bottom of its place."""
    found = {}
    for each in page.locator(".acts button, .acts summary").all():
        if each.is_visible() and (box := each.bounding_box()):
            found[each.inner_text()] = box["y"], box["y"] + box["height"]
    return found


def test_p2_no_verb_ever_lies_where_another_lay_a_moment_before(live_server, browser, alert):
    """Two taps within a second at the same place acknowledged and then resolved: the page had become shorter."""
    link = links.link(alert, Recipient.objects.get()).partition("/a/")[2]
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/a/{link}")
    before = verbs_on(page)
    for tapped, shown in (
        ("Acknowledge", ["Resolve …"]),
        ("Resolve …", ["Resolve …", "Yes, it is over: resolve"]),
        ("Yes, it is over: resolve", ["Undo: open it again"]),
        ("Undo: open it again", ["Resolve …"]),
    ):
        page.locator(".acts").get_by_text(tapped, exact=True).click()
        expect(page.locator(".acts button:visible, .acts summary:visible")).to_have_text(shown)
        after = verbs_on(page)
        top, bottom = before[tapped]
        there = {name for name, (first, last) in after.items() if first < bottom and last > top}
        assert there <= {tapped}, f"after {tapped}"
        before = after
    alert.refresh_from_db()
    assert alert.state == "acknowledged"


def test_a_phone_shows_the_page_without_scrolling_sideways(live_server, browser, alert):
    link = links.link(alert, Recipient.objects.get()).partition("/a/")[2]
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{live_server.url}/a/{link}")
    assert wide_as_the_screen(page)


def logged_in(browser, live_server, user: User) -> Page:
    """A phone without script, on which this person has logged in."""
    cookie = browser_of(user).cookies["sessionid"].value
    phone = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    phone.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    return phone.new_page()


def test_a_shift_is_swapped_on_two_phones_by_keyboard(live_server, browser, transactional_db):
    """A8: no script, no sideways scrolling, and every step without a mouse."""
    world = World(timezone.now())
    ana, bo = world.person("ana"), world.person("bo")
    world.weekly(ana, bo, positions=1)
    page = logged_in(browser, live_server, ana)
    page.goto(f"{live_server.url}/on-call/")
    page.get_by_role("link", name="My shifts, swaps and absences").press("Enter")
    page.wait_for_url("**/on-call/mine/")
    width = page.locator("html").evaluate("html => [html.scrollWidth, html.clientWidth]")
    assert width == [390, 390]
    page.get_by_role("link", name="Ask somebody to take it").first.press("Enter")
    page.get_by_label("Whom do you ask?").press("B")
    page.get_by_label("Why").fill("dentist")
    page.get_by_label("Why").press("Enter")
    expect(page.get_by_text("You have asked Bo.")).to_be_visible()
    page = logged_in(browser, live_server, bo)
    page.goto(f"{live_server.url}/on-call/mine/")
    page.get_by_role("button", name="Accept").press("Enter")
    expect(page.get_by_text("You take rotation 0 main for Ana.")).to_be_visible()
    assert Override.objects.get().user == bo


def test_a_coach_logs_in_and_acknowledges_in_the_admin(live_server, browser, alert):
    """The forms get past CSRF with the headers that a browser really sends."""
    User.objects.create_superuser("coach", password="example")
    page = browser.new_page()
    page.goto(f"{live_server.url}/admin/")
    page.fill("[name=username]", "coach")
    page.fill("[name=password]", "example")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{live_server.url}/admin/")
    page.goto(f"{live_server.url}/admin/dispatching/alert/{alert.pk}/change/")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_text(f"You have acknowledged alert #{alert.pk}")).to_be_visible()
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by.username) == ("acknowledged", "coach")
