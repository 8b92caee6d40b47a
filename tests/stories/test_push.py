"""A browser subscribes itself: offered only where script can do it, and the worker shows what comes."""

import json
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from dispatching.models import ContactPoint, Priority
from stakeholders.models import Deployment, Product, StakeholderGroup, Subscription
from tests.browser import PHONE
from tests.dispatching import browsers
from tests.sure import sure

OFFER = "Show them in this browser"
FCM = "https://fcm.googleapis.com/fcm/send/abc"
# Chromium here cannot reach its push service, so what that would answer is put in its place.
ANSWER = """
PushManager.prototype.subscribe = async wish => {
  window.wish = wish;
  return {toJSON: () => (%s)};
};
"""


@pytest.fixture
def group(transactional_db) -> StakeholderGroup:
    Priority.objects.create(level=2, name="P2", update_interval=timedelta(hours=4))
    Deployment.objects.create(name="Production US")
    Product.objects.create(name="Product A")
    return StakeholderGroup.objects.create(
        name="Everything", purpose="Plan.", openness="everyone", all_deployments=True, all_products=True
    )


def opened(browser, live_server, *, allowed: bool = True) -> Page:
    phone = browser.new_context(viewport=PHONE)
    if allowed:
        phone.grant_permissions(["notifications"], origin=live_server.url)
    page = phone.new_page()
    page.add_init_script(ANSWER % browsers.Browser(FCM).subscription)
    page.goto(f"{live_server.url}/subscribe/")
    return page


def test_without_script_there_is_no_such_offer(live_server, browser, group):
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{live_server.url}/subscribe/")
    assert not page.get_by_text(OFFER).is_visible()


def test_a_browser_subscribes_and_shows_what_comes(live_server, browser, group):
    """B112"""
    page = opened(browser, live_server)
    page.get_by_role("button", name=OFFER).press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Please choose above what you want to hear about.")
    page.get_by_label("Everything: Plan.").press("Space")
    page.get_by_role("button", name=OFFER).press("Enter")
    page.wait_for_url("**/subscriptions/*/")
    expect(page.get_by_text("one of your browsers")).to_be_visible()
    assert Subscription.objects.get().state == "active"
    assert ContactPoint.objects.get().address.startswith(f"{FCM}#")
    assert notifications(page, live_server.url) == [["Update: Uploads fail", "We are at it.", "k"]]


def notifications(page: Page, origin: str) -> list[list[str]]:
    """What the browser shows once its push service has brought a message."""
    found: list[str] = []
    devtools = page.context.new_cdp_session(page)
    devtools.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda event: found.extend(each["registrationId"] for each in event["registrations"]),
    )
    devtools.send("ServiceWorker.enable")
    page.goto(f"{origin}/subscribe/")
    message = {"id": "k", "title": "Update: Uploads fail", "body": "We are at it.", "url": f"{origin}/subscribe/"}
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": origin, "registrationId": found[0], "data": json.dumps(message)},
    )
    page.wait_for_function(
        "navigator.serviceWorker.ready.then(r => r.getNotifications()).then(shown => shown.length === 1)"
    )
    return page.evaluate(
        "navigator.serviceWorker.ready.then(r => r.getNotifications())"
        ".then(shown => shown.map(each => [each.title, each.body, each.tag]))"
    )


def test_the_browser_is_told_our_key(live_server, browser, group):
    """RFC 8292 4"""
    page = opened(browser, live_server)
    key = sure(page.locator("#browser").get_attribute("data-key"))
    assert len(browsers.decoded(key)) == 65
    page.get_by_label("Everything: Plan.").press("Space")
    page.route("**/subscribe/browser/", lambda route: route.fulfill(status=409, json={"wrong": "Not now."}))
    page.get_by_role("button", name=OFFER).press("Enter")
    page.get_by_text("Not now.").wait_for()
    assert page.evaluate("[wish.userVisibleOnly, wish.applicationServerKey]") == [True, key]


def test_who_does_not_allow_notifications_is_told_so(live_server, browser, group):
    page = opened(browser, live_server, allowed=False)
    page.evaluate("Notification.requestPermission = async () => 'denied'")
    page.get_by_label("Everything: Plan.").press("Space")
    page.get_by_role("button", name=OFFER).press("Enter")
    page.get_by_text("Your browser does not let us show notifications.").wait_for()
    assert not Subscription.objects.exists()
