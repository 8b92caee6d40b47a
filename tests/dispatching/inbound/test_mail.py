"""Reading what comes in by mail: reports, complaints, anything at all."""

from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatching.channels.email import tagged_addresses
from dispatching.inbound.mail import Arrived, read
from tests.dispatching.odd_reports import DELIVERY, EXCHANGE, MICROSOFT, ODD, PAGE, named, reported, status, written
from tests.dispatching.reports import arf, dsn, plain

CASES = Path(__file__).parents[2] / "cases"
KEY = "0123456789abcdef0123456789abcdef"
SENDER = f"bounces+{KEY}-0123456789@returns.example.org"


@pytest.mark.parametrize("whole", [False, True])
def test_a_report_of_a_mail_server(whole):
    """Part C: RFC 3464"""
    found = read(dsn(SENDER, message_id=f"<{KEY}@alerts.example.org>", sender=SENDER, whole=whole))
    assert (found.kind, found.to) == ("failed", (SENDER, SENDER))
    assert found.words.startswith("5.1.1 smtp; 550 5.1.1 <vi@example.org>")
    assert (found.senders, found.message_ids) == ((SENDER,), (f"<{KEY}@alerts.example.org>",))


@pytest.mark.parametrize(
    ("action", "kind"),
    [("failed", "failed"), ("Delayed", "delayed"), ("delivered", "delivered"), ("relayed", ""), ("", ""), ("x", "")],
)
def test_what_has_become_of_the_mail(action, kind):
    assert read(dsn(action=action)).kind == kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        *(("abuse", "complaint"), ("Fraud", "complaint"), ("not-spam", ""), ("auth-failure", ""), ("", "")),
        *(("opt-out", "opt-out"), ("Opt-Out-List", "opt-out")),
    ],
)
def test_a_complaint(said, kind):
    """Part C: RFC 5965; opt-out is of its drafts, and used; a report about DMARC (auth-failure) is no complaint of a reader."""
    found = read(arf(kind=said, message_id=f"<{KEY}@alerts.example.org>", sender=SENDER))
    assert (found.kind, found.senders) == (kind, (SENDER,))
    assert found.message_ids == (f"<{KEY}@alerts.example.org>",)


def test_anything_else_is_no_report():
    """S8: a holiday notice, a delivery by hand."""
    assert read(plain("news@example.org", Auto_Submitted="auto-replied")) == Arrived(to=("news@example.org",))


def test_a_complaint_of_microsoft_is_known_by_the_header_of_the_mail_that_comes_back():
    """JMRP: no RFC 5965 part; the mail is enclosed, or is itself sent back."""
    original = plain("vi@example.org", X_HmXmrOriginalRecipient="<vi@example.org>", Message_ID="<x@alerts.example.org>")
    enclosed = b"From: staff@hotmail.com\r\nContent-Type: message/rfc822\r\n\r\n" + original
    for raw in (original, enclosed):
        found = read(raw)
        assert (found.kind, found.message_ids) == ("complaint", ("<x@alerts.example.org>",))


TEXT = {
    "Postfix in words": (
        "<vi@example.org>: host mx said: 550 5.1.1 <vi@example.org>: User unknown\r\n(in reply)",
        True,
    ),
    "a code of three digits": ("Remote host said: 550 no such user", True),
    "a warning": ("Delayed for 24 hours: 451 4.4.1 no answer yet. No action is needed.", False),
    "no code": ("I am away until Monday.", False),
    "a code in the copy": ("Thanks.\r\n\r\n--- This is a copy of the message.\r\n\r\n550 5.1.1 user unknown", False),
}


@pytest.mark.parametrize(("words", "failed"), TEXT.values(), ids=TEXT)
def test_a_mail_server_that_reports_in_words(words, failed):
    """Case 53: only from a mail server, and only with a final code outside of the copy of our mail."""
    header = "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>\r\n"
    raw = f"{header}To: {SENDER}\r\nSubject: failure notice\r\n\r\n{words}\r\n"
    found = read(raw.encode())
    assert (found.kind, found.text, "5" in found.words) == (("failed", True, True) if failed else ("", False, False))
    assert read(raw.replace(header, "From: Vi <vi@example.org>\r\n").encode()).kind == ""


@pytest.mark.parametrize(("raw", "said"), ODD.values(), ids=ODD)
def test_a_report_is_understood_however_it_is_encoded_and_whoever_wrote_it(raw, said):
    """Parts that were read as they came instead of decoded, the first field of a name in place of all, too few senders."""
    found = read(raw.replace(b"BOUNCE", SENDER.encode()))
    assert (found.kind, SENDER in found.to) == ("failed", True)
    assert said in found.words
    assert not any(odd in found.words for odd in ("=20", "\x1b", "\ufffd", "421", "4.2.2", "<p", "font"))


REPLY = f"I am away. Your mail said: {EXCHANGE}"
NO_FAILURE = {
    "a person, HTML": written("Vi <vi@example.org>", PAGE.format(said=EXCHANGE).encode(), "text/html"),
    "a person whose name is encoded": written(named("伊藤", "iso-2022-jp"), REPLY.encode()),
    "a person, away": written(
        "Vi <vi@example.org>", b"user unknown", more="Auto-Submitted: auto-replied\nReturn-Path: <>\n"
    ),
    "a name like the one of Exchange": written("Vi <microsoftexchange@example.org>", REPLY.encode()),
    "Exchange, away": written(MICROSOFT, PAGE.format(said="I am away until 550").encode(), "text/html"),
    "Exchange, for now": written(
        MICROSOFT, PAGE.format(said="451 4.4.1 user unknown, no answer yet").encode(), "text/html"
    ),
    "somebody on the list has it": reported(DELIVERY, status("failed", "relayed")),
    "a read receipt": reported("message/disposition-notification", b"Disposition: manual-action; displayed\n"),
}


@pytest.mark.parametrize("raw", NO_FAILURE.values(), ids=NO_FAILURE)
def test_the_words_of_a_person_are_never_taken_for_a_report(raw):
    assert read(raw).kind == ""


JUNK = {
    "nothing": b"",
    "no mail": b"\x00\xff\xfe" * 1000,
    "JSON": b'{"kind": "bounce"}',
    "no boundary": b"Content-Type: multipart/report\r\n\r\nAction: failed\r\n",
    "report of nothing": b"Content-Type: message/delivery-status\r\n\r\n",
    "complaint of nothing": b"Content-Type: message/feedback-report\r\n\r\n",
    "nested": b"Content-Type: message/rfc822\r\n\r\n" * 3000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000,
    "odd parameters": b"Content-Type: multipart/report; report-type*0*=x''%; boundary*=utf-8'%ff\r\n\r\n",
    "deep, short lines": b"".join(b"Content-Type: multipart/x; boundary=%d\r\n\r\n--%d\n" % (n, n) for n in range(39))
    + b"\n" * 2_000_000,
    "encoded again and again": b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" * 300,
    "tags without an end": b"From: postmaster@x\nContent-Type: text/html\n\n" + b"<a " * 600_000,
    "recipients": b"To: " + b"@" * 1_000_000 + b"\nX-Failed-Recipients" + b"\nTo: <" * 100_000,
    "charset that is none": b"From: postmaster@x\nContent-Type: text/plain; charset=rot13\n\nhello",
    "odd encoding": b"Content-Type: text/rfc822-headers; charset=x\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
}


@pytest.mark.parametrize("raw", JUNK.values(), ids=JUNK)
def test_junk_is_no_report(raw):
    """And it takes no time worth speaking of: some of these took minutes."""
    before = process_time()
    assert read(raw).kind == ""
    assert process_time() - before < 3


TEXT_BOUNCES = [path.read_bytes() for path in sorted((CASES / "53-bounces-that-are-no-report").glob("*.eml"))]
ODD_ONES = [raw for raw, _ in ODD.values()]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_report_is_read_without_a_fault(data):
    raw = bytearray(
        data.draw(
            st.sampled_from(
                [
                    dsn(SENDER, whole=True),
                    dsn(SENDER),
                    arf(sender=SENDER),
                    *TEXT_BOUNCES,
                    *(raw for raw, _ in ODD.values()),
                ]
            )
        )
    )
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(raw) - 1))
        raw[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40)) or b";"
    assert isinstance(read(bytes(raw)), Arrived)


# --- addresses of ours -------------------------------------------------------------------------------------------------


BOX = "bounces@returns.example.org"


def test_an_address_says_what_it_was_made_for_in_any_case():
    """K30, Part C: an envelope sender per delivery; the longest mailbox that is allowed still fits."""
    made = tagged_addresses.address(BOX, tagged_addresses.BOUNCE, KEY)
    assert made.startswith(f"bounces+{KEY}-") and made.endswith("@returns.example.org")
    assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, made) == KEY
    assert tagged_addresses.read(BOX.upper(), tagged_addresses.BOUNCE, f" {made.upper()} ") == KEY
    assert (
        len(tagged_addresses.address(f"{'x' * 20}@example.org", tagged_addresses.BOUNCE, KEY).partition("@")[0]) == 64
    )


def test_a_forged_address_is_told_from_a_real_one(settings):
    made = tagged_addresses.address(BOX, tagged_addresses.BOUNCE, KEY)
    assert tagged_addresses.read(BOX, tagged_addresses.LEAVE, made) == "", "made for something else"
    assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, made.replace("0123", "1123", 1)) == ""
    assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, f"bounces+{KEY}@returns.example.org") == ""
    assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, "bounces+@returns.example.org") == ""
    for other in (BOX, "", "x", made.replace("returns", "other"), made.replace("bounces", "x")):
        assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, other) is None
    assert tagged_addresses.read("", tagged_addresses.BOUNCE, made) is None
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another"
    assert tagged_addresses.read(BOX, tagged_addresses.BOUNCE, made) == KEY
