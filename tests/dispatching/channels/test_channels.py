"""What every channel promises, asked of each of them over a real connection."""

import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest
from django.core.exceptions import ValidationError

from dispatching import channels
from dispatching.channels import ChannelError, Outcome
from dispatching.channels.push import SIGNED_FOR
from tests.dispatching.browsers import claims
from tests.dispatching.media import KEY, Memory, envelope
from tests.world import MONDAY

NASTY = "Latenz ü 🔥 \ud800 nul\x00 bell\x07\r\nBcc: eve@example.org"


@pytest.fixture(params=["memory", "mail", "webhook", "sms", "push"])
def medium(request):
    return Memory() if request.param == "memory" else request.getfixturevalue(request.param)


@pytest.fixture(params=["mail", "webhook", "sms", "push"])
def remote(request):
    return request.getfixturevalue(request.param)


def test_what_is_sent_arrives_once_and_in_the_same_words(medium):
    assert isinstance(medium.channel.send(envelope(medium.address)), str)
    assert medium.received() == [(KEY, "Checkout is slow", "p99 is 3 s\n")]


def test_every_attempt_carries_the_same_key(medium):
    """A3: by the key a provider can tell that it has it already."""
    for _ in range(2):
        medium.channel.send(envelope(medium.address))
    assert [key for key, _, _ in medium.received()] == [KEY, KEY]


DATED = {
    "mail": lambda server: parsedate_to_datetime(str(server.messages[0]["Date"])).replace(tzinfo=UTC),
    "webhook": lambda server: datetime.fromtimestamp(int(server.requests[0].headers["x-tocsin-timestamp"]), UTC),
    "push": lambda server: (
        datetime.fromtimestamp(claims(server.requests[0].headers["authorization"])[0]["exp"], UTC) - SIGNED_FOR
    ),
}


@pytest.mark.parametrize("name", DATED)
def test_what_is_dated_or_signed_goes_by_the_time_of_the_attempt_and_not_by_the_hosts(request, name):
    """E1: a receiver refuses a signature that is too old or from the future."""
    medium = request.getfixturevalue(name)
    medium.channel.send(envelope(medium.address, at=MONDAY))
    assert DATED[name](medium.server) == MONDAY


def test_a_temporary_failure_says_so_and_the_next_attempt_is_accepted(medium):
    medium.refuse(permanent=False)
    with pytest.raises(ChannelError) as refused:
        medium.channel.send(envelope(medium.address))
    assert not refused.value.final
    medium.channel.send(envelope(medium.address))


def test_a_permanent_failure_says_so(medium):
    """G16"""
    medium.refuse(permanent=True)
    with pytest.raises(ChannelError) as refused:
        medium.channel.send(envelope(medium.address))
    assert refused.value.final
    assert str(refused.value)


def test_a_cleaned_address_is_clean(medium):
    address = medium.channel.clean_address(f" {medium.address} ")
    assert medium.channel.clean_address(address) == address


def test_a_useless_address_is_refused_with_a_sentence(medium):
    """G20: two addresses in one are useless, too."""
    for address in ("", medium.useless):
        with pytest.raises(ValidationError) as refused:
            medium.channel.clean_address(address)
        assert refused.value.message.endswith(".")


def test_threads_do_not_disturb_each_other(medium):
    def send(number):
        for step in range(5):
            medium.channel.send(envelope(medium.address, key=f"{number}-{step}"))

    threads = [threading.Thread(target=send, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for key, _, _ in medium.received()) == sorted(f"{n}-{s}" for n in range(4) for s in range(5))


def test_whatever_the_title_contains_it_is_sent_on_one_line(remote):
    """G12, G14: a line break, a lone surrogate, NUL and an emoji each cost somebody a page."""
    remote.channel.send(envelope(remote.address, subject=NASTY, body=NASTY, recipient=NASTY))
    [(_, title, body)] = remote.received()
    assert title == "Latenz ü 🔥 � nul� bell� Bcc: eve@example.org"
    assert body.rstrip("\n") == "Latenz ü 🔥 � nul� bell�\nBcc: eve@example.org"


def test_marks_that_turn_the_reading_direction_are_left_out_of_the_title(remote):
    """J12"""
    remote.channel.send(envelope(remote.address, subject="price\u202e\u2066 up"))
    assert remote.received()[0][1] == "price up"


def test_a_title_and_a_body_too_long_for_the_medium_are_shortened(remote):
    """G13: 5,000 characters of title, 512 KB of body."""
    link = "https://tocsin.example.org/a/1/"
    remote.channel.send(envelope(remote.address, subject="t" * 5000, body="b" * 512 * 1024, data={"url": link}))
    [(_, title, body)] = remote.received()
    assert title.endswith("…")
    assert len(title) <= 1000
    assert len(body) <= 100_001


def test_a_provider_that_is_not_there_is_a_temporary_failure(remote):
    remote.go_away()
    with pytest.raises(ChannelError) as refused:
        remote.channel.send(envelope(remote.address))
    assert not refused.value.final and refused.value.outcome != Outcome.UNKNOWN


def test_a_medium_that_is_not_configured_is_not_offered(settings):
    """Requirement B45"""
    settings.MEMORY_CHANNEL = False
    assert [kind for kind, _ in channels.kinds()] == ["email", "webhook", "push"]
    assert [kind for kind, _ in channels.kinds(typed=True)] == ["email", "webhook"]
    for kind in ("memory", "sms", "pigeon"):
        with pytest.raises(ChannelError) as refused:
            channels.get(kind)
        assert refused.value.final
