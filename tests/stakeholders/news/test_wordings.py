"""Wordings by language: everybody is told once, in a frame in the language they chose, in its words or else in the default's."""

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from dispatching.channels import shared_words
from dispatching.channels.email import channel
from dispatching.channels.shared_words import fill
from dispatching.contact import links
from dispatching.delivery import delivering
from dispatching.models import ContactPoint
from schedules.refused import Refused
from stakeholders.models import Message, Subscriber, Update, UpdateWording
from stakeholders.news import fanning, messages, outages
from tests.stakeholders.organisation import HOUR
from tests.sure import sure

MINUTE = timedelta(minutes=1)


def german(text="Es kommen keine Daten an.", **more) -> UpdateWording:
    return UpdateWording(**{"language": "de", "title": "Uploads gestört", "text": text, **more})


def languages(outside) -> list[tuple[str, str]]:
    """Who is told something since the last time, and in which language."""
    return sorted((each.contact_point.address, each.content.message.language) for each in outside.planned())


def speak(point, language) -> None:
    Subscriber.objects.update_or_create(recipient=point.recipient, defaults={"language": language})


@pytest.fixture
def people(outside):
    return {"ann": outside.subscriber("ann", "7"), "uwe": outside.subscriber("uwe", "7", speaks="de")}


def update(outage, outside, *others, text="We are at it."):
    now = outside.world.now
    return outages.update(outage, text, next_update_by=now + HOUR, now=now, others=others)


# --- who reads what ---------------------------------------------------------------------------------------------------


def test_each_one_is_told_in_the_language_they_chose(outside, people):
    """B4, invariant 1: a message for each language there are words in."""
    outside.announce(outside.outage(), others=[german()])
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]


def test_without_words_in_their_language_only_the_words_are_the_defaults_and_say_so(outside, people):
    """P7: the frame is the reader's, the words stay as they were written, marked as English."""
    outage = outside.outage()
    outside.announce(outage)
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    content = Message.objects.get(language="de").content
    assert '<html lang="de">' in content.html and content.headers["Content-Language"] == "de, en"
    assert (
        '<span lang="en">Uploads fail</span>' in content.html and '<div lang="en"><p>No data uploads.' in content.html
    )
    assert (
        "Bis zu unserer nächsten Nachricht" in content.text
        and "Auf Englisch, wie es geschrieben wurde:\nNo data" in content.text
    )
    outages.nothing_new(outage, now=outside.world.now)
    last = sure(Message.objects.filter(language="de").last()).content
    assert "Es gibt noch nichts Neues." in last.text and "Auf Englisch" not in last.text
    assert last.data["update"]["text"].startswith("Es gibt noch")


def test_a_language_that_nobody_reads_gets_no_message(outside):
    outside.subscriber("ann", "7")
    outside.announce(outside.outage())
    assert [message.language for message in Message.objects.all()] == ["en"]


@pytest.mark.parametrize(
    ("theirs", "start", "until", "short"),
    [
        ({}, "5 January 2026, 09:00 UTC", "5 January 2026, 13:00 UTC", "5 January 2026, 13:00 UTC."),
        (
            {"time_zone": "Europe/Berlin", "language": "de"},
            "5. Januar 2026, 10:00 CET (09:00 UTC)",
            "5. Januar 2026, 14:00 CET (13:00 UTC)",
            "5. Januar 2026, 14:00 CET.",
        ),
        (
            {"time_zone": "Asia/Kathmandu"},
            "5 January 2026, 14:45 UTC+05:45 (09:00 UTC)",
            "5 January 2026, 18:45 UTC+05:45 (13:00 UTC)",
            "5 January 2026, 18:45 UTC+05:45.",
        ),
        (
            {"time_zone": "Pacific/Auckland"},
            "5 January 2026, 22:00 NZDT (09:00 UTC)",
            "6 January 2026, 02:00 NZDT (5 January 2026, 13:00 UTC)",
            "6 January 2026, 02:00 NZDT.",
        ),
    ],
    ids=["no settings", "Berlin", "no name", "another day"],
)
def test_every_time_is_on_the_readers_clock(outside, theirs, start, until, short):
    """P7: in the mail, its HTML, the short form and the feed."""
    point = outside.subscriber("ann", "7", quiet=theirs)
    outside.announce(outside.outage())
    [delivery] = outside.planned()
    said = delivering.envelope(delivery, at=outside.world.now)
    mail: Any = message_from_bytes(channel.written(replace(said, address="ann@example.org"), "ann@example.org"))
    plain, html = (part.get_payload(decode=True).decode() for part in mail.get_payload())
    for text in (said.body, plain, html):
        assert start in text and until in text and shared_words.OPEN not in text
    assert short in said.brief
    assert until in Client().get(links.url("feed", point)).content.decode()


def test_a_login_without_settings_of_its_own_reads_on_the_clock_of_the_person(outside):
    """P7: the zone that people on call chose is also that of their outage messages."""
    outside.world.person("rep", time_zone="Europe/Berlin")
    outside.subscribe(ContactPoint.objects.get(address="rep"), "7")
    outside.announce(outside.outage())
    [delivery] = outside.planned()
    assert "10:00 CET (09:00 UTC)" in delivering.envelope(delivery, at=outside.world.now).body


def test_the_german_message_is_german_from_the_subject_to_the_last_link(outside, people):
    """B85, B89, B91, D6"""
    outside.announce(outside.outage(), others=[german()])
    content = Message.objects.get(language="de").content
    assert content.subject == "Uploads gestört (Showcase worldwide)"
    text = messages.specimen(content)
    for line in (
        "ANKÜNDIGUNG: Uploads gestört",
        "Es kommen keine Daten an.",
        "Bis zu unserer nächsten Nachricht dauert es höchstens 4 Stunden (spätestens am 5. Januar 2026, 13:00 UTC); "
        "gibt es Neues, kommt sie früher.",
        "Gebiet: Showcase worldwide",
        "Produkte: alle",
        "Priorität: P2",
        "Gesendet: 5. Januar 2026, 09:00 UTC",
        "Sie bekommen diese Nachricht, weil Sie Folgendes abonniert haben:",
        "Auswählen, was Sie bekommen: ",
        "Diese Nachrichten abbestellen: ",
    ):
        assert line in text, line
    assert fill(content.short, {}) == (
        "Ankündigung: Uploads gestört (Showcase worldwide)\n"
        "Nächste Nachricht bis 5. Januar 2026, 13:00 UTC. Es kommen keine Daten an."
    )
    assert '<html lang="de">' in content.html and content.headers["Content-Language"] == "de"
    assert (content.data["language"], content.data["update"]["text"]) == ("de", "Es kommen keine Daten an.")
    for word in ("Uploads fail", "Choose", "Geography", "January"):
        assert word not in content.text + content.html + content.short, word


def test_the_german_end_says_what_was_done_and_how_long_it_took(outside, people):
    """B90, B92, B93"""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    outside.advance(minutes=51)
    last = german("Daten kommen wieder an.", done="Eine Korrektur wurde eingespielt.", remains="Der Rest kommt morgen.")
    done, remains = "A fix was deployed.", "The rest comes tomorrow."
    outages.end(outage, "Uploads work again.", done=done, remains=remains, now=outside.world.now, others=[last])
    content = sure(Message.objects.filter(language="de").last()).content
    text = messages.specimen(content)
    assert content.subject.startswith("Behoben: Uploads gestört")
    for line in (
        "BEHOBEN: Uploads gestört",
        "Was getan wurde: Eine Korrektur wurde eingespielt.",
        "Was noch folgt: Der Rest kommt morgen.",
        "Das ist unsere letzte Nachricht zu diesem Ausfall.",
        "Dauer: 51 Minuten, vom 5. Januar 2026, 09:00 UTC bis zum 5. Januar 2026, 09:51 UTC",
        "Zeit bis zur Behebung: 51 Minuten, gerechnet ab der Ankündigung am 5. Januar 2026, 09:00 UTC",
    ):
        assert line in text, line


def test_what_is_said_in_another_language_inside_a_message_is_marked_as_that(outside, people):
    """Never mixed without saying so: the advice of a group, the scope as said."""
    outside.groups["7"].advice = "Move demos."
    outside.groups["7"].save()
    outside.announce(outside.outage(said_geography="worldwide"), others=[german()])
    content = Message.objects.get(language="de").content
    assert content.parts[str(outside.groups["7"].pk)]["html"] == '<li>7: <span lang="en">Move demos.</span></li>'
    assert '<td lang="en" style="padding:.1em 0">worldwide</td>' in content.html
    assert content.headers["Content-Language"] == "de, en"
    english = Message.objects.get(language="en").content
    assert 'lang="en"' not in english.html.partition("<body")[2] and english.headers["Content-Language"] == "en"


def test_markup_in_a_wording_is_only_text(outside, people):
    """K9"""
    outside.announce(outside.outage(), others=[german("<script>x</script>", title="<b>Aus</b>")])
    content = Message.objects.get(language="de").content
    assert "<script>" not in content.html and "<b>" not in content.html


def test_each_language_has_its_line_in_the_timeline(outside, people):
    """P15: the timeline has what was really said to whom."""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    lines = list(outage.events.values_list("text", flat=True))
    assert "announcement, Deutsch: Es kommen keine Daten an." in lines and "announcement: No data uploads." in lines


# --- once each --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [("de", "en"), ("en", "de")])
@pytest.mark.parametrize("planned", range(1, 8), ids=lambda batches: f"after {batches}")
def test_who_changes_the_language_between_two_batches_is_told_once(outside, planned, before, after):
    """Told once per update and contact point; never lost either."""
    outside.subscriber("ann", "7")
    fickle = outside.subscriber("fickle", "7", speaks=before)
    outside.subscriber("uwe", "7", speaks="de")
    outside.announce(outside.outage(), others=[german()])
    for _ in range(planned):
        fanning.plan_due(outside.world.now, most=1)
    speak(fickle, after)
    while fanning.plan_due(outside.world.now, most=1):
        pass
    assert outside.told() == ["ann", "fickle", "uwe"]


def test_what_was_planned_and_forgotten_is_not_told_again_in_another_language(outside, people):
    """Invariant 20"""
    outside.announce(outside.outage(), others=[german()])
    assert outside.told() == ["ann", "uwe"]
    speak(people["uwe"], "en")
    speak(people["ann"], "de")
    Message.objects.update(planned_up_to=0, due_at=outside.world.now)
    assert outside.told() == []


def test_the_defaults_message_is_planned_after_the_others_whatever_is_due_first(outside, people):
    outside.announce(outside.outage(), others=[german()])
    Message.objects.filter(language="en").update(due_at=outside.world.now - MINUTE)
    assert fanning.plan_due(outside.world.now)
    assert list(Message.objects.filter(planned_at__isnull=False).values_list("language", flat=True)) == ["de"]
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]


def test_who_subscribes_in_the_middle_gets_the_state_in_their_language_once(outside, people):
    """B98"""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    update(outage, outside, german("Wir wissen, woran es liegt."))
    outside.planned()
    late = {name: outside.subscriber(name, "7", speaks=name[:2]) for name in ("de-late", "en-late")}
    points = [point.pk for point in late.values()]
    assert fanning.catch_up(points, now=outside.world.now) == 2
    speak(late["de-late"], "en")
    speak(late["en-late"], "de")
    assert fanning.catch_up(points, now=outside.world.now) == 0
    assert languages(outside) == [("de-late", "de"), ("en-late", "en")]
    assert "Wir wissen" in late["de-late"].deliveries.get().content.text


# --- the end and corrections ------------------------------------------------------------------------------------------


def test_the_end_and_corrections_come_in_the_language_they_prefer_by_then_and_are_never_lost(outside, people):
    """B35, B97"""
    outage, now = outside.outage(), outside.world.now
    outside.announce(outage, others=[german()])
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    update(outage, outside)  # nobody had the time for German
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    speak(people["ann"], "de")
    outages.end(outage, "It works again.", now=now, others=[german("Es geht wieder.")])
    assert languages(outside) == [("ann", "de"), ("uwe", "de")]
    speak(people["uwe"], "en")
    outages.correct(outage, "It was product B.", now=now, others=[german("Es war Produkt B.")])
    assert languages(outside) == [("ann", "de"), ("uwe", "en")]


def test_a_thread_goes_on_in_another_language(outside, people):
    """Part C: In-Reply-To"""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    first = {each.contact_point.address: str(each.key) for each in outside.planned()}
    speak(people["uwe"], "en")
    update(outage, outside, german("Wir arbeiten daran."))
    assert {each.contact_point.address: each.data["after"] for each in outside.planned()} == first


def test_nothing_new_is_said_in_every_language_that_was_used(outside, people):
    """B171"""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    outside.planned()
    outages.nothing_new(outage, now=outside.world.now)
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    text = sure(Message.objects.filter(language="de").last()).content.text
    assert "NEUER STAND: Uploads gestört\n\nEs gibt noch nichts Neues. Wir arbeiten weiter daran." in text


def test_a_title_once_said_is_kept(outside, people):
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    update(outage, outside, german("Wir wissen mehr.", title=""))
    assert sure(Message.objects.filter(language="de").last()).content.subject.startswith("Uploads gestört")


def test_a_title_once_said_stands_over_words_that_nobody_translated(outside, people):
    """Walk: a thread that began in German went on under the English title."""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    update(outage, outside)
    content = sure(Message.objects.filter(language="de").last()).content
    assert content.subject.startswith("Uploads gestört") and "Auf Englisch" in content.text
    assert 'lang="en">Uploads gestört' not in content.html


# --- what a wording must not lack -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wordings", "sentence"),
    [
        ([german("  ")], "Deutsch: also say what is being done"),
        ([german(title="")], "Deutsch: also say what is affected"),
        ([german(), german()], "Deutsch: this wording is given twice"),
        ([german(language="en")], "The English words for every ring belong in the update itself"),
    ],
    ids=["no text", "no title", "two", "the default"],
)
def test_a_wording_that_lacks_what_its_readers_need_is_not_sent(outside, people, wordings, sentence):
    """B5"""
    with pytest.raises(Refused, match=sentence) as refused:
        outside.announce(outside.outage(), others=wordings)
    assert refused.value.field == "wordings" and outside.told() == [] and not Update.objects.exists()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("done", "what was done"),
        ("remains", "what is still to come"),
    ],
)
def test_what_the_end_says_it_says_in_all_languages(outside, people, name, missing):
    """B5, B93"""
    outage = outside.outage()
    outside.announce(outage, others=[german()])
    with pytest.raises(Refused, match=missing):
        what: dict[str, Any] = {name: "Something."}
        outages.end(outage, "It works.", now=outside.world.now, others=[german("Es geht.")], **what)


def test_a_late_promise_is_explained_in_all_languages(outside, people):
    """B5, B89"""
    late = {"within": 6 * HOUR, "late_reason": "the parts arrive tomorrow"}
    with pytest.raises(Refused, match="why the next message comes later"):
        outside.announce(outside.outage(), others=[german()], **late)
    outside.announce(outside.outage(), others=[german(late_reason="die Teile kommen morgen")], **late)
    assert "Später als sonst: die Teile kommen morgen" in Message.objects.get(language="de").content.text


@pytest.mark.parametrize("values", [{"language": "en"}, {"ring": None, "language": "de"}], ids=["default", "twice"])
def test_one_wording_a_ring_and_language_is_a_constraint(outside, people, values):
    said = outside.announce(outside.outage(), others=[german()])
    with pytest.raises(IntegrityError), transaction.atomic():
        UpdateWording.objects.create(update=said, title="t", text="t", **values)


def test_planning_asks_as_many_questions_for_one_language_as_for_two(outside, people, django_assert_num_queries):
    outside.announce(outside.outage(), others=[german()])
    for _ in range(2):
        with django_assert_num_queries(10):
            fanning.plan_due(outside.world.now)
