"""`make bench-pairs AGAINST=<commit>`: intake of this checkout beside that of another commit.

Each side runs a Tocsin of its own, and the two are measured in turns, so that a machine that gets slower meanwhile is
slower for both. The table shows ratios of medians, now to before: events a second, and the CPU that an event takes in web
server and database, which other work on the machine disturbs less.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.live.product import ROOT

# Both sides run this: the other commit need not know of pairs.
SIDE = """
import json, sys
from benchmarks import machine
from benchmarks.intake import web_only_cases, working_cases
from benchmarks.stage import Stage
from tests.live import Product, SmtpSink

def measured(stage, case, seconds):
    before = machine.cpu(stage.product)
    told = stage.send(seconds=seconds, services=1, **case.job)
    assert not told["not_accepted"], told["not_accepted"]
    spent = machine.cpu(stage.product) - before
    stage.clear()
    return {"rate": told["per_second"], **{part: spent[part] / told["accepted"] * 1e6 for part in ("web", "postgres")}}

still, working = web_only_cases(), working_cases()
with SmtpSink() as sink, Product(EMAIL_URL=sink.url) as product, Stage(product, sink) as stage:
    stage.send(connections=32, seconds=2)
    stage.clear()
    print(json.dumps([("working: " if case in working else "") + case.line.name + (", 100 a post" if "batch" in case.job else "")
                      for case in (*still, *working)]), flush=True)
    for line in sys.stdin:
        number, seconds = json.loads(line)
        if number < len(still):
            with stage.web_only():
                outcome = measured(stage, still[number], seconds)
        else:
            outcome = measured(stage, working[number - len(still)], seconds)
        print(json.dumps(outcome), flush=True)
"""


class Side:
    def __init__(self, tree: Path, var: Path):
        environment = os.environ | {"VAR_DIR": str(var), "PYTHONPATH": str(tree)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SIDE],
            cwd=tree,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases: list[str] = self._read()

    def _read(self) -> Any:
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def measure(self, case: int, seconds: float) -> dict[str, float]:
        assert self.process.stdin
        print(json.dumps([case, seconds]), file=self.process.stdin, flush=True)
        return self._read()

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("against", help="the other commit")
    parser.add_argument("--rounds", type=int, default=5, help="how often each side measures each case")
    parser.add_argument("--seconds", type=float, default=2, help="how long each measurement lasts")
    parser.add_argument("--only", default="", help="only cases whose names contain this")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tocsin-pairs-") as place:
        tree = Path(place) / "tree"
        subprocess.run(
            ["git", "worktree", "add", "--detach", "--quiet", str(tree), asked.against], cwd=ROOT, check=True
        )
        try:
            compare(tree, Path(place), asked)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def compare(tree: Path, place: Path, asked: argparse.Namespace) -> None:
    sides = [Side(tree, place / "before"), Side(ROOT, place / "now")]
    print(f"{'ratio: now to before, of medians':50} events/s    CPU of web, of database")
    try:
        for number, name in enumerate(sides[1].cases):
            if asked.only not in name:
                continue
            values: tuple[dict[str, list[float]], ...] = defaultdict(list), defaultdict(list)
            for turn in range(asked.rounds * 2):
                side = (turn + turn // 2) % 2
                for what, value in sides[side].measure(number, asked.seconds).items():
                    values[side][what].append(value)
            before, now = ({what: statistics.median(v) for what, v in measured.items()} for measured in values)
            told = "  ".join(f"{now[what] / before[what]:8.2f}" for what in now)
            print(f"{name:50}{told}   ({now['rate']:,.0f} to {before['rate']:,.0f})", flush=True)
    finally:
        for one in sides:
            one.end()


if __name__ == "__main__":
    main()
