"""`make chaos`: full size. 1,000 events in a second over 50 services and 20 people, while everything is killed.

Several rounds; each prints when what was killed and the equation, and the run fails if it does not add up.
"""

import argparse
import random
import sys

from tests.live import Product, SmtpSink
from tests.live.chaos import FAULTS, Chaos, survive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    asked = parser.parse_args()
    with SmtpSink() as sink, Product(EMAIL_URL=sink.url) as product:
        calm(product, sink, asked.events)
    # A server that takes its time: kills find mails before and after it accepts them.
    with SmtpSink(hold=0.2) as sink, Product(EMAIL_URL=sink.url) as product:
        keys = product.seed("storm", services=50, people=20, backup_after=20)
        for number in range(asked.rounds):
            one_round(product, sink, keys, f"round{number}", events=asked.events, seed=asked.seed + number)
    print("Nothing was lost, and nothing was told anew.")


def calm(product: Product, sink: SmtpSink, events: int) -> None:
    keys = product.seed("storm", services=50, people=20)
    chaos = Chaos(product, (), within=0, seed=0)
    equation = survive(product, sink, chaos, keys, events=events, over=1, name="calm")
    judge("Undisturbed", chaos, equation, steps=1)


def one_round(product: Product, sink: SmtpSink, keys: list[str], name: str, *, events: int, seed: int) -> None:
    """Kills from the first event until the second steps are due; in the middle of it all the plug is pulled."""
    chaos = Chaos(product, (*FAULTS, *FAULTS, "page", "everything"), within=30, seed=seed)
    equation = survive(product, sink, chaos, keys, events=events, over=1, name=name)
    judge(name, chaos, equation, steps=2)


def judge(title: str, chaos: Chaos, equation, *, steps: int) -> None:
    print(title, *chaos.log, equation, "", sep="\n", flush=True)
    if problems := equation.problems(steps=steps, extra=chaos.extra):
        sys.exit("It does not add up: " + "; ".join(problems))


if __name__ == "__main__":
    main()
