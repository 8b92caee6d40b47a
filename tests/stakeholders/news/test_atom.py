"""The feed of a group that is open to everyone: no account, no address, and nothing of anybody else."""

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client

from dispatching.contact import links
from stakeholders.models import StakeholderGroup
from stakeholders.news import atom, outages
from tests.browser import text
from tests.sure import sure

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def public(outside) -> StakeholderGroup:
    """The group for everything in the showcase, open to everyone."""
    group = outside.groups["7"]
    group.openness, group.advice = "everyone", "Move demos."
    group.save()
    return group


def url(group) -> str:
    return f"/groups/{group.pk}/feed.atom"


def entries(group) -> list[ElementTree.Element]:
    answer = Client().get(url(group))
    assert answer.status_code == 200
    return ElementTree.fromstring(answer.content).findall(f"{ATOM}entry")


def test_everybody_reads_what_was_told_to_the_group(outside, public):
    """B111, B112, B159: RFC 4287"""
    outage = outside.outage()
    outside.announce(outage, "No data uploads.")
    answer = Client().get(url(public))
    assert answer["Content-Type"].startswith("application/atom+xml") and not answer.cookies
    feed = ElementTree.fromstring(answer.content)
    for name in ("id", "title", "updated", "author"):
        assert feed.find(f"{ATOM}{name}") is not None, name
    [self_link] = [link.attrib["href"] for link in feed.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert self_link.endswith(url(public))
    [entry] = feed.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == "Uploads fail (Showcase worldwide)"
    said = sure(entry.findtext(f"{ATOM}summary"))
    assert "ANNOUNCEMENT: Uploads fail" in said and "No data uploads." in said and "We will write again within" in said


def test_it_holds_nothing_of_any_reader(outside, public):
    """P14: no links of somebody's own, no names of other groups, no advice, no marks."""
    outside.subscriber("ann", "7")
    outside.announce(outside.outage())
    [entry] = entries(public)
    said = sure(entry.findtext(f"{ATOM}summary"))
    for private in ("You get this message", "Stop these", "Choose what", "unsubscribe", "Move demos", "ann", "\ue000"):
        assert private not in said, private
    assert said.rstrip().endswith("UTC</p>")


def test_only_groups_that_are_open_to_everyone_have_one(outside, public):
    """B123, P14: the others are as if they were not there."""
    assert Client().get(url(public)).status_code == 200
    missing = Client().get("/groups/999999/feed.atom")
    for openness in ("enterprise", "product"):
        StakeholderGroup.objects.filter(pk=public.pk).update(openness=openness)
        hidden = Client().get(url(public))
        assert (hidden.status_code, hidden.content) == (404, missing.content)
    assert Client().get(f"/groups/{'9' * 30}/feed.atom").status_code == 404


def test_the_feed_of_a_reader_holds_what_is_important_enough_for_them(outside):
    """X2: as their messages do."""
    wishes = {"all": None, "some": 2, "few": 1}
    points = {name: outside.subscriber(name, "7", least_priority=level) for name, level in wishes.items()}
    outside.announce(outside.outage())
    assert outside.told() == ["all", "some"]
    assert {name: len(atom.wanted(point)) for name, point in points.items()} == {"all": 1, "some": 1, "few": 0}


def test_what_was_told_to_others_is_not_in_it(outside, public):
    """P14: not even in its ids."""
    outside.announce(outside.outage(where=["Production US"], what="A", title="Payments fail"))
    outside.announce(outside.outage())
    [entry] = entries(public)
    assert "Payments" not in ElementTree.tostring(entry, "unicode")
    assert re.fullmatch(r"tag:[^:]+,2026:message/[0-9a-f]{24}", sure(entry.findtext(f"{ATOM}id")))


def test_what_was_told_before_the_group_was_opened_stays_inside(outside):
    """P14"""
    group = outside.groups["7"]
    outage = outside.outage(title="Internal trouble")
    outside.announce(outage)
    StakeholderGroup.objects.filter(pk=group.pk).update(openness="everyone")
    assert entries(group) == []
    outages.update(outage, "Still.", next_update_by=outside.world.now + HOUR, now=outside.world.now)
    assert len(entries(group)) == 1


def test_an_entry_keeps_its_id_and_each_message_has_its_own(outside, public):
    """RFC 4287 4.2.6: also two in the same instant."""
    first, second = outside.outage(), outside.outage(title="Log-on fails")
    outside.announce(first)
    before = [entry.findtext(f"{ATOM}id") for entry in entries(public)]
    outside.announce(second)
    outages.end(first, "Over.", now=outside.world.now)
    ids = [entry.findtext(f"{ATOM}id") for entry in entries(public)]
    assert len(set(ids)) == 3 and ids[-1:] == before


def test_it_answers_not_modified_also_while_it_is_empty(outside, public):
    for _ in range(2):
        first = Client().get(url(public))
        assert first["Last-Modified"] and "public" in first["Cache-Control"]
        assert Client().get(url(public), headers={"if-none-match": first["ETag"]}).status_code == 304
        assert Client().get(url(public), headers={"if-modified-since": first["Last-Modified"]}).status_code == 304
        outside.announce(outside.outage())


def test_it_is_only_read(public):
    assert Client().post(url(public)).status_code == 405


def test_the_page_on_subscribing_names_the_feeds(outside, public):
    """B109, B112"""
    page = text(Client().get("/subscribe/"))
    assert f'<a href="{url(public)}">7</a>' in page and url(outside.groups["6"]) not in page


@pytest.mark.parametrize("odd", ["\x01", "\x0b", "\x1f", "\x7f", "\x85", "\ufffe", "\uffff"], ids=ascii)
def test_every_feed_parses_whatever_a_text_contains(outside, public, odd):
    """S10, J8: rows from before such characters were refused, or from a source's words."""
    StakeholderGroup.objects.filter(pk=public.pk).update(name=f"Show{odd}case", advice=f"Move{odd} demos.")
    point = outside.subscriber("ann", "7")
    outside.announce(outside.outage(title=f"Uploads{odd} fail"), f"No{odd} data.")
    outside.sweep()
    assert [sure(entry.find(f"{ATOM}title")).text for entry in entries(public)] == [
        "Uploads\ufffd fail (Showcase worldwide)"
    ]
    answer = Client().get(links.path("feed", point))
    assert answer.status_code == 200 and "No\ufffd data." in "".join(ElementTree.fromstring(answer.content).itertext())
