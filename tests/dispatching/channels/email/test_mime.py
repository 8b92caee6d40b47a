"""Mail whose words many share: what a strict reader makes of its bytes, over a real SMTP connection."""

import quopri
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from itertools import count

import pytest

from dispatching.channels import Envelope
from dispatching.channels.email import tagged_addresses
from dispatching.channels.email.channel import EmailChannel
from dispatching.channels.email.mime import encoded
from dispatching.channels.shared_words import Letter, fill, mark
from dispatching.contact import links
from dispatching.models import ContactPoint, Content
from tests.dispatching.media import KEY
from tests.sure import sure

LEAVE = mark("unsubscribe")
TEXT = f"Ärger: log-on fails\n.\nFrom here on\n\nYou asked for:\n{mark('parts')}\n\nChange: {mark('manage')}\nEnd: {LEAVE}\n"
HTML = f'<p>Ärger</p><ul>{mark("parts")}</ul><a href="{mark("manage")}">change</a><a href="{LEAVE}">end</a>'
LINKS = {name: f"https://tocsin.example.org/{name}/{'t=&' * 30}x/" for name in ("manage", "unsubscribe")}
serial = count(10**9)  # no content of the database has such an id: what is written once is kept by it
STRICT = policy.default.clone(raise_on_defect=True)


def words(**values):
    usual = {
        "subject": "Log-on fails (EU)",
        "text": TEXT,
        "html": HTML,
        "short": "Log-on fails",
        "parts": {"1": {"text": "- EU: wait", "html": "<li>EU: wait</li>"}, "2": {"text": "- Ü", "html": "<li>Ü</li>"}},
        "links": ["manage", "unsubscribe"],
        "headers": {"List-Id": "<everyone.1.outages.example.org>"},
        "data": {},
    }
    return Content(pk=next(serial), **{**usual, **values})


def envelope(address, *, parts=("1",), after="", recipient="Ana", **values):
    letter = Letter(words(**values), parts, LINKS, after)
    data = {"unsubscribe_url": LINKS["unsubscribe"]}
    own = (KEY, address, recipient, letter.words.subject)
    return Envelope(*own, data=data, letter=letter, leave="7-1", at=datetime.now(UTC))


def raw(mail, **values) -> bytes:
    """What arrived at the server, as it came over the line."""
    mail.channel.send(envelope(mail.address, **values))
    return mail.server.mails[-1].content


def texts(content: bytes) -> list[str]:
    message = message_from_bytes(content, policy=policy.default)
    return [part.get_content().replace("\r\n", "\n") for part in message.walk() if not part.is_multipart()]


NASTY = {
    "plain": {},
    "long subject": {"subject": "Ünterbrechung " * 20},
    "subject that looks encoded": {"subject": "=?utf-8?q?not_me?="},
    "subject of one long word": {"subject": "x" * 250},
    "name with quotes": {"recipient": 'Ana "B", <eve@example.org>'},
    "long name": {"recipient": "Äöü " * 40},
    "no name": {"recipient": ""},
    "header break": {"subject": "a\r\nBcc: eve@example.org", "recipient": "a\r\nCc: eve@example.org"},
    "lone surrogate and NUL": {"text": f"a\ud800\x00\x07{mark('parts')}"},
    "long line": {"text": "x" * 5000 + mark("parts") + "y" * 5000},
    "marks side by side": {"text": f"{mark('parts')}{mark('manage')}{mark('unsubscribe')}"},
    "dots": {"text": f".\n..\n{mark('parts')}.\n.{mark('manage')}\n."},
    "no html": {"html": ""},
    "no text": {"text": ""},
    "trailing spaces": {"text": f"a \nb\t\n{mark('parts')} \n "},
    "emoji": {"text": "🔥" * 500 + mark("parts")},
}


@pytest.mark.parametrize("values", NASTY.values(), ids=NASTY)
@pytest.mark.parametrize("parts", [(), ("1",), ("1", "2"), ("gone",)], ids=str)
def test_a_linter_finds_nothing(mail, values, parts):
    """Must show 7: headers and MIME as the RFCs say, whatever the words are."""
    content = raw(mail, parts=parts, after=KEY, **values)
    assert content.isascii(), "nothing needs 8 bits, so no server on the way has to change it"
    assert b"\n" not in content.replace(b"\r\n", b""), "every line ends with CRLF"
    assert b"\r" not in content.replace(b"\r\n", b"")
    head, _, body = content.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"[ \t]\r\n", body), "white space at the end of a line is lost on the way"
    message = message_from_bytes(content, policy=STRICT)
    for part in message.walk():
        assert part.defects == []
        for name, value in part.items():
            assert value.defects == (), (name, str(value))
    # One of each: a mail with two of them is refused by large receivers (RFC 5322 3.6).
    names = [name.lower() for name in message]
    assert len(names) == len(set(names))
    assert [str(each.addr_spec) for each in message["To"].addresses] == [mail.address]
    assert message["Cc"] is None and message["Bcc"] is None


@pytest.mark.parametrize("values", NASTY.values(), ids=NASTY)
def test_what_is_read_is_what_was_written(mail, values):
    found = texts(raw(mail, parts=("1", "2"), **values))
    made = words(**{name: value for name, value in values.items() if name != "recipient"})
    passages = {form: "\n".join(made.parts[key][form] for key in "12") for form in ("text", "html")}
    wanted = [fill(made.text, {**LINKS, "parts": passages["text"]})]
    if made.html:
        escaped = {name: url.replace("&", "&amp;") for name, url in LINKS.items()}
        wanted.append(fill(made.html, {**escaped, "parts": passages["html"]}))
    clean = [re.sub("[\x00\x07\ud800]", "\N{REPLACEMENT CHARACTER}", text) for text in wanted]
    assert [text.rstrip("\n") for text in found] == [text.rstrip("\n") for text in clean]


def test_the_headers_of_a_message_to_subscribers(mail, settings):
    """Part C, e-mail"""
    settings.REPLY_TO = "help@example.org"
    message = message_from_bytes(raw(mail), policy=policy.default)
    assert message["Message-ID"] == f"<{KEY}@alerts.example.org>"
    assert message["List-Unsubscribe"] == f"<{LINKS['unsubscribe']}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-generated", "All")
    assert message["List-Id"] == "<everyone.1.outages.example.org>"
    assert (message["From"], message["Reply-To"]) == ("Tocsin <tocsin@alerts.example.org>", "help@example.org")
    assert (message["In-Reply-To"], message["References"], message["Precedence"]) == (None, None, None)
    assert parsedate_to_datetime(str(message["Date"]))
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


def test_a_later_message_follows_on_the_first_one_that_this_recipient_got(mail):
    """Part C: threads hold together."""
    message = message_from_bytes(raw(mail, after="f" * 32), policy=policy.default)
    assert message["In-Reply-To"] == message["References"] == f"<{'f' * 32}@alerts.example.org>"


def test_the_text_alone_says_all_that_the_html_says(mail):
    """Part C: text alone suffices."""
    text, html = texts(raw(mail, parts=("1", "2")))
    for link in LINKS.values():
        assert link in text
        assert link.replace("&", "&amp;") in html
    assert "- EU: wait\n- Ü\n" in text
    assert not re.search("<img|src=|url\\(", html), "nothing is fetched from elsewhere"


def test_a_bounce_says_which_delivery_bounced(mail, settings):
    """Part C: an envelope sender per delivery."""
    raw(mail)
    settings.BOUNCE_ADDRESS = "bounces@returns.example.org"
    raw(mail)
    senders = [received.mail_from for received in mail.server.mails]
    assert senders[0] == "tocsin@alerts.example.org"
    assert tagged_addresses.read(settings.BOUNCE_ADDRESS, tagged_addresses.BOUNCE, senders[1]) == KEY


def test_a_mail_to_us_ends_subscriptions_where_a_mailbox_is_configured(mail, settings):
    """Part C: List-Unsubscribe with an https and a mailto address."""
    settings.UNSUBSCRIBE_ADDRESS = "leave@returns.example.org"
    message = message_from_bytes(raw(mail), policy=policy.default)
    links = re.fullmatch(r"<(.*)>, <mailto:(.*)\?subject=unsubscribe>", message["List-Unsubscribe"])
    web, leave = sure(links).groups()
    assert web == LINKS["unsubscribe"]
    assert tagged_addresses.read(settings.UNSUBSCRIBE_ADDRESS, tagged_addresses.LEAVE, leave) == "7-1"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_one_click_is_offered_over_https_only(mail):
    """RFC 8058: without it the link is opened, and asks."""
    link = LINKS["unsubscribe"].replace("https", "http")
    letter = Letter(words(), ("1",), LINKS)
    own, data = (KEY, mail.address, "Ana", letter.words.subject), {"unsubscribe_url": link}
    mail.channel.send(Envelope(*own, data=data, letter=letter, at=datetime.now(UTC)))
    message = message_from_bytes(mail.server.mails[-1].content, policy=policy.default)
    assert (message["List-Unsubscribe"], message["List-Unsubscribe-Post"]) == (f"<{link}>", None)


def test_without_a_mail_server_the_same_mail_is_written_to_a_file(settings, tmp_path):
    settings.EMAIL_BACKEND = "dispatching.channels.email.mailfiles.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    EmailChannel().send(envelope("ana@example.org"))
    [file] = tmp_path.iterdir()
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in file.read_text()


def test_every_attempt_is_the_same_but_for_the_date(mail):
    """A3"""
    first, second = (re.sub(rb"Date: [^\r]*", b"", raw(mail)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("length", range(60, 90))
def test_a_piece_of_any_length_leaves_no_line_too_long(length):
    for character in ("x", "=", "ü", " ", "x ", "ü."):
        lines = (encoded(character * length) + b"=").split(b"\r\n")
        assert max(map(len, lines)) <= 76
        assert quopri.decodestring(encoded(character * length)).decode() == character * length


def test_a_mark_that_somebody_has_typed_into_a_passage_stays_as_it_is():
    made = words(parts={"1": {"text": mark("manage"), "html": ""}})
    assert mark("manage") in Letter(made, ("1",), LINKS).filled()


def test_a_personal_link_names_no_address(db, settings):
    """P: no address in a URL"""
    settings.ROOT_URLCONF = "tests.dispatching.links"
    first, second = (ContactPoint(pk=7, link_version=version, address="vi@example.org") for version in (1, 2))
    assert "@" not in links.url("manage", first)
    assert links.url("manage", first) != links.url("manage", second)
