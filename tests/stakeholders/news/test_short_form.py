"""The short form of a message, for text messages and notifications: what matters comes first and is never cut off."""

import pytest
from django.urls import reverse

from dispatching.channels.shared_words import fill
from schedules.models import User
from stakeholders.news import messages, outages

BY = "Next message by 5 January 2026, 13:00 UTC."


def short(update) -> str:
    return fill(update.messages.get().content.short, {})


def test_it_shows_state_title_place_and_until_when_the_next_one_comes(outside):
    """B84, B88, B112"""
    outage = outside.outage()
    said = outside.announce(outage, "No data uploads.")
    assert short(said) == f"Announcement: Uploads fail (Showcase worldwide)\n{BY} No data uploads."
    end = outages.end(outage, "Over.", now=outside.world.now)
    assert (
        short(end) == "Resolved: Uploads fail (Showcase worldwide)\nThis is our last message about this outage. Over."
    )


def test_however_much_is_said_it_stays_within_300_characters_and_keeps_the_facts(outside):
    outage = outside.outage(title="T" * 200, said_geography="G" * 200)
    update = outside.announce(outage, "x" * 5000)
    said = short(update)
    assert len(said) <= 300
    for zone in ("Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu"):
        assert len(fill(update.messages.get().content.short, {}, zone)) <= 300, "P7: on any clock"
    assert said.startswith("Announcement: TTT") and "… (GGG" in said and BY in said and said.endswith("x…")


def test_the_facts_fit_a_text_message_beside_the_link_to_stop_it(outside):
    """With the longest facts, and an address of ours of usual length."""
    outage = outside.outage(title="T" * 200, said_geography="G" * 200)
    content = outside.announce(outage, "x" * 5000).messages.get().content
    said = messages.other_specimens(content, at=outside.world.now)["Text message"]
    assert BY in said and said.endswith("Stop: (a personal link)")


@pytest.mark.django_db
def test_the_communicator_sees_every_medium_before_sending(client, outside):
    """B40, B84"""
    client.force_login(User.objects.create_superuser("coach"))
    outside.subscriber("ann", "7")
    form = {
        "text": "No data " + "uploads " * 60,
        "next_update_by": "2030-01-01T12:00",
        "late_reason": "long",
        "look": "1",
    }
    url = reverse("admin:stakeholders_outage_write", args=[outside.outage().pk, "announcement"])
    shown = client.post(url, form).content.decode()
    for words in (
        "e-mail</h3>",
        "<summary>Text message</summary>",
        "Stop: (a personal link)",
        "<summary>Notification in a browser</summary>",
        "<summary>Webhook</summary>",
        "Announcement: Uploads fail (Showcase worldwide)",
        "Too long for text messages: at most 120 characters.",
        "Too long for browser notifications: at most 200 characters.",
    ):
        assert words in shown, words
