"""Kills, at random moments, whatever the product is made of; and says how many mails may have come twice for it."""

import os
import random
import shutil
import signal
import time
from functools import partial

from config.embedded.run import QUEUES
from tests.live.ledger import Equation, settle
from tests.live.product import WORKERS, Product, eventually
from tests.live.sink import SmtpSink
from tests.live.storm import Storm, sendings

# What a worker may have in the hands of the mail server when it dies: a mail for each thread that sends, one for its
# ticker. The sweep that beat asks for runs on the engine's threads.
IN_HAND = {"engine": QUEUES["engine"] + 1, "page": QUEUES["page"] + 1, "bulk": 1, "housekeeping": 1}
EXTRA = IN_HAND | dict.fromkeys(("workers", "postgres", "everything"), sum(IN_HAND.values()))
FAULTS = ("web", "web worker", *WORKERS, "workers", "beat", "postgres", "broker")
SENDING = "SELECT 1 FROM dispatching_delivery WHERE state = 'sending' AND due_at > now() + interval '29 s' LIMIT 1"
PATIENCE = 75  # seconds: a lease, a sweep, and what the parts take to start again on a busy machine


class Chaos:
    """Strikes with these faults in a random order, at random moments within so many seconds."""

    def __init__(self, product: Product, faults: tuple[str, ...], *, within: float, seed: int):
        self.product = product
        self.random = random.Random(seed)
        self.log = [f"seed {seed}"]
        self.extra = 0
        moments = sorted(self.random.uniform(0, within) for _ in faults)
        self._plan = list(zip(moments, self.random.sample(faults, len(faults)), strict=True))

    def run(self) -> None:
        began = time.monotonic()
        for moment, fault in self._plan:
            time.sleep(max(0, began + moment - time.monotonic()))
            if fault in EXTRA:
                eventually(self._mails_in_hand, 5)  # a sender that holds nothing loses nothing
            struck = eventually(partial(self.strike, fault), 20)
            self.extra += EXTRA.get(fault, 0) if struck else 0
            words = "gone" if struck else "was not there to be killed"
            self.log.append(f"{time.monotonic() - began:5.1f} s: {fault} {words}")

    def _mails_in_hand(self) -> bool:
        """Whether a sender has begun within the last second; a lease lasts 30."""
        return bool(self.product.rows(SENDING))

    def strike(self, fault: str) -> bool:
        """Kills it; False while it is not there."""
        if fault == "broker":
            shutil.rmtree(self.product.var_dir / "broker", ignore_errors=True)
            return True
        if fault == "everything":
            self._pull_the_plug()
            return True
        pids = self._victims(fault)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def _victims(self, fault: str) -> list[int]:
        if fault == "web worker":
            return [self.random.choice(found)] if (found := self.product.web_workers()) else []
        names = WORKERS if fault == "workers" else (fault,)
        return [pid for name in names if (pid := self.product.pid(name))]

    def _pull_the_plug(self) -> None:
        """The machine is switched off and on again."""
        for pid in self.product.living():
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: not self.product.living(), 10)
        self.product.start()


def survive(
    product: Product, sink: SmtpSink, chaos: Chaos, keys: list[str], *, events: int, over: float, name: str
) -> Equation:
    """Sends so many events over so many seconds while the faults strike, and waits until all is quiet.

    Raises AssertionError if it does not become so.
    """
    storm = Storm(product.url, sendings(keys, events, over=over, name=name), patience=PATIENCE)
    chaos.run()
    answers = storm.wait()
    assert settle(product, patience=PATIENCE), f"something is still on its way:\n{product.last_words()}"
    return Equation.of(product, sink, answers, name)
