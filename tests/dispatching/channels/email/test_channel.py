"""Mail, over a real SMTP connection."""

import smtplib
import time
from email.utils import getaddresses

import pytest
from django.core.exceptions import ValidationError

from dispatching.channels import ChannelError, Outcome
from dispatching.channels.email.channel import EmailChannel
from tests.dispatching.media import KEY, envelope
from tests.dispatching.receivers import http_receiver


def test_mail_is_marked_as_automatic_and_has_a_message_id_of_its_key(mail):
    """S8: nothing should answer it."""
    mail.channel.send(envelope(mail.address))
    [message] = mail.server.messages
    assert message["Message-ID"] == f"<{KEY}@alerts.example.org>"
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert (message["To"], message["Date"] is not None) == ("Ana <ana@example.org>", True)


@pytest.mark.parametrize(
    "name",
    [
        "B, Ana",
        'Ana" <eve@example.org>, "',
        "Änne, <eve@example.org>",
        "a" * 500,
        "",
        "ana@example.org\r\nCc: eve@example.org",
    ],
)
def test_no_name_makes_a_second_recipient(mail, name):
    """P6"""
    mail.channel.send(envelope(mail.address, recipient=name))
    [message], [received] = mail.server.messages, mail.server.mails
    assert received.rcpt_tos == [mail.address]
    assert [address for _, address in getaddresses([str(message["To"])])] == [mail.address]
    assert message["Cc"] is None


@pytest.mark.parametrize(
    "address",
    ["a@b.com, c@d.com", "a@b.com,c@d.com", "a@b.com c@d.com", "Ana <a@b.com>", "a@b.com\r\nDATA", "a b@c.d", "@"],
)
def test_an_address_that_is_not_exactly_one_is_refused_at_save_and_at_send(mail, address):
    """G20"""
    with pytest.raises(ValidationError):
        mail.channel.clean_address(address)
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(address))
    assert refused.value.final
    assert mail.server.mails == []


def test_a_stranger_does_not_lead_our_mail_server_to_a_machine_inside():
    """S3"""
    for address in ("a@[10.0.0.1]", "a@[IPv6:::1]"):
        with pytest.raises(ValidationError):
            EmailChannel().clean_outside_address(address)
    assert EmailChannel().clean_outside_address("a@b.example") == "a@b.example"


def test_a_domain_is_kept_in_small_letters_and_ascii():
    assert EmailChannel().clean_address(" Ana.B@Büro.Example ") == "Ana.B@xn--bro-hoa.example"


def test_a_line_of_any_length_and_a_lone_dot_arrive(mail):
    """G21"""
    body = "x" * 3000 + "\n.\n..\nEnd ü\n"
    mail.channel.send(envelope(mail.address, body=body))
    assert mail.received()[0][2] == body
    assert max(map(len, mail.server.mails[0].content.split(b"\r\n"))) <= 998


def test_a_notice_can_be_unsubscribed_from_with_one_click(mail):
    """RFC 8058"""
    mail.channel.send(envelope(mail.address, data={"unsubscribe_url": "https://tocsin.example.org/unsubscribe/t/"}))
    [message] = mail.server.messages
    assert message["List-Unsubscribe"] == "<https://tocsin.example.org/unsubscribe/t/>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_mails_share_a_connection(mail):
    for _ in range(3):
        mail.channel.send(envelope(mail.address))
    assert len(mail.server.sessions) == 1


def test_a_connection_the_server_dropped_meanwhile_is_replaced_and_the_mail_sent_once(mail):
    mail.channel.send(envelope(mail.address, key="first"))
    mail.server.hang_up()
    mail.channel.send(envelope(mail.address, key="second"))
    assert [key for key, _, _ in mail.received()] == ["first", "second"]
    assert len(mail.server.sessions) == 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rcpt", "421 4.7.0 too many messages in this connection"),
        ("rcpt", "452 4.5.3 too many recipients"),
        ("rcpt", "550 5.5.3 too many recipients in this session"),
        ("rcpt", "451 try again"),
        ("rcpt", None),
        ("data", "421 4.3.2 this session has carried enough"),
    ],
)
def test_what_a_server_says_of_the_session_is_said_again_at_once_on_a_new_one(mail, command, said):
    """Issue 11, 12: a limit of mails for each connection, at RCPT or DATA, delays no page."""
    mail.channel.send(envelope(mail.address, key="first"))
    getattr(mail.server, command).append(said)
    mail.channel.send(envelope(mail.address, key="second"))
    assert len(mail.server.sessions) == 2
    assert mail.received()[-1][0] == "second"


@pytest.mark.parametrize("said", ["451 4.2.2 mailbox full", "550 5.1.1 no such user", "554 5.7.1 spam"])
def test_what_a_server_says_of_the_mailbox_or_of_us_is_not_said_again_at_once(mail, said):
    mail.channel.send(envelope(mail.address))
    mail.server.rcpt += [said]
    with pytest.raises(ChannelError):
        mail.channel.send(envelope(mail.address))
    assert (len(mail.server.sessions), len(mail.received())) == (1, 1)


def test_a_limit_on_a_new_connection_is_an_ordinary_failure(mail):
    mail.server.rcpt += ["421 too many messages"]
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert (refused.value.outcome, len(mail.server.sessions)) == (Outcome.TEMPORARY, 1)


def test_a_connection_lost_before_the_content_is_a_plain_temporary_failure(mail):
    mail.server.rcpt.append(None)
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == Outcome.TEMPORARY
    mail.channel.send(envelope(mail.address))
    assert len(mail.received()) == 1


def test_a_connection_lost_after_the_content_leaves_the_outcome_unknown_and_is_not_sent_again_by_itself(mail):
    """G1, G5: not "sent", and not a second mail on our own account."""
    mail.server.data.append(None)
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == Outcome.UNKNOWN
    assert len(mail.server.mails) == 1


@pytest.mark.parametrize(("said", "permanent"), [("452 4.3.1 try later", False), ("554 5.7.1 spam", True)])
def test_a_refusal_after_the_content_counts(mail, said, permanent):
    mail.server.data.append(said)
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == (Outcome.PERMANENT if permanent else Outcome.TEMPORARY)
    assert said in str(refused.value)


def test_a_reason_does_not_name_the_address(mail):
    """P11: reasons outlive an erased address."""
    for written in (mail.address, mail.address.upper()):
        mail.server.rcpt.append(f"550 {written} is unknown here")
        with pytest.raises(ChannelError, match="the address is unknown here") as refused:
            mail.channel.send(envelope(mail.address))
        assert refused.value.outcome == Outcome.GONE


@pytest.mark.parametrize(
    ("said", "gone"),
    [("550 5.1.1 no such user", True), ("550 user unknown", True), ("550 5.7.1 spam", False), ("552 5.3.4 big", False)],
)
def test_a_refusal_says_whether_the_address_is_to_blame(mail, said, gone):
    """P10"""
    mail.server.rcpt.append(said)
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == (Outcome.GONE if gone else Outcome.PERMANENT)


def test_a_server_that_is_away_is_told_from_one_that_does_not_take_this_mail(mail):
    mail.server.rcpt.append("451 4.2.2 mailbox full")
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == Outcome.TEMPORARY
    mail.go_away()
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert (refused.value.outcome, refused.value.final) == (Outcome.AWAY, False)


def test_a_server_that_does_not_take_our_sender_blames_no_address(mail):
    """Not even where its words are those for an unknown address."""
    mail.server.mail.append("550 5.1.1 user unknown")
    with pytest.raises(ChannelError) as refused:
        mail.channel.send(envelope(mail.address))
    assert (refused.value.outcome, refused.value.final) == (Outcome.AWAY, True)


def test_a_mail_server_that_refuses_our_login_does_not_condemn_the_address(mail, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "tocsin", "wrong"
    with pytest.raises(ChannelError, match="no connection to the mail server: 535") as refused:
        mail.channel.send(envelope(mail.address))
    assert not refused.value.final


def test_a_mail_server_that_says_nothing_costs_no_more_than_the_time_out(mail, settings):
    """A14, G9: here it does not even greet."""
    settings.PROVIDER_TIMEOUT = 0.1
    with http_receiver() as silent:
        settings.EMAIL_PORT = silent.port
        with pytest.raises(ChannelError, match="too long") as refused:
            mail.channel.send(envelope(mail.address))
    assert not refused.value.final


def test_a_mail_server_that_falls_silent_later_costs_no_more_either(mail, settings):
    """A14, G9: the connection is from a call with more time."""
    mail.channel.send(envelope(mail.address))
    settings.PROVIDER_TIMEOUT, mail.server.silent, start = 0.1, True, time.monotonic()
    with pytest.raises(ChannelError, match="too long") as refused:
        mail.channel.send(envelope(mail.address))
    assert refused.value.outcome == Outcome.TEMPORARY
    assert time.monotonic() - start < 5


def test_every_mail_gets_a_file_of_its_own(settings, tmp_path):
    settings.EMAIL_BACKEND = "dispatching.channels.email.mailfiles.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    for number in range(20):
        EmailChannel().send(envelope("ana@example.org", key=f"key{number}"))
    files = list(tmp_path.iterdir())
    assert len(files) == 20
    assert all(file.read_text().count("Message-ID") == 1 for file in files)


def test_a_mail_that_cannot_be_written_is_a_temporary_failure(settings, tmp_path):
    settings.EMAIL_BACKEND = "dispatching.channels.email.mailfiles.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    EmailChannel().send(envelope("ana@example.org"))
    settings.EMAIL_FILE_PATH = "/proc/mail"
    with pytest.raises(ChannelError) as refused:
        EmailChannel().send(envelope("ana@example.org"))
    assert not refused.value.final


def test_smtplib_still_has_the_parts_we_rely_on():
    """The dialogue overrides these two; if a new Python reads or writes elsewhere, time-outs would stop to hold."""
    assert {"send", "getreply"} <= vars(smtplib.SMTP).keys()
