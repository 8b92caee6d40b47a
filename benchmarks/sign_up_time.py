"""`make bench-sign-up`: does the public form answer strangers and subscribers alike, and what does a victim get?

Starts a whole Tocsin of its own, in a folder that is thrown away, with a mail server on loopback. First the form is sent
for a known, an unknown and a blocked address in turn, over one connection; then ten thousand times for one victim.
"""

import argparse
import http.client
import random
import re
import time
import urllib.parse
from collections.abc import Iterator

from benchmarks import machine
from benchmarks.report import Line, table, write
from tests.live import Product, SmtpSink, eventually
from tests.live.product import ROOT

TIMES, BOMB = "How long the form takes to answer", "Sign-ups of one victim"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
KNOWN, BLOCKED, VICTIM = "known@example.org", "blocked@example.org", "victim@example.org"
QUIET = 3  # seconds in which no further mail arrives


class Form:
    """The form of one group, sent over a connection that stays open."""

    def __init__(self, product: Product):
        self.group = product.seed("open_group", name="Bench")["group"]
        self.line = http.client.HTTPConnection("127.0.0.1", product.port, timeout=30)

    def send(self, address: str) -> float:
        """Milliseconds."""
        return self.post("/subscribe/", channel="email", address=address, groups=str(self.group))

    def post(self, path: str, **values: str) -> float:
        began = time.perf_counter()
        self.line.request("POST", path, urllib.parse.urlencode(values), FORM)
        answer = self.line.getresponse()
        answer.read()
        took = (time.perf_counter() - began) * 1000
        assert answer.status == 200, (path, answer.status)
        return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="how often each address is entered")
    parser.add_argument("--forms", type=int, default=10_000, help="how often the victim is entered")
    asked = parser.parse_args()
    about = machine.here() | vars(asked)
    limits = {
        "FORMS_PER_NETWORK": "1000000",
        "FORMS_IN_ALL": "1000000",
    }  # so that they are not what protects the victim
    with SmtpSink() as sink, Product(EMAIL_URL=sink.url, **limits) as product:
        form = Form(product)
        lines = [*times(product, sink, form, asked.rounds), *bomb(product, sink, form, asked.forms)]
    text = "\n".join([", ".join(f"{name} {value}" for name, value in about.items()), table(lines), ""])
    text = text.replace("bare endpoint", "unknown address").replace("× bare", "× unknown")
    path = write(ROOT / "var" / "bench", about, lines, text)
    print(text, f"Also in {path} and .txt", sep="\n")


def times(product: Product, sink: SmtpSink, form: Form, rounds: int) -> list[Line]:
    """In turn, in an order that changes: whatever else the machine does hits all three alike."""
    for address, page in ((KNOWN, "confirm"), (BLOCKED, "not-me")):
        form.send(address)
        form.post(link(sink, address, page))
    took: dict[str, list[float]] = {KNOWN: [], BLOCKED: [], "unknown": []}
    for number in range(rounds):
        kinds = list(took)
        random.Random(number).shuffle(kinds)
        for kind in kinds:
            took[kind].append(form.send(f"stranger{number}@example.org" if kind == "unknown" else kind))
    unknown = took["unknown"]
    names = {"a subscriber's address": took[KNOWN], "a blocked address": took[BLOCKED]}
    return [Line(TIMES, name, "ms", times, unknown) for name, times in names.items()]


def link(sink: SmtpSink, address: str, page: str) -> str:
    """The path to this page in the first mail to the address."""
    assert eventually(lambda: any(to(sink, address)), 30), f"no mail to {address}"
    return re.search(rf"https?://[^/\s]+(/subscriptions/{page}/\S+)", next(to(sink, address)))[1]  # type: ignore[index]


def to(sink: SmtpSink, address: str) -> Iterator[str]:
    return (mail.body for mail in sink.mails() if mail.recipient == address)


def bomb(product: Product, sink: SmtpSink, form: Form, count: int) -> list[Line]:
    began = time.monotonic()
    for _ in range(count):
        form.send(VICTIM)
    rate = count / (time.monotonic() - began)
    waiting = "SELECT 1 FROM stakeholders_signup"
    assert eventually(lambda: not product.rows(waiting), 600, every=1), "the forms were not answered"
    time.sleep(QUIET)
    return [
        Line(BOMB, "forms sent", "", [count]),
        Line(BOMB, "forms answered, one connection", "/s", [rate]),
        Line(BOMB, "mails to the victim", "", [len(list(to(sink, VICTIM)))], at_least=1, at_most=1),
    ]


if __name__ == "__main__":
    main()
