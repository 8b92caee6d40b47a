"""The whole way through a running Tocsin: the form, the mail that asks, the news, one click, and then silence."""

import re
import urllib.parse

from tests.live import eventually, only_live
from tests.sure import sure

pytestmark = only_live
VI = "vi@example.org"


def mails(sink, subject: str = "") -> list:
    return [mail for mail in sink.mails() if mail.recipient == VI and subject in mail.subject]


def header(mail, name: str) -> str:
    return re.sub(r"\s+", "", str(mail._message[name] or ""))


def press(tocsin, url: str, **values: str):
    """POST without a cookie, to the same path of the product whatever its public name is."""
    path = urllib.parse.urlsplit(url).path
    return tocsin.open(path, data=urllib.parse.urlencode(values).encode())


def test_a_customer_subscribes_hears_of_an_outage_and_leaves_by_one_click(tocsin, sink):
    """B2, B99, B112, P7: by a real mail server, with no login, no cookie and no token of a form."""
    made = tocsin.seed("open_group", name="Printing")
    answer = press(tocsin, "/subscribe/", channel="email", address=VI, groups=str(made["group"]))
    assert b"Check your e-mail" in answer.read() and "Set-Cookie" not in answer.headers
    assert eventually(lambda: mails(sink), 15)
    [asked] = mails(sink)
    assert asked._message["Auto-Submitted"] == "auto-generated"
    press(tocsin, sure(re.search(r"https?://\S+/subscriptions/confirm/\S+", asked.body))[0])
    tocsin.seed("announce", outage=made["outage"])
    assert eventually(lambda: mails(sink, "Printing fails"), 15)
    [news] = mails(sink, "Printing fails")
    assert not header(news, "List-Unsubscribe-Post"), "here it is http, of which RFC 8058 does not speak"
    leave = sure(re.search(r"<(https?://[^>]+)>", header(news, "List-Unsubscribe")))[1]
    assert press(tocsin, leave, **{"List-Unsubscribe": "One-Click"}).status == 200
    tocsin.seed("say_more", outage=made["outage"])
    planned = """SELECT 1 FROM stakeholders_message message JOIN stakeholders_bracket bracket ON bracket.id = bracket_id
        WHERE planned_at IS NOT NULL AND outage_id = %s HAVING count(*) = 2"""
    assert eventually(lambda: tocsin.rows(planned, made["outage"]), 15)
    assert len(mails(sink)) == 3, "the question, the answer to the confirmation, and the announcement"
