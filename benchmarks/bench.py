"""`make bench`: what Tocsin does a second, how soon it pages, and what that costs, beside a bare Django endpoint.

Starts a whole Tocsin of its own, in a folder that is thrown away, with a mail server on loopback. docs/benchmarks.md
says what the lines mean.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks import intake, machine, paging, standing
from benchmarks.report import PEERS, Line, table, write
from benchmarks.stage import Stage
from tests.live import Product, SmtpSink
from tests.live.product import ROOT

PARTS = ("intake", "paging", "standing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each line is measured; the median counts")
    parser.add_argument("--seconds", type=float, default=5, help="how long each line of intake lasts")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be given again")
    parser.add_argument("--quick", action="store_true", help="one round, small: to see whether it works")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.seconds = 1, 2
    about = machine.here() | {"rounds": asked.rounds, "seconds": asked.seconds, "quick": asked.quick}
    with SmtpSink() as sink, Product(EMAIL_URL=sink.url) as product, Stage(product, sink) as stage:
        lines = measure(stage, asked)
    where = ", ".join(f"{name} {value}" for name, value in about.items())
    text = "\n".join([where, table(lines), "", PEERS, ""])
    path = write(Path(os.environ.get("VAR_DIR") or ROOT / "var") / "bench", about, lines, text)
    print(text, f"Also in {path} and .txt", sep="\n")


def measure(stage: Stage, asked: argparse.Namespace) -> list[Line]:
    chosen = asked.only or PARTS
    lines: list[Line] = []
    if "intake" in chosen:
        lines += intake.measure(stage, rounds=asked.rounds, seconds=asked.seconds, say=say)
    if "paging" in chosen:
        lines += paging.measure(stage, rounds=asked.rounds, quick=asked.quick, say=say)
    if "standing" in chosen:
        lines += standing.measure(stage, rounds=asked.rounds, seconds=4 if asked.quick else 20, say=say)
    return lines


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
