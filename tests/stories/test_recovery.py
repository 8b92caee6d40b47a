"""Faults A1–A6, A8, B11, D1, and the windows W1–W7: whatever is killed, nothing is lost and nothing is told anew.

`make chaos` does the same at full size.
"""

import random

from tests.live import eventually, only_live
from tests.live.chaos import FAULTS, Chaos, survive

pytestmark = only_live


def test_every_part_is_killed_under_load_and_every_page_is_out_once(tocsin, sink):
    """Each part in turn, all the workers at once, the broker's files: 150 events, two steps each. In the end all are back."""
    keys = tocsin.seed("storm", services=10, people=5, backup_after=8, name="recovery")
    chaos = Chaos(tocsin, (*FAULTS, "page"), within=11, seed=random.randrange(1_000_000))
    # The server takes its time, so that kills find mails before and after it accepts them (W4, W5).
    with sink.slow(0.6):
        try:
            equation = survive(tocsin, sink, chaos, keys, events=150, over=12, name="recovery")
        finally:
            print(*chaos.log, sep="\n")
    print(equation)
    assert equation.problems(steps=2, extra=chaos.extra) == []
    assert equation.cut_short, "no kill met a mail on its way, so nothing was proved"
    assert eventually(tocsin.at_work, 60), tocsin.last_words()
