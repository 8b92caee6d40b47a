"""`manage.py check_mail` asks a real DNS server, on loopback."""

import socket
import threading

import dns.flags
import dns.message
import dns.rrset
import pytest
from django.core.management import CommandError, call_command

GOOD = {
    ("returns.example.org.", "MX"): ["10 mx.example.org."],
    ("returns.example.org.", "TXT"): ['"something else"', '"v=spf1 mx -all"'],
    ("news._domainkey.example.org.", "TXT"): ['"v=DKIM1; k=rsa; p=MIIBIj" "ANBgkqhkiG"'],
    ("_dmarc.example.org.", "TXT"): ['"v=DMARC1; p=reject"'],
}


class Names:
    """A DNS server for a few names; of all others it says that they do not exist."""

    def __init__(self) -> None:
        self.zone = dict(GOOD)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                asked, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            self.socket.sendto(self._answer(dns.message.from_wire(asked)).to_wire(), peer)

    def _answer(self, asked: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(asked)
        answer.flags |= dns.flags.RA
        question = asked.question[0]
        name, kind = question.name.to_text(), question.rdtype.name
        if found := self.zone.get((name, kind)):
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, found))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


@pytest.fixture
def names(settings):
    settings.EMAIL_URL = "smtp://localhost"
    settings.PUBLIC_URL = "https://alerts.example.org"
    settings.DEFAULT_FROM_EMAIL = "Tocsin <tocsin@example.org>"
    settings.REPLY_TO = "help@example.org"
    settings.BOUNCE_ADDRESS, settings.UNSUBSCRIBE_ADDRESS = "bounces@returns.example.org", "leave@returns.example.org"
    settings.DKIM_SELECTOR = "news"
    server = Names()
    yield server
    server.socket.close()


def check(server, capsys) -> tuple[dict[str, str], str]:
    """(what → how it begins, what the command ended with)."""
    failed = ""
    try:
        call_command("check_mail", nameserver="127.0.0.1", port=server.port)
    except CommandError as error:
        failed = str(error)
    lines = [line.split("  ", 1) for line in capsys.readouterr().out.splitlines()]
    return {
        rest.strip().partition(":")[0]: f"{state.strip()}:{rest.partition(':')[2]}" for state, rest in lines
    }, failed


def test_all_is_well(names, capsys):
    """Part C: ship a check command."""
    found, failed = check(names, capsys)
    assert failed == ""
    assert {line.partition(":")[0] for line in found.values()} == {"ok"}
    assert len(found) == 9
    assert found["SPF of returns.example.org"] == "ok: v=spf1 mx -all"
    assert found["BOUNCE_ADDRESS"] == "ok: returns.example.org has MX mx.example.org"


WRONG = {
    "no SPF": ({("returns.example.org.", "TXT"): ['"x"']}, {}, "SPF of returns.example.org", "missing: no TXT record"),
    "two SPF": (
        {("returns.example.org.", "TXT"): ['"v=spf1 mx -all"', '"v=spf1 -all"']},
        {},
        "SPF of returns.example.org",
        "missing: 2 records",
    ),
    "SPF for all": (
        {("returns.example.org.", "TXT"): ['"v=spf1 +all"']},
        {},
        "SPF of returns.example.org",
        "missing: v=spf1 +all lets anybody",
    ),
    "no key": (
        {("news._domainkey.example.org.", "TXT"): None},
        {},
        "DKIM",
        "missing: news._domainkey.example.org holds no key",
    ),
    "revoked": (
        {("news._domainkey.example.org.", "TXT"): ['"v=DKIM1; p="']},
        {},
        "DKIM",
        "missing: news._domainkey.example.org holds no key: it was revoked",
    ),
    "no DMARC": (
        {("_dmarc.example.org.", "TXT"): None},
        {},
        "DMARC of example.org",
        "missing: no TXT record at _dmarc",
    ),
    "no MX": (
        {("returns.example.org.", "MX"): None},
        {},
        "BOUNCE_ADDRESS",
        "missing: returns.example.org has no MX and no address",
    ),
    "null MX": (
        {("returns.example.org.", "MX"): ["0 ."]},
        {},
        "BOUNCE_ADDRESS",
        "missing: returns.example.org takes no",
    ),
    "http": (
        {},
        {"PUBLIC_URL": "http://alerts.example.org"},
        "PUBLIC_URL",
        "missing: http://alerts.example.org is not",
    ),
    "no answers": ({}, {"REPLY_TO": ""}, "Reply-To", "missing: set REPLY_TO"),
    "no bounces": ({}, {"BOUNCE_ADDRESS": ""}, "BOUNCE_ADDRESS", "missing: set BOUNCE_ADDRESS"),
    "no server": ({}, {"EMAIL_URL": ""}, "Mail server", "missing: set EMAIL_URL"),
}


@pytest.mark.parametrize(("zone", "values", "what", "said"), WRONG.values(), ids=WRONG)
def test_what_is_missing_is_said_and_fails_the_command(names, capsys, settings, zone, values, what, said):
    names.zone |= zone
    for name, value in values.items():
        setattr(settings, name, value)
    found, failed = check(names, capsys)
    assert found[what].startswith(said)
    assert "missing" in failed


def test_what_cannot_be_known_from_here_is_no_failure(names, capsys, settings):
    settings.DKIM_SELECTOR = ""
    settings.BOUNCE_ADDRESS = "bounces@provider.example.net"
    names.zone |= {
        ("provider.example.net.", "A"): ["192.0.2.1"],
        ("provider.example.net.", "TXT"): ['"v=spf1 a -all"'],
    }
    found, failed = check(names, capsys)
    assert failed == ""
    assert found["BOUNCE_ADDRESS"] == "ok: provider.example.net has no MX; mail goes to its own address"
    assert found["DKIM"].startswith("not known: set DKIM_SELECTOR")
    assert found["Alignment"].startswith("not known: SPF of provider.example.net is not aligned with example.org")


def test_the_domain_above_counts_for_one_below(names, capsys, settings):
    settings.DEFAULT_FROM_EMAIL = "tocsin@alerts.example.org"
    settings.DKIM_SELECTOR = ""
    found, _ = check(names, capsys)
    assert found["DMARC of example.org"] == "ok: v=DMARC1; p=reject"


def test_a_dns_server_that_does_not_answer_is_said(names, capsys):
    names.socket.close()
    names.port = 1
    assert check(names, capsys)[1].startswith("DNS does not answer")
