"""Where other words are entered, and what is said about them while they are: the desk, the API, definitions."""

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from dispatching.contact import links
from schedules.models import User
from stakeholders.definitions import defining
from stakeholders.models import Message, NotificationDefinition, Outage, Subscriber, Update
from stakeholders.news import outages
from tests.api import client_of
from tests.browser import everything, form_in
from tests.stakeholders.organisation import HOUR, SHOW
from tests.sure import sure

SOON = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
GERMAN = {"language": "de", "title": "Uploads gestört", "text": "Es kommen keine Daten an."}
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def uwe(outside):
    outside.subscriber("ann", "7")
    return outside.subscriber("uwe", "7", speaks="de")


def languages(outside) -> list[tuple[str, str]]:
    return sorted((each.contact_point.address, each.content.message.language) for each in outside.planned())


# --- the desk ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(client, uwe):
    client.force_login(User.objects.create_superuser("coach"))
    return client


def write(outage, kind="announcement"):
    return reverse("admin:stakeholders_outage_write", args=[outage.pk, kind])


def words(**more):
    basic = {"text": "No data uploads.", "next_update_by": "2030-01-01T12:00", "late_reason": "it takes long"}
    return basic | {"de-0-title": "Uploads gestört", "de-0-text": "Keine Daten.", "de-0-late_reason": "Ferien"} | more


def test_the_desk_shows_each_wording_as_its_readers_get_it_then_sends(desk, outside):
    """B40, B42"""
    outage = outside.outage()
    assert "<summary>In Deutsch</summary>" in desk.get(write(outage)).content.decode()
    before = everything()
    shown = desk.post(write(outage), words(look="1")).content.decode()
    assert everything() == before
    assert "ANKÜNDIGUNG: Uploads gestört" in shown and "ANNOUNCEMENT: Uploads fail" in shown and "2 by memory" in shown
    assert desk.post(write(outage), words(send="1")).status_code == 302
    outside.world.now = Update.objects.get().at
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    # The next time the title stands there, and alone says nothing.
    form = form_in(desk.get(write(outage, "progress")), "write")
    assert form["de-0-title"] == ["Uploads gestört"]
    progress = words(send="1") | {"de-0-text": "", "de-0-late_reason": ""}
    assert desk.post(write(outage, "progress"), progress).status_code == 302
    outside.world.now = sure(Update.objects.last()).at
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]


def test_what_a_wording_lacks_is_said_and_nothing_is_sent(desk, outside):
    """B5"""
    outage = outside.outage()
    shown = desk.post(write(outage), words(send="1") | {"de-0-late_reason": ""}).content.decode()
    assert "Deutsch: also say why the next message comes later" in shown
    shown = desk.post(write(outage), words(send="1") | {"de-0-title": "x" * 201}).content.decode()
    assert "at most 200 characters" in shown
    assert not Message.objects.exists()


def test_each_wording_is_checked_in_its_language_while_writing(desk, outside):
    """B84, B114"""
    form = words(look="1") | {"text": "The backend is down.", "de-0-text": "Die Latenz ist hoch. " + "x" * 1500}
    shown = desk.post(write(outside.outage()), form).content.decode()
    assert "“backend” may not be understood. Plainer: system." in shown
    assert "Deutsch: “Latenz” may not be understood. Plainer: Verzögerung." in shown
    assert "Deutsch: Too long for e-mail: at most 1500 characters." in shown


# --- the API ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def api(uwe):
    return client_of(User.objects.create_superuser("coach"))


def test_words_in_a_language_that_nobody_has_chosen_are_remarked(api, outside, uwe):
    Subscriber.objects.all().delete()
    body = {"text": "Down.", "next_update_by": SOON, "wordings": [GERMAN | {"text": "Aus."}]}
    said = api.post(f"outages/{outside.outage().pk}/updates/", body).json()
    assert said["remarks"] == ["Deutsch: nobody has chosen this language, so nobody will read these words."]


def test_wordings_over_the_api(api, outside):
    outage = outside.outage()
    body = {"text": "The backend is down.", "next_update_by": SOON, "wordings": [GERMAN | {"text": "Die Latenz."}]}
    said = api.post(f"outages/{outage.pk}/updates/", body)
    assert said.status_code == 201, said.json()
    [wording] = said.json()["wordings"]
    assert (wording["ring"], wording["language"], wording["title"]) == (None, "de", "Uploads gestört")
    assert said.json()["remarks"] == [
        "“backend” may not be understood. Plainer: system.",
        "Deutsch: “Latenz” may not be understood. Plainer: Verzögerung.",
    ]
    end = {
        "text": "It works.",
        "done": "A fix.",
        "wordings": [{"language": "de", "text": "Es geht.", "done": "Repariert."}],
    }
    assert api.post(f"outages/{outage.pk}/end/", end).status_code == 200
    correction = {"text": "It was B.", "kind": "correction", "wordings": [{"language": "de", "text": "Es war B."}]}
    assert api.post(f"outages/{outage.pk}/updates/", correction).status_code == 201
    outside.world.now = datetime.now(UTC)
    assert languages(outside) == [("ann", "en")] * 3 + [("uwe", "de")] * 3


@pytest.mark.parametrize(
    ("wordings", "sentence"),
    [
        ([{**GERMAN, "language": "tlh"}], "is not a valid choice"),
        ([{**GERMAN, "ring": 9}], "does not exist"),
        ([{**GERMAN, "txt": "x"}], "There is no field “txt” here"),
        ([{"language": "de", "title": "t"}], "This field is required"),
        ([{"language": "de", "text": "t"}], "what is affected (the title)"),
        ([{**GERMAN, "language": "en"}], "The English words are those above"),
        ([GERMAN, GERMAN], "this wording is given twice"),
        ("de", "Expected a list of items"),
        ([GERMAN] * 51, "no more than 50"),
    ],
    ids=["language", "ring", "name", "no text", "no title", "default", "twice", "no list", "many"],
)
def test_what_is_wrong_with_a_wording_is_named(api, outside, wordings, sentence):
    """B5"""
    body = {"text": "t", "next_update_by": SOON, "wordings": wordings}
    answer = api.post(f"outages/{outside.outage().pk}/updates/", body)
    assert answer.status_code == 400 and list(answer.json()) == ["wordings"]
    assert sentence in str(answer.json()) and not Update.objects.exists()


def test_the_list_of_updates_asks_a_constant_number_of_questions(api, outside, django_assert_num_queries):
    outage, now = outside.outage(), outside.world.now
    outside.announce(outage)
    for _ in range(6):
        body = {"text": "t", "next_update_by": SOON, "wordings": [GERMAN]}
        assert api.post(f"outages/{outage.pk}/updates/", body).status_code == 201
        outages.update(outage, "t", next_update_by=now + HOUR, now=now)
    with django_assert_num_queries(10):
        assert len(api.get(f"outages/{outage.pk}/updates/").json()["results"]) == 13


# --- definitions ------------------------------------------------------------------------------------------------------


@pytest.fixture
def monitoring(world, outside):
    return world.service(world.policy((HOUR, world.person("ana"))), name="Uploads")


@pytest.fixture
def definition(monitoring) -> NotificationDefinition:
    values = {"title": "Uploads fail", "text": "No data uploads.", "mode": "auto"}
    reasons = dict.fromkeys(("why_major", "why_needed", "what_they_do"), "x")
    made = NotificationDefinition.objects.create(name="Uploads", service=monitoring.service, **values, **reasons)
    made.wordings.create(**GERMAN)
    return made


def breach(outside, monitoring):
    outside.world.trigger(monitoring, deployment=SHOW, product="A", priority=2)
    outside.sweep()


def test_a_definition_announces_in_the_words_prepared_for_each_language(outside, uwe, monitoring, definition):
    """B3, B38"""
    newer = defining.new_version(definition)
    assert [(row.language, row.text) for row in newer.wordings.all()] == [("de", GERMAN["text"])]
    assert definition.wordings.count() == 1
    defining.put_live(newer, now=outside.world.now)
    breach(outside, monitoring)
    assert languages(outside) == [("ann", "en"), ("uwe", "de")]
    assert GERMAN["text"] in Message.objects.get(language="de").content.text


def test_prepared_words_stand_in_the_desk(desk, outside, monitoring, definition):
    """B39"""
    NotificationDefinition.objects.update(mode="semi")
    defining.put_live(definition, now=outside.world.now)
    breach(outside, monitoring)
    form = form_in(desk.get(write(Outage.objects.get())), "write")
    assert form["de-0-title"] == [GERMAN["title"]] and form["de-0-text"][0].strip() == GERMAN["text"]


def test_the_words_of_a_definition_over_the_api(api, definition):
    """B105, B114"""
    url = f"notification-definitions/{definition.pk}/"
    assert api.get(url).json()["wordings"] == [{"ring": None, **GERMAN}]
    answer = api.patch(url, {"wordings": [GERMAN | {"text": "Das Backend steht."}]})
    assert answer.status_code == 200, answer.json()
    assert answer.json()["remarks"] == ["Deutsch: “Backend” may not be understood. Plainer: System."]
    for wrong in ([GERMAN, GERMAN], [{**GERMAN, "title": ""}], [{**GERMAN, "language": "en"}]):
        answer = api.patch(url, {"wordings": wrong})
        assert answer.status_code == 400 and list(answer.json()) == ["wordings"]
    defining.put_live(definition, now=datetime.now(UTC))
    assert api.patch(url, {"wordings": []}).status_code == 409
    assert definition.wordings.get().text == "Das Backend steht."


def test_the_words_of_a_definition_in_the_admin(desk, definition):
    """B5, B114"""
    page = reverse("admin:stakeholders_notificationdefinition_change", args=[definition.pk])
    definition.wordings.update(text="Das Backend steht.")
    shown = desk.get(page)
    assert "Deutsch: “Backend” may not be understood. Plainer: System." in shown.content.decode()
    form = form_in(shown, "notificationdefinition_form")
    second = {f"wordings-1-{name}": value for name, value in GERMAN.items()}
    twice = form | {"wordings-TOTAL_FORMS": "2"} | second
    assert "There is already a wording in this language." in desk.post(page, twice).content.decode()
    untitled = form | {"wordings-0-title": ""}
    assert "In another language, the title is needed, too." in desk.post(page, untitled).content.decode()
    both = form | {"wordings-TOTAL_FORMS": "2", "wordings-1-language": "en", "wordings-1-text": "x"}
    assert "choose another language" in desk.post(page, both).content.decode()
    assert desk.post(page, form | {"wordings-0-text": "Keine Daten."}).status_code == 302
    assert definition.wordings.get().text == "Keine Daten."
    defining.put_live(definition, now=datetime.now(UTC))
    assert 'name="wordings-0-text"' not in desk.get(page).content.decode()


# --- what subscribers see ---------------------------------------------------------------------------------------------


def test_the_feed_has_one_entry_an_update_in_the_readers_language(outside, uwe, api):
    outage = outside.outage()
    api.post(f"outages/{outage.pk}/updates/", {"text": "No uploads.", "next_update_by": SOON, "wordings": [GERMAN]})
    api.post(f"outages/{outage.pk}/updates/", {"text": "Still at it.", "next_update_by": SOON})

    def entries():
        answer = Client().get(links.url("feed", uwe))
        found = ElementTree.fromstring(answer.content).findall(f"{ATOM}entry")
        language = "{http://www.w3.org/XML/1998/namespace}lang"
        return [(each.get(language), each.findtext(f"{ATOM}id")) for each in found]

    german = entries()
    assert [language for language, _ in german] == ["de", "de"]
    Subscriber.objects.update(language="en")
    assert [language for language, _ in entries()] == ["en", "en"]
    assert [key for _, key in entries()] == [key for _, key in german], "no entry is new in another language"


def test_the_manage_page_offers_the_languages_that_are_there_and_keeps_the_choice(uwe):
    """B10"""
    page = links.url("manage", uwe)
    shown = Client().get(page)
    assert '<option value="de" selected>Deutsch</option>' in shown.content.decode()
    assert shown.content.decode().count("<option") and "Fran" not in shown.content.decode()
    form = form_in(shown, "manage")
    assert Client().post(page, form | {"how-language": "en", "do": "save"}).status_code == 302
    assert Subscriber.objects.get().language == "en"
