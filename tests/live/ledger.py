"""The equation: what was accepted, what was decided, what the ledger says was sent, what the mail server has."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.live.product import Product, eventually
from tests.live.sink import Mail, SmtpSink
from tests.live.storm import Answer

BUSY = """
SELECT (SELECT count(*) FROM dispatching_delivery WHERE due_at IS NOT NULL) + (
    SELECT count(*) FROM dispatching_escalation WHERE state = 'running' AND due_at < now() + interval '2 min'
) AS busy
"""
ALERTS = "SELECT id, dedup_key FROM dispatching_alert WHERE dedup_key LIKE %s"
# A step run says “step 1, round 1: …” on the timeline, in the transaction that moves the position.
STEPS = """
SELECT event.alert_id, event.kind, split_part(event.text, ':', 1) AS step, event.at
FROM dispatching_alertevent event JOIN dispatching_alert alert ON alert.id = event.alert_id
WHERE alert.dedup_key LIKE %s AND event.kind IN ('step', 'skipped')
"""
POSITIONS = """
SELECT alert.id AS alert_id, sum(escalation.position)::int AS position, count(*) AS runs
FROM dispatching_escalation escalation JOIN dispatching_alert alert ON alert.id = escalation.alert_id
WHERE alert.dedup_key LIKE %s GROUP BY alert.id
"""
# The first step is due with the alert, each next one when the span of the step before is over.
PAGES = """
SELECT delivery.key, delivery.state, delivery.attempt, page.alert_id, page.position,
    (SELECT count(*) FROM dispatching_attempt WHERE delivery_id = delivery.id AND outcome = 'unknown') AS unknown,
    CASE page.position WHEN 0 THEN alert.first_at ELSE
        lag(delivery.created_at) OVER (PARTITION BY page.alert_id ORDER BY page.position)
        + (escalation.snapshot->'steps'->(page.position - 1)->>'escalate_after')::float * interval '1 s'
    END AS due
FROM dispatching_delivery delivery JOIN dispatching_page page ON page.delivery_id = delivery.id
JOIN dispatching_escalation escalation ON escalation.id = page.escalation_id
JOIN dispatching_alert alert ON alert.id = page.alert_id WHERE alert.dedup_key LIKE %s
"""


def settle(product: Product, *, patience: float = 120) -> bool:
    """Waits until nothing is on its way and no step is due within the next two minutes."""
    return eventually(lambda: product.rows(BUSY)[0]["busy"] == 0, patience, every=0.25)


@dataclass(frozen=True)
class Equation:
    """What there is on record about the alerts whose dedup keys start with one name."""

    answers: Sequence[Answer]
    alerts: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    positions: list[dict[str, Any]]
    pages: list[dict[str, Any]]
    mails: list[Mail]

    @classmethod
    def of(cls, product: Product, sink: SmtpSink, answers: Sequence[Answer], name: str = "event") -> "Equation":
        alerts, steps, positions, pages = (
            product.rows(each, f"{name}-%") for each in (ALERTS, STEPS, POSITIONS, PAGES)
        )
        keys = {page["key"].hex for page in pages}
        # Nobody else's mail: what belongs to no page of these alerts counts if it names one of them.
        mails = [mail for mail in sink.mails() if key_of(mail) in keys or f"{name}-" in mail.subject]
        return cls(answers, alerts, steps, positions, pages, mails)

    @property
    def copies(self) -> Counter[str]:
        return Counter(key_of(mail) for mail in self.mails)

    @property
    def repeats(self) -> int:
        """Mails beyond the first of each page."""
        return len(self.mails) - len(self.copies)

    @property
    def cut_short(self) -> int:
        """Attempts that ended without a word, because their sender died or lost the database."""
        return sum(page["unknown"] for page in self.pages)

    def late(self) -> list[float]:
        """Seconds from the moment that a step was due to its mail's first arrival, sorted."""
        first = {key_of(mail): mail.at for mail in reversed(self.mails)}
        due = {page["key"].hex: page["due"].timestamp() for page in self.pages}
        return sorted(first[key] - due[key] for key in first.keys() & due.keys())

    def problems(self, *, steps: int, extra: int) -> list[str]:
        """What does not add up, in words, where each alert is owed so many steps and each step one page.

        `extra`: how many mails may have come a second time, because their sender died or lost the database just then.
        """
        return [text for text in (*self._of_alerts(steps), *self._of_pages(steps), *self._of_mails(extra)) if text]

    def _of_alerts(self, owed: int) -> list[str]:
        accepted = Counter(answer.dedup_key for answer in self.answers if answer.accepted)
        found = Counter(alert["dedup_key"] for alert in self.alerts)
        runs = Counter((step["alert_id"], step["step"]) for step in self.steps if step["kind"] == "step")
        a_step = Counter(alert for alert, _ in runs)
        return [
            differing("accepted events without an alert", accepted.keys() - found.keys()),
            differing("alerts that nobody was promised", found.keys() - accepted.keys()),
            differing("events with two alerts", {key for key, count in found.items() if count > 1}),
            differing("steps that ran more than once", {step for step, count in runs.items() if count > 1}),
            differing("steps that were skipped", {s["alert_id"] for s in self.steps if s["kind"] == "skipped"}),
            differing("alerts without all their steps", {a["id"] for a in self.alerts if a_step[a["id"]] != owed}),
            differing("positions that do not fit", {p["alert_id"] for p in self.positions if p["position"] != owed}),
            differing("alerts with two escalations", {p["alert_id"] for p in self.positions if p["runs"] != 1}),
        ]

    def _of_pages(self, owed: int) -> list[str]:
        told = Counter((page["alert_id"], page["position"]) for page in self.pages)
        return [
            differing("steps with two pages", {step for step, count in told.items() if count > 1}),
            differing("pages that were not sent", {p["key"].hex for p in self.pages if p["state"] != "sent"}),
            f"{len(self.pages)} pages for {len(self.alerts)} alerts" if len(told) != owed * len(self.alerts) else "",
        ]

    def _of_mails(self, extra: int) -> list[str]:
        sent = {page["key"].hex: page["attempt"] for page in self.pages if page["state"] == "sent"}
        copies = self.copies
        return [
            differing("pages lost: the ledger says sent, the server has nothing", sent.keys() - copies.keys()),
            differing("mails that the ledger does not know as sent", copies.keys() - sent.keys()),
            differing("mails with more copies than attempts", {k for k in copies if copies[k] > sent.get(k, 0)}),
            differing("mails that came before they were due", {seconds for seconds in self.late() if seconds < 0}),
            f"{self.repeats} mails came again, and only {extra} could" if self.repeats > extra else "",
        ]

    def __str__(self) -> str:
        late, sent = self.late() or [0.0], sum(page["state"] == "sent" for page in self.pages)
        runs = sum(step["kind"] == "step" for step in self.steps)
        accepted = len({answer.dedup_key for answer in self.answers if answer.accepted})
        tries = sum(answer.tries for answer in self.answers)
        return (
            f"{len(self.answers)} events in {tries} tries: {accepted} accepted = {len(self.alerts)} alerts; "
            f"{runs} steps run; {len(self.pages)} pages planned = {sent} sent = {len(self.copies)} different mails at "
            f"the server; {self.repeats} came again under the same Message-ID; "
            f"attempts cut short: {self.cut_short}; "
            f"seconds from due to arrived: half within {late[len(late) // 2]:.2f}, "
            f"99 % within {late[int(len(late) * 0.99)]:.2f}, all within {late[-1]:.2f}"
        )


def key_of(mail: Mail) -> str:
    """The delivery's key: the Message-ID before the @."""
    return mail.message_id.partition("@")[0]


def differing(what: str, found) -> str:
    """A problem in words with a few examples, or nothing."""
    examples = ", ".join(str(one) for one in sorted(found, key=str)[:3])
    return f"{len(found)} {what}: {examples}" if found else ""
