"""From the answer to a post until the mail server has the page; and what an event costs from end to end."""

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks import machine
from benchmarks.report import Line
from benchmarks.stage import Stage

LATENCY = "From the answer until the mail server has the page"
STORM = "Storms over 50 services"
COSTS = "What an event costs, from the post to the mail (sender and mail server not counted)"
PATIENCE = 240  # seconds without which a page counts as lost


@dataclass
class Run:
    """One stream of events and its pages."""

    waits: list[float]  # answer → mail, sorted
    first_waits: list[float]  # by service: first answer → first mail
    total: float  # first post sent → last mail
    accepted_in: float  # first post sent → last answer
    events: int
    lost: int
    twice: int
    cost: machine.Cost

    def quantile(self, q: float) -> float:
        return self.waits[min(len(self.waits) - 1, int(len(self.waits) * q))]

    @property
    def wrong(self) -> float:
        return self.lost + self.twice

    @property
    def cpu_ms(self) -> float:
        return sum(self.cost.cpu.values()) * 1000 / self.events

    def __str__(self) -> str:
        parts = (f"{name} {seconds * 1000 / self.events:.1f}" for name, seconds in self.cost.cpu.most_common())
        return (
            f"{self.events} events accepted in {self.accepted_in:.1f} s, all out after {self.total:.1f} s, "
            f"p50 {self.quantile(0.5):.3f} s, p99 {self.quantile(0.99):.3f} s, each service's first page within "
            f"{max(self.first_waits):.2f} s, lost {self.lost}, twice {self.twice}, {self.cpu_ms:.1f} ms CPU an event "
            f"({', '.join(parts)}), {self.cost.connections} new connections"
        )


@dataclass
class Case:
    name: str
    job: dict[str, Any]
    runs: list[Run] = field(default_factory=list)


def cases(*, quick: bool) -> list[Case]:
    part = 4 if quick else 1
    return [
        Case("1 a second", {"rate": 1, "count": 60 // part, "connections": 4}),
        Case("50 a second", {"rate": 50, "count": 1200 // part, "connections": 16}),
        Case("1,000 within a second", {"rate": 1000, "count": 1000, "connections": 32}),
        Case("10,000, one a post", {"count": 10_000 // part, "connections": 32}),
        Case("10,000, 100 a post", {"count": 100 // part, "batch": 100, "connections": 8}),
    ]


def measure(stage: Stage, *, rounds: int, quick: bool, say: Callable[[str], None]) -> list[Line]:
    all_cases = cases(quick=quick)
    # Every thread opens its connection, to the database and to the mail server, once and then keeps it.
    stream(stage, Case("warm-up", {"count": 800, "connections": 32}))
    for number in range(rounds):
        for case in all_cases:
            run = stream(stage, case)
            case.runs.append(run)
            say(f"round {number + 1}: {case.name}: {run}")
    return [*latencies(all_cases[:2]), *storms(all_cases[2:]), *costs(all_cases[1:])]


def stream(stage: Stage, case: Case) -> Run:
    stage.clear()
    time.sleep(3)  # a sweep goes by: nothing of the line before is left
    before = len(stage.sink.mails())
    with machine.cost(stage.product) as cost:
        told = stage.send(record=True, **case.job)
        posts = [post for post in told["record"] if post[3] == 202]
        wanted = sum(len(keys) for keys, *_ in posts)
        wait_for(stage, before + wanted)
    return judge(told["prefix"], posts, stage.sink.mails()[before:], stage, cost)


def wait_for(stage: Stage, count: int) -> None:
    end = time.monotonic() + PATIENCE
    while stage.sink.count() < count and time.monotonic() < end:
        time.sleep(0.2)


def judge(prefix: str, posts: list, mails: list, stage: Stage, cost: machine.Cost) -> Run:
    number = re.compile(re.escape(prefix) + r"-\d{6}")
    arrived: dict[str, float] = {}
    copies: Counter[str] = Counter()
    for mail in mails:
        if match := number.search(mail.content):
            arrived.setdefault(match[0], mail.at)
            copies[match[0]] += 1
    answered = {key: at for keys, _, at, _ in posts for key in keys}
    by_service: dict[int, list[str]] = {}
    for keys, *_ in sorted(posts, key=lambda post: post[2]):
        which = int(keys[0].rpartition("-")[2]) // len(keys) % len(stage.keys)
        by_service.setdefault(which, []).extend(keys)
    never = time.time()
    firsts = [min(arrived.get(key, never) for key in keys) - answered[keys[0]] for keys in by_service.values()]
    began = min(post[1] for post in posts)
    return Run(
        waits=sorted(arrived[key] - at for key, at in answered.items() if key in arrived),
        first_waits=firsts,
        total=max(arrived.values()) - began,
        accepted_in=max(answered.values()) - began,
        events=len(answered),
        lost=len(answered.keys() - arrived.keys()),
        twice=sum(copies.values()) - len(copies),
        cost=cost,
    )


def latencies(cases: list[Case]) -> list[Line]:
    lines = []
    for case in cases:
        lines += [
            Line(LATENCY, f"{case.name}: p50", "s", [run.quantile(0.5) for run in case.runs]),
            Line(LATENCY, f"{case.name}: p99", "s", [run.quantile(0.99) for run in case.runs], at_most=0.5),
            Line(LATENCY, f"{case.name}: lost or twice", "pages", [run.wrong for run in case.runs], at_most=0),
        ]
    return lines


def storms(cases: list[Case]) -> list[Line]:
    lines = []
    for case in cases:
        out = 10 if case.name.startswith("1,000 ") else None
        firsts = [max(run.first_waits) for run in case.runs]
        lines += [
            Line(STORM, f"{case.name}: all accepted", "s", [run.accepted_in for run in case.runs]),
            Line(STORM, f"{case.name}: all out", "s", [run.total for run in case.runs], at_most=out),
            Line(STORM, f"{case.name}: a service's first page, the latest", "s", firsts, at_most=3),
            Line(STORM, f"{case.name}: lost or twice", "pages", [run.wrong for run in case.runs], at_most=0),
        ]
    return lines


def costs(cases: list[Case]) -> list[Line]:
    lines = []
    for case in cases:
        lines.append(Line(COSTS, f"{case.name}: CPU", "ms/event", [run.cpu_ms for run in case.runs], at_most=20))
        for part in machine.PARTS:
            values = [run.cost.cpu[part] * 1000 / run.events for run in case.runs]
            if max(values) >= 0.05:
                lines.append(Line(COSTS, f"    {part}", "ms/event", values))
        fresh = [run.cost.connections / run.events for run in case.runs]
        lines.append(Line(COSTS, f"{case.name}: new database connections", "/event", fresh, at_most=0.005))
    return lines
