"""`make bench-fanout`: a message to 100,000 subscribers, beside a plain smtplib loop to the same mail server.

Starts a whole Tocsin of its own, in a folder that is thrown away, with a mail server on loopback in a process of its own.
The first message goes out undisturbed. During the second the worker that sends is killed three times, and people are paged.
"""

import argparse
import os
import signal
import smtplib
import time

from benchmarks import machine
from benchmarks.report import Line, table, write
from tests.live import Mail, Product, SmtpSink, eventually
from tests.live.fanout import FanOut, peaks, watch
from tests.live.product import ROOT, WORKERS

CALM, KILLED = "One message, undisturbed", "The next one, with the bulk worker killed three times"
PLAIN = 10_000  # mails of the plain loop, before and after
KILLS = 3
BUSY = """
SELECT 1 FROM pg_stat_activity WHERE left(state, 19) = 'idle in transaction' AND datname = current_database()
"""
BEHIND = (*WORKERS, "beat")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5,000 subscribers: to see whether it works")
    people = 5_000 if parser.parse_args().quick else 100_000
    about = machine.here() | {"subscribers": people, "in two groups": people // 5}
    with SmtpSink() as sink, Product(EMAIL_URL=sink.url) as product:
        lines = measure(product, sink, people)
    about["load after"] = round(os.getloadavg()[0], 2)
    text = "\n".join([", ".join(f"{name} {value}" for name, value in about.items()), table(lines), ""])
    text = text.replace("bare endpoint", "plain smtplib").replace("× bare", "× plain")
    path = write(ROOT / "var" / "bench", about, lines, text)
    print(text, f"Also in {path} and .txt", sep="\n")


def measure(product: Product, sink: SmtpSink, people: int) -> list[Line]:
    [key] = product.seed("storm", services=1, people=1, name="meanwhile")
    outage = product.seed("crowd", people=people, several=people // 5)
    rate = planned_alone(product, outage)
    calm = watch(product, sink, outage, people=people)
    plain = [plain_loop(sink, calm.mails[-1], min(people, PLAIN)) for _ in range(2)]
    held = peaks(product)
    product.seed("say_more", outage=outage)
    killed = watch(product, sink, outage, people=people, kills=KILLS, key=key)
    held = {name: max(held.get(name, 0), peak) for name, peak in peaks(product).items()}
    after = plain_loop(sink, calm.mails[-1], min(people, PLAIN))
    return [
        Line(CALM, "planned, with no sender at work", "people/s", [rate], at_least=100_000),
        Line(CALM, "handed over", "mails/s", [people / calm.seconds], [*plain, after], ratio_at_least=0.5),
        *outcome(CALM, calm, people),
        *outcome(KILLED, killed, people),
        Line(KILLED, "a page meanwhile: the latest", "s", killed.page_waits, at_most=2),
        *(Line("Memory at most (VmHWM)", name, "MiB", [peak], at_most=300) for name, peak in held.items()),
    ]


def outcome(section: str, told: FanOut, people: int) -> list[Line]:
    return [
        Line(section, "from the first handover to the last", "s", [told.seconds]),
        Line(section, "subscribers missed", "", [told.missed(people)], at_most=0),
        Line(section, "in hand at the kills", "mails", [len(told.in_hand)]),
        Line(section, "came twice", "mails", [len(told.twice)]),
        Line(section, "came twice without having been in hand", "mails", [len(told.twice - told.in_hand)], at_most=0),
    ]


def planned_alone(product: Product, outage: int) -> float:
    """Rows a second, while everybody who would send them is held still outside a transaction."""
    assert eventually(lambda: hold_still(product), 30), "the workers could not be held still between two transactions"
    try:
        product.seed("announce", outage=outage)
        return product.seed("plan")
    finally:
        for name in BEHIND:
            product.signal(name, signal.SIGCONT)


def hold_still(product: Product) -> bool:
    for name in BEHIND:
        product.signal(name, signal.SIGSTOP)
    time.sleep(0.1)
    if not product.rows(BUSY):
        return True
    for name in BEHIND:
        product.signal(name, signal.SIGCONT)
    return False


def plain_loop(sink: SmtpSink, mail: Mail, count: int) -> float:
    """Mails a second: the same finished mail over one connection that stays open."""
    content = mail.content.encode()
    with smtplib.SMTP("127.0.0.1", sink.port) as line:
        began = time.monotonic()
        for _ in range(count):
            line.sendmail("plain@example.org", ["plain@example.org"], content)
        return count / (time.monotonic() - began)


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s in all")
