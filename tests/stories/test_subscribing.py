"""A customer subscribes on a phone: script off, by keyboard, from the form to the end; and what a checker says of each page."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from dispatching.channels import memory
from dispatching.contact import links
from dispatching.models import ContactPoint, Priority
from stakeholders import sweep
from stakeholders.models import Deployment, Product, StakeholderGroup, Subscription
from stakeholders.subscriptions import subscribing
from tests.browser import PHONE, browser_of
from tests.stakeholders.organisation import everyone
from tests.sure import sure
from tests.world import World

VI = "vi@example.org"


@pytest.fixture
def groups(transactional_db) -> list[StakeholderGroup]:
    """Two places, two products, and a group for each product."""
    Priority.objects.create(level=2, name="P2", update_interval=timedelta(hours=4))
    for name in ("Production US", "Production EU"):
        Deployment.objects.create(name=name)
    found = []
    for letter in "AB":
        product = Product.objects.create(name=f"Product {letter}")
        group = StakeholderGroup.objects.create(
            name=f"Product {letter}",
            purpose="Plan around an outage.",
            openness="everyone",
            all_deployments=True,
            ring=everyone(),
        )
        group.products.add(product)
        found.append(group)
    return found


def work() -> None:
    """All workers do whatever is due, by the clock on the wall."""
    while sweep.sweep(timezone.now):
        pass
    World(timezone.now()).sweep()


def link(name: str) -> str:
    return sure(re.search(rf"https?://[^/\s]+(/{name}/\S+)", memory.outbox[-1].body))[1]


def active() -> set[str]:
    return set(Subscription.objects.filter(state="active").values_list("group__name", flat=True))


def press(page: Page, name: str) -> None:
    """The button is reached with the tab key alone, and pressed."""
    wanted = page.get_by_role("button", name=name, exact=True)
    for _ in range(60):
        page.keyboard.press("Tab")
        if wanted.evaluate("button => button === document.activeElement"):
            with page.expect_navigation():
                page.keyboard.press("Enter")
            return
    raise AssertionError(f"the tab key does not reach {name}")


def as_wide_as_the_phone(page: Page) -> bool:
    return page.locator("html").evaluate("html => html.scrollWidth") <= PHONE["width"]


def test_subscribe_confirm_manage_unsubscribe_on_a_phone_without_script_by_keyboard(live_server, browser, groups):
    """Must show 4; B13, B109, B112"""
    phone = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = phone.new_page()
    page.goto(f"{live_server.url}/subscribe/")
    assert as_wide_as_the_phone(page)
    page.get_by_label("Product A: Plan around an outage.").press("Space")
    page.get_by_label("Memory").press("Space")
    page.get_by_label("Your address").press_sequentially(VI)
    page.get_by_label("Your address").press("Enter")
    expect(page.get_by_role("heading", name="Check your e-mail")).to_be_visible()
    work()
    page.goto(live_server.url + link("subscriptions/confirm"))
    assert as_wide_as_the_phone(page) and active() == set()
    press(page, "Yes, send me these messages")
    expect(page.get_by_role("heading", name="You are subscribed")).to_be_visible()
    assert active() == {"Product A"}
    page.get_by_role("link", name="Change or stop these messages").press("Enter")
    page.wait_for_url("**/subscriptions/*/")
    assert as_wide_as_the_phone(page)
    page.get_by_label("Product B", exact=True).press("Space")
    press(page, "Save")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert active() == {"Product A", "Product B"}
    point = ContactPoint.objects.get()
    page.goto(live_server.url + urlsplit(links.url("unsubscribe", point)).path)
    assert as_wide_as_the_phone(page)
    press(page, "Stop all of them")
    expect(page.get_by_role("heading", name="You get no more messages")).to_be_visible()
    assert active() == set()
    assert phone.cookies() == []


def test_a_colleague_subscribes_in_a_real_browser(live_server, browser, groups):
    """B110: the form gets past CSRF with the headers that a browser really sends."""
    rep = World(timezone.now()).person("rep")
    phone = browser.new_context(viewport=PHONE, java_script_enabled=False)
    cookie = browser_of(rep).cookies["sessionid"].value
    phone.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = phone.new_page()
    page.goto(f"{live_server.url}/subscribe/")
    page.get_by_label("Product A: Plan around an outage.").press("Space")
    press(page, "Subscribe")
    page.wait_for_url("**/subscriptions/*/")
    assert active() == {"Product A"}


# --- what a checker says of each page ----------------------------------------------------------------------------------


def pages(groups) -> dict[str, str]:
    """Every page of ours that a subscriber may see, by name."""
    now = timezone.now()
    point = sure(subscribing.ask("memory", VI, groups, now=now))
    subscribing.confirm(point, now=now)
    asked = sure(subscribing.ask("memory", "xy@example.org", groups, now=now))
    work()
    confirm = next(mail.body for mail in memory.outbox if mail.address == asked.address)
    waiting, not_me = re.findall(r"https?://[^/\s]+(/subscriptions/\S+)", confirm)
    own = {p: urlsplit(links.url(p, point)).path for p in ("manage", "unsubscribe")}
    fixed = {"subscribe": "/subscribe/", "new link": "/subscriptions/new-link/", "gone": "/subscriptions/x/"}
    fixed["help"] = "/subscribe/help/"
    return {**fixed, "confirm": waiting, "not me": not_me, **own}


MINE = {"invite": "/subscribe/invite/", "mine": "/subscriptions/mine/", "subscribe logged in": "/subscribe/"}
# What can be pressed is big enough, or stands in a sentence (WCAG 2.5.8); one h1, no heading level left out; all named.
FAULTS = """() => {
  const faults = [];
  document.querySelectorAll('details').forEach(each => each.open = true);
  if (!document.documentElement.lang) faults.push('no lang');
  if (!document.title) faults.push('no title');
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1]);
  if (levels.filter(l => l === 1).length !== 1 || levels[0] !== 1) faults.push('not one h1, first');
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) faults.push('heading level left out'); });
  for (const e of document.querySelectorAll('input:not([type=hidden]),select,textarea'))
    if (![...e.labels].some(l => l.innerText.trim())) faults.push('no label: ' + e.name);
  for (const e of document.querySelectorAll('a,button,input:not([type=hidden]),select,summary')) {
    if (!e.checkVisibility() || (e.tagName === 'A' && getComputedStyle(e).display === 'inline')) continue;
    const box = e.getBoundingClientRect();
    if (box.width < 24 || box.height < 24) faults.push('small: ' + (e.name || e.innerText));
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) faults.push('an id twice');
  for (const e of document.querySelectorAll('[aria-describedby]'))
    for (const id of e.getAttribute('aria-describedby').split(' '))
      if (!document.getElementById(id)) faults.push('describedby nothing: ' + id);
  if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the screen');
  return faults;
}"""


def shown(browser, live_server, groups, scheme: str):
    """Each page on a phone, by name; with its errors shown, too, where it has a form."""
    rep = World(timezone.now()).person("rep")
    stranger = browser.new_context(viewport=PHONE, color_scheme=scheme)
    colleague = browser.new_context(viewport=PHONE, color_scheme=scheme)
    cookie = browser_of(rep).cookies["sessionid"].value
    colleague.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    for context, paths in ((stranger, pages(groups)), (colleague, MINE)):
        page = context.new_page()
        for name, path in paths.items():
            page.goto(live_server.url + path)
            for details in page.locator("summary").all():
                details.click()
            yield name, page
            if name in ("subscribe", "new link", "invite"):
                page.locator("form button.strong").press("Enter")
                page.wait_for_selector("#wrong")
                yield f"{name}, wrong", page
                assert page.evaluate("document.activeElement.id") == "wrong"


def test_every_page_is_labelled_ordered_and_big_enough_to_press(live_server, browser, groups):
    """Part C: WCAG 2.2 AA, by hand; the summary of what is wrong takes the focus."""
    found = {name: page.evaluate(FAULTS) for name, page in shown(browser, live_server, groups, "light")}
    assert len(found) >= 12
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_accessibility_checker_finds_nothing(live_server, browser, groups, scheme):
    """Must show 4: axe-core, all its rules for WCAG 2.2 AA, contrast among them."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = {}
    for name, page in shown(browser, live_server, groups, scheme):
        violations = axe.Axe().run(page, options=rules).response["violations"]
        found[name] = [(each["id"], each["impact"], each["nodes"][0]["html"][:120]) for each in violations]
    assert {name: violations for name, violations in found.items() if violations} == {}
