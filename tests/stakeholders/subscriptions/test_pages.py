"""The public pages: the form, the links of every mail, one's own page, the feed."""

import re
from datetime import timedelta
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from dispatching import channels
from dispatching.channels import MemoryChannel, base, memory
from dispatching.contact import links
from dispatching.models import ContactPoint, Delivery, Recipient
from stakeholders.models import SignUp, StakeholderGroup, Subscriber, Subscription, Suppression
from stakeholders.subscriptions import subscribing
from tests.api import client_of
from tests.browser import browser_of, everything, form_in, text
from tests.sure import sure

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
VI = "vi@example.org"
ATOM = "{http://www.w3.org/2005/Atom}"


def send(world, address=VI, *, client=None, **more):
    values = {"channel": "memory", "address": address, "groups": [world.open.pk], **more}
    return (client or Client(enforce_csrf_checks=True)).post("/subscribe/", values)


def link(name: str, body: str = "") -> str:
    """The path of the link in the last message that leads to this page."""
    return sure(re.search(rf"https?://[^/\s]+(/{name}/[^\s]+)", body or memory.outbox[-1].body))[1]


def subscriber(world, address=VI, **more) -> ContactPoint:
    send(world, address, **more)
    world.work()
    Client().post(link("subscriptions/confirm"))
    world.work()
    return ContactPoint.objects.get(address=address)


def path(purpose: str, point: ContactPoint) -> str:
    return urlsplit(links.url(purpose, point)).path


def test_an_address_that_is_subscribed_is_asked_again_the_same_day_when_it_wants_more(world):
    """P4: its owner would wait for a message that never came; after three such messages the link in them shows the rest."""
    point = subscriber(world)
    heard = len(memory.outbox)
    for number in range(5):
        Subscription.objects.filter(group=world.europe).delete()
        answer = send(world, groups=[world.europe.pk])
        world.work()
        assert len(memory.outbox) == heard + min(number + 1, 3)
    assert "the link in that message shows this request, too" in text(answer)
    assert "Europe" in text(Client().get(link("subscriptions/confirm")))
    Client().post(link("subscriptions/confirm"))
    assert set(point.subscriptions.values_list("group__name", "state")) == {
        ("Product A, everywhere", "active"),
        ("Europe", "active"),
    }


@pytest.mark.parametrize("how", ["leave", "untick"])
def test_who_stops_everything_reads_that_nothing_comes_any_more(world, how):
    """P12"""
    point = subscriber(world)
    page = path("manage", point)
    form = form_in(Client().get(page), "manage") | {"do": "save"}
    form.pop(f"group-{world.open.pk}-wanted")
    stopped = Client().post(page, {"do": "leave"} if how == "leave" else form, follow=True)
    assert "You get no more messages here." in text(stopped) and "Saved." not in text(stopped)


def test_the_manage_page_names_the_priorities_that_pass(world):
    """P13"""
    for level in (1, 2, 3):
        world.priority(level)
    page = text(Client().get(path("manage", subscriber(world))))
    for words in (">Only P1<", ">P1 and P2<", ">P1 to P3<", ">All outages<"):
        assert words in page, words


def test_an_old_name_of_a_zone_that_was_chosen_stays_chosen(world):
    """P37"""
    point = subscriber(world)
    Subscriber.objects.update_or_create(recipient=point.recipient, defaults={"time_zone": "Europe/Kiev"})
    form = form_in(Client().get(path("manage", point)), "manage")
    assert form["how-time_zone"] == ["Europe/Kiev"]
    assert Client().post(path("manage", point), form | {"do": "save"}).status_code == 302
    assert str(Subscriber.objects.get(recipient=point.recipient).time_zone) == "Europe/Kiev"


def test_the_words_about_an_address_are_true_of_every_medium(world, ana):
    """Walk: with “E-mail” chosen the label and its errors spoke of the URL of a webhook."""
    refused = text(send(world, ""))
    assert "Your address: Please enter an address." in strip_tags(refused) and "URL of your webhook" not in refused
    ContactPoint.objects.create(recipient=ana.recipient, channel="email", address="ana@example.org", verified=True)
    shown = text(browser_of(ana).get("/subscribe/"))
    assert "E-mail: ana@example.org" in shown and "email: ana@example.org" not in shown


def test_the_manage_page_offers_zones_named_after_places_and_says_how_to_change_the_medium(world):
    """P36, P37"""
    page = text(Client().get(path("manage", subscriber(world))))
    assert ">Europe/Berlin<" in page and ">UTC<" in page and 'data-zone="browser"' in page
    for name in ("localtime", "W-SU", "Etc/GMT+12", "US/Pacific", "Asia/Calcutta", "Europe/Kiev", "America/Knox IN"):
        assert f">{name}<" not in page, name
    assert ">Asia/Kolkata<" in page and ">Europe/Kyiv<" in page and ">Europe/Oslo<" in page
    assert "To get them somewhere else" in page


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("x" * 65 + "@example.org", "No such address can exist"),
        ("x" * 60 + "@" + "y" * 60 + "." + ("z" * 60 + ".") * 3 + "example.org", "No such address can exist"),
        ("zeta@localhost", "Please enter one e-mail address"),
        ("üser@example.com", "letters such as ü before the @"),
        ("https://hooks.example.org/x", "This is a URL. Enter an e-mail address"),
    ],
    ids=["long name", "long", "localhost", "umlaut", "webhook"],
)
def test_an_address_that_cannot_exist_is_refused_with_the_reason(world, address, sentence):
    """P6, P45, C17"""
    answer = send(world, address, channel="email")
    assert answer.status_code == 400 and sentence in text(answer) and not SignUp.objects.exists()


def test_an_address_is_shown_as_its_owner_writes_it(world):
    """P6"""
    shown = text(send(world, "user@exämple.de", channel="email"))
    assert "user@exämple.de" in shown and "xn--" not in shown
    assert SignUp.objects.get().address == "user@xn--exmple-cua.de"


def test_who_has_confirmed_has_a_link_in_the_mailbox_before_the_first_outage(world):
    """P43"""
    send(world, "user@exämple.de", channel="email")
    world.work()
    point = ContactPoint.objects.get()
    subscribing.confirm(point, now=world.now)
    said = sure(Delivery.objects.order_by("pk").last())
    assert said.subject == "You are subscribed" and path("manage", point) in said.body
    assert "user@exämple.de" in text(Client().get(path("manage", point)))


def test_only_two_questions_stand_before_the_button(world):
    """P44: what nobody has to answer is folded away, and open where something is wrong in it."""
    page = text(Client().get("/subscribe/"))
    form, folded = page.partition("<details>")[::2]
    for name in ("products", "deployments", "kinds"):
        assert f'name="{name}"' not in form, name
    assert 'name="kinds"' in folded.partition("</details>")[0] and 'name="address"' in form
    assert "<details open>" in text(send(world, kinds="nonsense"))


# --- the form ----------------------------------------------------------------------------------------------------------


def test_the_page_says_to_each_audience_how_to_subscribe(world):
    """B109, B112, B121"""
    page = text(Client().get("/subscribe/"))
    assert "<h1>Get outage messages</h1>" in page
    for words in ("Do you work here?", "Do you use a feed reader?", "Have you lost your link?"):
        assert words in page.partition("<h2>Other ways</h2>")[2], words
    assert 'autocomplete="email"' in page and 'lang="en"' in page


def test_outsiders_see_and_guess_only_what_is_open_to_them(world):
    """B123: also of deployments and products only those that open groups cover."""
    world.open.delete()
    page = text(Client().get("/subscribe/"))
    assert "Europe" in page and "Sales" not in page and "Product managers" not in page and "Production US" not in page
    missing = send(world, groups=[999_999])
    hidden = send(world, groups=[world.inner.pk])
    assert (missing.status_code, hidden.status_code) == (400, 400)
    pages = [re.sub(r"choice\. \d+ is", "choice. N is", text(page)) for page in (missing, hidden)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(("team", "seen"), [(False, {"Sales"}), (True, {"Sales", "Product managers"})])
def test_colleagues_see_all_that_they_may_join(world, team, seen):
    """B110, B111"""
    rep = world.colleague()
    if team:
        world.team("Team 1", rep)
    page = text(browser_of(rep).get("/subscribe/"))
    assert {name for name in ("Sales", "Product managers") if name in page} == seen


def test_a_form_from_a_stranger_needs_no_cookie_and_writes_one_row(world):
    answer = send(world)
    assert answer.status_code == 200 and not answer.cookies
    assert "Check your e-mail" in text(answer)
    assert SignUp.objects.count() == 1 and not ContactPoint.objects.exists()
    world.work()
    assert not SignUp.objects.exists()
    assert world.told() == [VI]


def test_the_answer_is_the_same_for_known_unknown_and_suppressed_addresses(world):
    """P5, B123, Must show 6: the same words, the same queries; `make bench-sign-up` measures the time."""
    subscriber(world)
    send(world, "no@example.org")
    world.work()
    Client().post(link("subscriptions/not-me"))
    assert Suppression.objects.exists()
    pages, queries = [], []
    for address in (VI, "xy@example.org", "no@example.org"):
        for url, values in (("/subscribe/", {"groups": [world.open.pk]}), ("/subscriptions/new-link/", {})):
            with CaptureQueriesContext(
                connection,
            ) as captured:
                answer = Client().post(url, {"channel": "memory", "address": address, **values})
            pages.append((url, answer.status_code, text(answer).replace(address, "ADDRESS")))
            queries.append((url, [re.sub(r"'[^']*'|\d+", "?", each["sql"]) for each in captured]))
    assert pages[0:2] == pages[2:4] == pages[4:6]
    assert (
        [found for _, found in queries[0:2]]
        == [found for _, found in queries[2:4]]
        == [found for _, found in queries[4:6]]
    )


REFUSED = {
    "no address": ({"address": ""}, "address", "Please enter an address."),
    "no e-mail address": ({"channel": "email", "address": "vi"}, "address", "Please enter one e-mail address"),
    "two addresses": ({"channel": "email", "address": "a@x.org, b@x.org"}, "address", "one e-mail address"),
    "a header": ({"channel": "email", "address": "a@x.org\nBcc: b@x.org"}, "address", "Write this in one line."),
    "no group": ({"groups": []}, "groups", "Please choose at least one."),
    "junk": ({"groups": ["x"]}, "groups", "not a valid value"),
    "a number that fits no column": ({"groups": ["9" * 30]}, "groups", "Select a valid choice"),
    "NUL": ({"address": "a\0@x.org"}, "address", "Null characters"),
    "a medium that is none": ({"channel": "fax"}, "channel", "Select a valid choice"),
    "too long": ({"address": "x" * 501}, "address", "at most 500 characters"),
}


@pytest.mark.parametrize(("values", "field", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_wrong_is_said_at_the_field_and_in_a_summary_that_takes_focus(world, values, field, sentence):
    """Part C, 3.3.1 to 3.3.3"""
    answer = send(world, **values)
    page = text(answer)
    assert answer.status_code == 400 and not SignUp.objects.exists()
    assert f'id="id_{field}_error"' in page and page.count(sentence) == 2
    assert re.search(r'role="alert" id="wrong" tabindex="-1" autofocus', page)
    target = sure(re.search(r'<a href="#(id_[a-z_0-9]+)">', page))[1]
    assert f'id="{target}"' in page and target.startswith(f"id_{field}")


def test_narrowing_to_what_a_group_does_not_cover_is_refused_by_name(world):
    answer = send(world, groups=[world.europe.pk, world.open.pk], deployments=[world.us.pk])
    assert answer.status_code == 400 and "“Europe” covers nothing of what you chose" in text(answer)


def test_narrowed_from_the_start(world):
    """B10, B13"""
    send(world, deployments=[world.us.pk], kinds="ends")
    world.work()
    row = Subscription.objects.get()
    assert (row.deployments, row.products, row.kinds) == ([world.us.pk], [], "ends")


def test_a_colleague_subscribes_at_once_and_nobody_can_forge_the_form(world):
    """B110: no confirmation mail to an address that is verified."""
    rep = world.colleague()
    point = rep.recipient.contact_points.get()
    values = {"groups": [world.sales.pk], "point": point.pk}
    assert browser_of(rep, enforce_csrf_checks=True).post("/subscribe/", values).status_code == 403
    answer = browser_of(rep).post("/subscribe/", values, follow=True)
    assert "Saved." in text(answer)
    row = Subscription.objects.get()
    assert (row.state, row.contact_point, row.asked_from) == ("active", point, "logged in")
    world.work()
    assert world.told() == []


def test_a_colleague_cannot_choose_somebody_elses_address(world):
    world.colleague("bo")
    other = ContactPoint.objects.get(address="bo")
    answer = browser_of(world.colleague()).post("/subscribe/", {"groups": [world.sales.pk], "point": other.pk})
    assert answer.status_code == 400 and not Subscription.objects.exists()


def test_who_has_a_login_but_no_address_is_offered_nothing_that_is_for_logins_only(world):
    """A stranger's address could be typed in there."""
    rep = world.person("rep", points=0)
    world.team("Team 1", rep)
    page = text(browser_of(rep).get("/subscribe/"))
    assert "Sales" in page and "Product managers" not in page
    # Field F3: what the login opens needs the token of its page, and the record says who asked.
    strict = browser_of(rep, enforce_csrf_checks=True)
    assert send(world, client=strict, groups=[world.sales.pk]).status_code == 403 and not SignUp.objects.exists()
    assert "csrfmiddlewaretoken" in text(strict.get("/subscribe/"))
    token = strict.cookies["csrftoken"].value
    assert send(world, client=strict, groups=[world.sales.pk], csrfmiddlewaretoken=token).status_code == 200
    assert SignUp.objects.get().invited_by == rep


# --- inviting ----------------------------------------------------------------------------------------------------------


def test_a_colleague_invites_and_only_one_question_is_sent(world):
    """B122"""
    rep = world.colleague()
    values = {"channel": "memory", "address": VI, "groups": [world.open.pk, world.sales.pk]}
    assert "We send them one message." in text(browser_of(rep).post("/subscribe/invite/", values, follow=True))
    world.work()
    world.outage()
    world.work()
    assert world.told() == [VI]
    assert "Rep suggests" in memory.outbox[-1].body
    assert {row.invited_by for row in Subscription.objects.all()} == {rep}
    Client().post(link("subscriptions/confirm"))
    assert set(Subscription.objects.values_list("state", flat=True)) == {"active"}


def test_nobody_is_invited_to_what_is_for_product_delivery_only(world):
    rep = world.colleague()
    world.team("Team 1", rep)
    values = {"channel": "memory", "address": VI, "groups": [world.inner.pk]}
    assert browser_of(rep).post("/subscribe/invite/", values).status_code == 400


class Chat(MemoryChannel):
    kind, label, for_strangers = "chat", "Chat", False


def test_a_new_channel_is_offered_to_strangers_only_if_it_says_so(world):
    """A channel for colleagues must not be open to the public because somebody has registered it."""
    channels.register(Chat())
    try:
        assert (
            'value="chat"' not in text(Client().get("/subscribe/")) and send(world, channel="chat").status_code == 400
        )
        body = {"channel": "chat", "address": VI, "groups": [world.open.pk]}
        refused = client_of(world.colleague()).post("subscriptions/invite/", body)
        assert refused.status_code == 400 and list(refused.json()) == ["channel"], refused.json()
    finally:
        del base._channels["chat"]
    assert not SignUp.objects.exists()


def test_a_stranger_cannot_invite(world):
    assert Client().get("/subscribe/invite/").status_code == 302


# --- the links of the mails --------------------------------------------------------------------------------------------


def test_opening_any_link_of_any_mail_changes_nothing(world):
    """K11, P3, P4, invariant 13, Must show 5: as often and by whatever method a scanner opens it."""
    rep = world.colleague()
    point = subscriber(world)
    world.outage()
    world.work()
    world.now += 2 * DAY
    world.clock.move_to(world.now)
    Client().post("/subscriptions/new-link/", {"channel": "memory", "address": VI})
    send(world, "xy@example.org")
    browser_of(rep).post("/subscribe/invite/", {"channel": "memory", "address": "z@x.org", "groups": [world.open.pk]})
    world.work()
    sent = "\n".join(f"{mail.body} {mail.data.get('url', '')}" for mail in memory.outbox)
    urls = {urlsplit(url).path for url in re.findall(r"https?://[^\s\"'<>,)}]+", sent)}
    urls |= {path(purpose, point) for purpose in ("manage", "unsubscribe", "feed")}
    assert {url.split("/")[2] for url in urls if url.startswith("/subscriptions/c")} == {"confirm"}
    assert len(urls) >= 8
    before = everything()
    for url in urls:
        for method in ("get", "head", "options"):
            for query in ({}, {"do": "leave"}, {"List-Unsubscribe": "One-Click"}):
                answer = getattr(Client(), method)(url, query) if method != "options" else Client().options(url)
                assert answer.status_code in (200, 405), (method, url)
    assert everything() == before


def test_the_confirmation_page_shows_what_was_asked_and_only_the_button_confirms(world):
    """P3, P4: opened by scanners before, it still works for the person; and again afterwards."""
    send(world, deployments=[world.us.pk])
    world.work()
    url = link("subscriptions/confirm")
    for _ in range(5):
        page = Client().get(url)
    assert "Product A, everywhere" in text(page) and "Only Production US. Every message" in text(page)
    assert page["Referrer-Policy"] == "no-referrer"
    done = text(Client(enforce_csrf_checks=True).post(url))
    assert "You are subscribed" in done and "None of it is broken now, as far as we have been told." in done
    assert "You are subscribed" in text(Client().post(url))
    assert "You are subscribed" in text(Client().get(url))


def test_a_confirmation_is_good_for_72_hours(world):
    send(world)
    world.work()
    url = link("subscriptions/confirm")
    world.clock.move_to(world.now + 72 * HOUR)
    assert Client().get(url).status_code == 200
    world.clock.move_to(world.now + 72 * HOUR + timedelta(seconds=1))
    assert Client().post(url).status_code == 404
    assert Subscription.objects.get().state == "asked"


def test_not_me_suppresses_by_post_only(world):
    send(world)
    world.work()
    url, confirm = link("subscriptions/not-me"), link("subscriptions/confirm")
    Client().get(url)
    assert not Suppression.objects.exists()
    assert "We will not write to you again" in text(Client().post(url))
    assert Suppression.objects.get().reason == "not_me"
    assert "nothing to confirm" in text(Client().get(confirm))


@pytest.mark.parametrize("prefix", ["subscriptions/confirm", "subscriptions/not-me", "subscriptions", "unsubscribe"])
@pytest.mark.parametrize("forge", [lambda t: t[:-1] + "x", lambda t: "x", lambda t: "a" * 5000, lambda t: "é:☃"])
def test_a_forged_link_is_not_found_and_never_an_error(world, prefix, forge):
    """P5, invariant 14"""
    point = subscriber(world)
    token = links.token("manage", point)
    for method in ("get", "post"):
        assert getattr(Client(), method)(f"/{prefix}/{forge(token)}/").status_code == 404


def test_a_link_is_good_for_its_purpose_only_and_holds_no_address(world):
    """Invariant 14"""
    point = subscriber(world)
    tokens = {p: links.token(p, point) for p in ("manage", "unsubscribe", "feed")}
    assert Client().post(f"/unsubscribe/{tokens['manage']}/").status_code == 404
    assert Client().get(f"/subscriptions/{tokens['unsubscribe']}/").status_code == 404
    assert Client().get(f"/subscriptions/{tokens['manage']}/feed.atom").status_code == 404
    assert not any("vi" in token.split(":")[0] for token in tokens.values())


def test_one_click_ends_it_without_cookie_login_token_or_redirect(world):
    """P7, RFC 8058"""
    point = subscriber(world)
    world.outage()
    url = path("unsubscribe", point)
    client = Client(enforce_csrf_checks=True)
    answer = client.post(url, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, len(client.cookies)) == (200, 0)
    assert Client().post(url, {"List-Unsubscribe": "One-Click"}).status_code == 200
    row = Subscription.objects.get()
    assert (row.state, row.end_reason) == ("ended", "left: by the button of the mail program")
    world.told()
    world.work()
    assert world.told() == []
    assert Delivery.objects.get(content__isnull=False).state == "suppressed"


def test_the_unsubscribe_page_has_one_button_and_a_way_to_the_finer_choice(world):
    point = subscriber(world)
    page = text(Client().get(path("unsubscribe", point)))
    assert page.count("<button") == 1 and path("manage", point) in page
    save(point, **{f"group-{world.europe.pk}-wanted": "on"})
    page = text(Client(enforce_csrf_checks=True).post(path("unsubscribe", point), {"group": world.open.pk}))
    assert f"You get no more messages about {world.open.name}." in page, "one of several"
    assert [row.group for row in Subscription.objects.filter(state="active")] == [world.europe]
    junk = Client().post(path("unsubscribe", point), {"group": "x"})
    assert junk.status_code == 200 and Subscription.objects.filter(state="active").count() == 1


def test_a_group_that_covers_nothing_is_not_offered(world):
    """Whoever subscribed to it alone would hear nothing."""
    StakeholderGroup.objects.create(name="Customers, some day", purpose="hear of it", openness="everyone")
    assert "Customers, some day" not in text(Client().get("/subscribe/"))
    page = text(Client().get(path("manage", subscriber(world))))
    assert "Customers, some day" not in page
    assert page.index(world.open.name) < page.index("More that you can choose") < page.index(world.europe.name)


# --- the manage page ---------------------------------------------------------------------------------------------------


def save(point, **filled):
    client, url = Client(enforce_csrf_checks=True), path("manage", point)
    form = form_in(client.get(url), "manage")
    return client.post(url, {key: value for key, value in {**form, **filled}.items() if value is not None}, follow=True)


def test_what_somebody_asked_for_with_my_address_is_not_confirmed_by_another_save(world):
    point = subscriber(world)
    send(world, groups=[world.europe.pk])
    world.work()
    asked = Subscription.objects.get(group=world.europe)
    assert asked.state == "asked" and asked.contact_point == point
    page = text(Client().get(path("manage", point)))
    assert "Somebody asked for this with your address, and nobody has confirmed it." in page
    save(point)
    asked.refresh_from_db()
    assert asked.state != "active"


def test_everything_is_chosen_on_one_page_without_a_login(world):
    """B10, B13, B14"""
    point, world_priority = subscriber(world), world.priority()
    assert 'value="vi' not in text(Client().get(path("manage", point)))
    page = save(
        point,
        **{
            f"group-{world.europe.pk}-wanted": "on",
            f"group-{world.open.pk}-deployments": [world.eu.pk],
            f"group-{world.open.pk}-kinds": "ends",
            f"group-{world.open.pk}-least_priority": world_priority.level,
            "how-time_zone": "Europe/Berlin",
            "how-quiet_from": "22:00",
            "how-quiet_until": "07:00",
        },
    )
    assert page.status_code == 200 and "Saved." in text(page)
    rows = {row.group: row for row in Subscription.objects.filter(state="active")}
    assert set(rows) == {world.open, world.europe}
    row = rows[world.open]
    assert (row.deployments, row.kinds, row.least_priority) == ([world.eu.pk], "ends", 2)
    how = Subscriber.objects.get(recipient=point.recipient)
    assert (str(how.time_zone), sure(how.quiet_from).hour, sure(how.quiet_until).hour) == ("Europe/Berlin", 22, 7)
    again = form_in(Client().get(path("manage", point)), "manage")
    assert again[f"group-{world.open.pk}-deployments"] == [str(world.eu.pk)]
    assert again["how-quiet_from"] == ["22:00"]


def test_saving_without_a_change_changes_nothing(world):
    point = subscriber(world)
    before = list(Subscription.objects.values_list())
    save(point)
    assert list(Subscription.objects.values_list()) == before


def test_unticking_a_group_leaves_it_and_the_record_stays(world):
    """B13"""
    point = subscriber(world)
    page = save(point, **{f"group-{world.open.pk}-wanted": None})
    assert Subscription.objects.get().state == "ended"
    assert "<h2>Ended</h2>" in text(page) and "left: manage page" in text(page)


WRONG = {
    "half a night": ({"how-quiet_from": "22:00"}, "Quiet hours need both"),
    "no time": ({"how-quiet_from": "late", "how-quiet_until": "07:00"}, "Enter a valid time."),
    "no zone": ({"how-time_zone": "Mars"}, "not one of the available choices"),
    "no language": ({"how-language": "tlh"}, "not one of the available choices"),
}


@pytest.mark.parametrize(("filled", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_on_the_manage_page_is_said(world, filled, sentence):
    point = subscriber(world)
    page = save(point, **filled)
    assert page.status_code == 400 and sentence in text(page)


def test_junk_on_the_manage_page_is_never_an_error(world):
    point = subscriber(world)
    for name in ("wanted", "deployments", "kinds", "least_priority"):
        for value in ("x", "\0", "9" * 30, "-1", "☃"):
            url = path("manage", point)
            assert Client().post(url, {f"group-{world.open.pk}-{name}": value}).status_code in (200, 302, 400)


def test_groups_that_are_not_open_to_them_cannot_be_had_by_the_link(world):
    """B123, P5"""
    point = subscriber(world)
    save(point, **{f"group-{world.sales.pk}-wanted": "on"})
    assert not Subscription.objects.filter(group=world.sales).exists()
    assert "Sales" not in text(Client().get(path("manage", point)))


def test_new_links_on_wish(world):
    """Invariant 14"""
    point = subscriber(world)
    old = path("manage", point)
    page = Client().post(old, {"do": "revoke"}, follow=True)
    assert page.status_code == 200
    assert Client().get(old).status_code == 404


def test_a_lost_link_is_sent_to_who_is_subscribed_and_to_nobody_else(world):
    """P5"""
    subscriber(world)
    world.told()
    for address in (VI, VI, "xy@example.org"):
        Client().post("/subscriptions/new-link/", {"channel": "memory", "address": address})
    world.work()
    assert world.told() == [VI]
    assert Client().get(link("subscriptions")).status_code == 200


def test_the_manage_page_takes_the_same_number_of_queries_however_many_groups_there_are(world):
    point = subscriber(world)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            Client().get(path("manage", point))
        return len(captured)

    before = queries()
    for number in range(5):
        world.group(f"More {number}", "everyone", products=[world.b])
    assert queries() == before


# --- a colleague's own page --------------------------------------------------------------------------------------------


def test_a_colleague_sees_own_subscriptions_and_the_outages_they_were_about(world):
    rep = world.colleague()
    point = rep.recipient.contact_points.get()
    browser_of(rep).post("/subscribe/", {"groups": [world.open.pk], "point": point.pk})
    world.outage()
    page = text(browser_of(rep).get("/subscriptions/mine/"))
    assert "Product A, everywhere" in page and "Uploads fail" in page and "We are at it." in page
    other = world.colleague("bo")
    assert "Uploads fail" not in text(browser_of(other).get("/subscriptions/mine/"))


# --- the feed ----------------------------------------------------------------------------------------------------------


def test_the_feed_has_one_entry_a_message_and_is_for_one_reader(world):
    """Part C, P14: RFC 4287"""
    point = subscriber(world)
    world.outage()
    answer = Client().get(path("feed", point))
    assert answer["Content-Type"].startswith("application/atom+xml")
    assert "private" in answer["Cache-Control"] and answer["X-Robots-Tag"] == "noindex"
    feed = ElementTree.fromstring(answer.content)
    own = [each.get("href") for each in feed.findall(f"{ATOM}link") if each.get("rel") == "self"]
    assert own == [links.url("feed", point)]
    [entry] = feed.findall(f"{ATOM}entry")
    assert sure(entry.findtext(f"{ATOM}id")).startswith("tag:")
    assert entry.findtext(f"{ATOM}title") == "Uploads fail (Production US)"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]*(Z|\+00:00)", sure(entry.findtext(f"{ATOM}updated")))
    summary = sure(entry.findtext(f"{ATOM}summary"))
    assert "We are at it." in summary and "Product A, everywhere" in summary and "\ue000" not in summary


def test_the_feed_answers_not_modified(world):
    point = subscriber(world)
    world.outage()
    url = path("feed", point)
    first = Client().get(url)
    assert first["Last-Modified"]
    assert Client().get(url, headers={"if-none-match": first["ETag"]}).status_code == 304
    assert Client().get(url, headers={"if-modified-since": first["Last-Modified"]}).status_code == 304


def test_the_feed_leaves_out_what_was_not_asked_for(world):
    """P14, B10"""
    point = subscriber(world, deployments=[world.eu.pk])
    world.outage()
    assert b"Uploads" not in Client().get(path("feed", point)).content


def test_the_feed_of_who_has_left_is_empty_and_of_revoked_links_gone(world):
    point = subscriber(world)
    world.outage()
    subscribing.leave_everything(point, reason="by link", now=world.now)
    assert b"<entry>" not in Client().get(path("feed", point)).content
    old = path("feed", point)
    links.revoke(point)
    assert Client().get(old).status_code == 404


def test_a_stranger_cannot_make_us_post_to_our_own_network(world, webhook):
    """S3: the form and the page for a new link refuse it; an address that got in all the same is refused at the socket."""
    shutdown = f"{webhook.server.url}?do=shutdown"
    for url in ("/subscribe/", "/subscriptions/new-link/"):
        refused = Client().post(url, {"channel": "webhook", "address": shutdown, "groups": [world.open.pk]})
        assert refused.status_code == 400 and "https://" in text(refused)
    subscribing.ask("webhook", shutdown, [world.open], now=world.now)
    world.work()
    assert webhook.server.requests == [] and Delivery.objects.get().state == "failed"


def test_the_ledger_tells_a_login_no_address_of_a_subscriber(world):
    """S4: neither as a name nor at all, unless the reader may view deliveries; one's own messages are there."""
    subscribing.ask("memory", VI, [world.open], now=world.now)
    world.work()
    plain, coach = world.person("plain"), world.person("coach", is_superuser=True)
    for path in ("deliveries/", f"deliveries/{Delivery.objects.latest('pk').pk}/", "notices/"):
        assert VI not in client_of(plain).get(path).content.decode()
    assert client_of(plain).get("deliveries/").json()["count"] == 0
    seen = client_of(coach).get("deliveries/").json()["results"]
    assert {(row["recipient"], row["address"]) for row in seen} == {("a subscriber", VI)}
    with pytest.raises(ValidationError, match="Enter a name here"):
        Recipient(display_name=VI).full_clean()
