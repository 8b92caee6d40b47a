"""One message to a crowd while the worker that sends it is killed and pages come in; and what came of it."""

import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.live.product import PROCESSES, Product, eventually
from tests.live.sink import Mail, SmtpSink

# Of the latest message of this outage.
LATEST = """
SELECT message.content_id, message.due_at FROM stakeholders_message message
JOIN stakeholders_bracket bracket ON bracket.id = message.bracket_id WHERE bracket.outage_id = %s ORDER BY message.id DESC LIMIT 1
"""
SENT = "SELECT count(*) AS sent FROM dispatching_delivery WHERE content_id = %s AND state = 'sent'"
LIVE = """
SELECT 1 FROM dispatching_delivery WHERE content_id = %s AND state IN ('pending', 'sending')
UNION ALL SELECT 1 FROM dispatching_batch WHERE content_id = %s LIMIT 1
"""
KEYS = "SELECT key FROM dispatching_delivery WHERE content_id = %s"
IN_HAND = f"{KEYS} AND state = 'sending'"
PATIENCE = 600


@dataclass
class FanOut:
    """What the mail server got of one message, whose senders were killed with `in_hand` unrecorded."""

    mails: list[Mail]
    in_hand: set[str] = field(default_factory=set)
    killed: list[int] = field(default_factory=list)  # how many had been sent at each kill
    page_waits: list[float] = field(default_factory=list)  # seconds from the answer until the mail server had the page

    def missed(self, people: int) -> int:
        """How many of the crowd (s1@example.org …) got nothing."""
        return len(
            {f"s{number}@example.org" for number in range(1, people + 1)} - {mail.recipient for mail in self.mails}
        )

    @property
    def twice(self) -> set[str]:
        copies = Counter(mail.message_id.partition("@")[0] for mail in self.mails)
        return {key for key, count in copies.items() if count > 1}

    @property
    def seconds(self) -> float:
        return self.mails[-1].at - self.mails[0].at


def watch(product: Product, sink: SmtpSink, outage: int, *, people: int, kills: int = 0, key: str = "") -> FanOut:
    """Follows the latest message until it is out, kills the bulk worker so often on the way, and pages after each kill."""
    [message] = product.rows(LATEST, outage)
    content = message["content_id"]
    found, pages = FanOut([]), {}
    for turn in range(1, kills + 1):
        aim = people * turn // (kills + 1)
        assert eventually(partial(_has_sent, product, content, aim), PATIENCE, every=0.02), product.last_words()
        assert eventually(lambda: product.signal("bulk", signal.SIGKILL), 30)
        found.in_hand |= {row["key"].hex for row in product.rows(IN_HAND, content)}
        found.killed.append(sent(product, content))
        if key:
            name = f"page {content} {turn}"
            product.post_event(key, name)
            pages[name] = time.time()
    assert eventually(lambda: is_out(product, outage, content), PATIENCE, every=0.2), product.last_words()
    mails, keys = sink.mails(), {row["key"].hex for row in product.rows(KEYS, content)}
    found.mails = [mail for mail in mails if mail.message_id.partition("@")[0] in keys]
    for name, at in pages.items():
        found.page_waits.append(min((mail.at for mail in mails if name in mail.content), default=float("inf")) - at)
    return found


def sent(product: Product, content: int) -> int:
    return product.rows(SENT, content)[0]["sent"]


def _has_sent(product: Product, content: int, aim: int) -> bool:
    return sent(product, content) >= aim


def is_out(product: Product, outage: int, content: int) -> bool:
    [message] = product.rows(LATEST, outage)
    return message["due_at"] is None and not product.rows(LIVE, content, content)


def peaks(product: Product) -> dict[str, float]:
    """MiB that each process of the product has held at most so far (VmHWM), the web server's workers among them."""
    pids = {name: product.pid(name) for name in PROCESSES} | {
        f"web worker {number}": pid for number, pid in enumerate(product.web_workers(), 1)
    }
    return {name: peak for name, pid in pids.items() if pid and (peak := _peak(pid))}


def _peak(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
