"""The link in a page: it opens without a login, looks harmless to every scanner, and acts by POST only."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import signing
from django.test import Client
from django.utils.html import strip_tags

from dispatching.alerts import links, pages
from dispatching.models import Alert, Recipient
from schedules.models import User
from tests.browser import browser_of, everything, text
from tests.world import MONDAY

pytestmark = pytest.mark.django_db
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(autouse=True)
def clock(clock):
    """The views read the real clock: it stands five minutes after the alert."""
    clock.move_to(MONDAY + timedelta(minutes=5), tick=False)
    return clock


@pytest.fixture
def ana(world):
    return world.person("ana", last_name="Able")


@pytest.fixture
def source(world, ana, bo):
    return world.service(world.policy((timedelta(hours=1), ana, bo)), "Log-on")


@pytest.fixture
def alert(world, source):
    return world.trigger(source)


def link(alert: Alert, person) -> str:
    recipient = person if isinstance(person, Recipient) else person.recipient
    return urlsplit(links.link(alert, recipient)).path


@pytest.fixture
def anybody():
    """A browser that has never been here, before a server that checks CSRF tokens."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_at_the_link_changes_nothing(anybody, alert, ana, method):
    """K11: mail scanners open every link, some of them several times."""
    before = everything()
    for _ in range(2):
        assert getattr(anybody, method)(link(alert, ana)).status_code == 200
    assert everything() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_no_other_method_is_allowed(anybody, alert, ana, method):
    """K11"""
    before = everything()
    assert getattr(anybody, method)(link(alert, ana)).status_code == 405
    assert everything() == before


def test_the_button_acknowledges_without_login_cookie_or_csrf_token(anybody, alert, ana):
    shown = anybody.get(link(alert, ana))
    assert ">Acknowledge</button>" in text(shown)
    assert not anybody.cookies and "csrfmiddlewaretoken" not in text(shown)
    answer = anybody.post(link(alert, ana))
    assert (answer.status_code, answer["Location"]) == (302, link(alert, ana))
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", ana)
    after = text(anybody.get(link(alert, ana)))
    assert "Acknowledged through Ana Able’s link on" in after and ">Acknowledge</button>" not in after
    assert not anybody.cookies


def test_acknowledging_by_the_link_stops_the_pages(world, anybody, alert, ana, bo):
    world.told()
    anybody.post(link(alert, ana))
    world.advance(days=1)
    assert world.told() == []


def said(page) -> str:
    """The words of the page, without its markup."""
    return " ".join(strip_tags(page.content.decode()).split())


def test_the_state_is_said_once_with_who_and_when(world, anybody, alert, source, ana, clock):
    """Walk: “Acknowledged” stood twice, one above the other; “Resolved on …” did not say by whom; “0 minutes ago”."""
    path = link(alert, ana)
    shown = said(anybody.get(path))
    assert "▲ Triggered" in shown and "5 minutes ago" in shown.replace("\xa0", " ")
    for do, state in (("acknowledge", "Acknowledged"), ("resolve", "Resolved")):
        anybody.post(path, {"do": do})
        shown = said(anybody.get(path)).partition("Timeline")[0]
        assert shown.count(f"{state} through Ana Able’s link on Mon 5 Jan 2026, 09:05 UTC") == 1
        assert shown.count("●") + shown.count("✓") == 1 == shown.count(f"{state} ") - shown.count("Resolved by mistake")
        assert "Triggered" not in shown
    clock.move_to(MONDAY + timedelta(seconds=59), tick=False)
    assert "just now" in said(anybody.get(path))
    world.send(source, "trigger", "other")
    world.send(source, "resolve", "other")
    other = Alert.objects.get(dedup_key="other")
    assert "✓ Resolved by the source on" in said(anybody.get(link(other, ana)))


def test_links_from_the_source_can_be_tapped(world, anybody, source, ana):
    """A25: the walk found raw JSON."""
    links_ = [{"href": "https://g.example/?a=1&b=2", "text": EVIL}, {"href": "javascript:alert(1)", "text": "x"}]
    alert = world.trigger(source, "linked", details={"links": links_})
    shown = text(anybody.get(link(alert, ana)))
    assert '<dd><a href="https://g.example/?a=1&amp;b=2"' in shown and "<dd>javascript:alert(1)</dd>" in shown
    assert "<img" not in shown
    coach = User.objects.create_superuser("coach")
    assert 'href="https://g.example/?a=1&amp;b=2"' in text(
        browser_of(coach).get(f"/admin/dispatching/alert/{alert.pk}/change/")
    )


def test_the_second_press_of_the_same_person_says_that_they_have_it(anybody, alert, ana):
    """Walk: Bo was told that Bo Baker had it already."""
    for _ in range(2):
        again = anybody.post(link(alert, ana))
    assert again.status_code == 409 and "You have acknowledged it." in text(again)


def test_the_second_press_says_who_has_it(anybody, alert, ana, bo):
    anybody.post(link(alert, ana))
    before = everything()
    late = anybody.post(link(alert, bo))
    assert late.status_code == 409
    assert f"Alert #{alert.pk} is already acknowledged by Ana Able." in text(late)
    assert everything() == before


def test_resolving_by_the_link_and_then_nothing_is_left_to_press(anybody, alert, ana):
    assert anybody.post(link(alert, ana), {"do": "resolve"}).status_code == 302
    alert.refresh_from_db()
    assert alert.state == "resolved"
    after = anybody.get(link(alert, ana))
    assert "Resolved through Ana Able’s link on Mon 5 Jan" in said(after) and 'value="resolve"' not in text(after)
    again = anybody.post(link(alert, ana), {"do": "resolve"})
    assert again.status_code == 409 and "is already resolved" in text(again)


def test_a_verb_that_the_page_does_not_have_is_refused(anybody, alert, ana):
    before = everything()
    assert anybody.post(link(alert, ana), {"do": "escalate"}).status_code == 400
    assert everything() == before


def forged(alert: Alert, ana) -> list[str]:
    good = signing.dumps([alert.pk, ana.recipient.pk], salt=links.SALT)
    return [
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        "X" + good[1:],
        good.partition(":")[0],
        signing.dumps([alert.pk, ana.recipient.pk]),
        signing.dumps([alert.pk, ana.recipient.pk], salt=links.SALT, key="not our key"),
        signing.dumps([alert.pk + 1, ana.recipient.pk], salt=links.SALT),
        signing.dumps([alert.pk, ana.recipient.pk + 1000], salt=links.SALT),
        "x",
        ":::",
        "é" * 5,
        "x" * 4000,
    ]


def test_a_forged_link_opens_nothing(anybody, alert, ana):
    """K12"""
    before = everything()
    for token in forged(alert, ana):
        assert anybody.get(f"/a/{token}/").status_code == 404, token
        assert anybody.post(f"/a/{token}/").status_code == 404, token
    assert "log-on is down" not in text(anybody.get("/a/x/"))
    assert everything() == before


def test_a_link_works_for_thirty_days_and_not_a_moment_longer(anybody, alert, ana, clock):
    """K12"""
    path = link(alert, ana)
    made = MONDAY + timedelta(minutes=5)
    clock.move_to(made + timedelta(days=30, seconds=-1), tick=False)
    assert anybody.get(path).status_code == 200
    clock.move_to(made + timedelta(days=30, seconds=1), tick=False)
    before = everything()
    assert (anybody.get(path).status_code, anybody.post(path).status_code) == (404, 404)
    assert everything() == before


def test_a_link_opens_one_alert_only(world, anybody, source, alert, ana):
    """K12"""
    other = world.trigger(source, "other")
    anybody.post(link(alert, ana))
    other.refresh_from_db()
    assert other.state == "triggered"


def test_the_link_of_somebody_who_has_left_acts_no_more(anybody, alert, ana):
    """K12, O3, bA8: it shows nothing either, as if it had never been sent."""
    ana.is_active = False
    ana.save()
    before = everything()
    for refused in (anybody.get(link(alert, ana)), *(anybody.post(link(alert, ana), {"do": do}) for do in pages.VERBS)):
        assert refused.status_code == 404 and alert.summary not in text(refused)
    assert everything() == before


def test_a_recipient_without_a_login_acknowledges(world, anybody, alert):
    fallback = world.last_resort("Control room")
    assert anybody.post(link(alert, fallback)).status_code == 302
    alert.refresh_from_db()
    assert (alert.state, alert.acknowledged_by) == ("acknowledged", None)
    assert "for Control room" in text(anybody.get(link(alert, fallback)))


def test_a_recipient_without_a_login_is_named_as_who_has_it(world, anybody, alert):
    fallback = world.last_resort("Control room")
    anybody.post(link(alert, fallback))
    after = text(anybody.get(link(alert, fallback)))
    held_by = after.partition('role="status">')[2].partition("</div>")[0]
    assert "Acknowledged through Control room’s link" in held_by
    assert "the source" not in held_by


def test_nobody_stores_the_page_or_passes_its_address_on(anybody, alert, ana):
    """K13, K28"""
    for answer in (anybody.get(link(alert, ana)), anybody.get("/a/x/"), anybody.post(link(alert, ana))):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer["Cache-Control"] and "private" in answer["Cache-Control"]
        assert answer["X-Frame-Options"] == "DENY"
    shown = text(anybody.get(link(alert, ana)))
    assert "http://" not in shown and "https://" not in shown and 'src="' not in shown


@pytest.mark.parametrize("address", ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "//evil", EVIL])
def test_an_address_that_is_not_of_the_web_is_text(world, anybody, source, ana, address):
    """K8"""
    alert = world.trigger(source, "odd", runbook_url=address, dashboard_url=address)
    shown = text(anybody.get(link(alert, ana))).lower()
    assert f'href="{address.lower()}' not in shown
    assert 'rel="noreferrer' not in shown


def test_a_runbook_of_the_web_is_a_link(world, anybody, source, ana):
    alert = world.trigger(source, "fine", runbook_url="https://wiki.example.com/log-on?a=1&b=2")
    assert 'href="https://wiki.example.com/log-on?a=1&amp;b=2"' in text(anybody.get(link(alert, ana)))


def test_markup_in_an_event_is_only_text(world, anybody, ana):
    """K9"""
    source = world.service(world.policy((timedelta(hours=1), ana)), EVIL)
    fields = dict.fromkeys(("summary", "source", "component", "slo", "deployment", "product"), EVIL)
    alert = world.trigger(source, details={EVIL: [EVIL, "</pre><script>alert(1)</script>"]}, **fields)
    ana.last_name = EVIL
    ana.save()
    anybody.post(link(alert, ana))
    for answer in (anybody.get(link(alert, ana)), anybody.post(link(alert, ana))):
        shown = text(answer)
        assert "<img" not in shown and shown.count("<script") == 1, "our own"
        assert shown.count("&lt;img src=x") >= 8


def test_the_page_takes_the_same_number_of_queries_however_long_the_story(
    world, anybody, alert, ana, django_assert_num_queries, django_assert_max_num_queries
):
    path = link(alert, ana)
    with django_assert_max_num_queries(6) as few:
        anybody.get(path)
    world.advance(days=3)
    with django_assert_num_queries(len(few)):
        anybody.get(path)


def test_times_are_on_the_persons_own_clock_and_in_utc(anybody, alert, ana):
    ana.time_zone = "Europe/Berlin"
    ana.save()
    assert 'Mon 5 Jan 2026, 10:00 CET <span class="utc">(09:00 UTC)' in text(anybody.get(link(alert, ana)))
