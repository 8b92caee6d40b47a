"""How many events a second are stored, beside a bare Django endpoint that does the same three statements."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.report import Line
from benchmarks.stage import Bare, Stage

KEYS = {"new keys": 0, "100 keys": 100, "one hot key": 1}
WEB_ONLY = "Intake, nobody works behind the web (workers held still), one event a post"
IN_BATCHES = "Intake, nobody works behind the web, 100 events a post"
WORKING = "Intake while everything works: each new alert is paged at the same time"
UNIT = "events/s"


@dataclass
class Case:
    line: Line
    job: dict[str, Any]
    with_bare: bool = False


def web_only_cases() -> list[Case]:
    cases = []
    for name, keys in KEYS.items():
        for connections in (8, 32):
            line = Line(WEB_ONLY, f"{name}, {connections} connections", UNIT, ratio_at_least=0.7)
            cases.append(Case(line, {"keys": keys, "connections": connections}, with_bare=True))
    for name, keys in KEYS.items():
        for connections in (8, 32):
            line = Line(IN_BATCHES, f"{name}, {connections} connections", UNIT, at_least=5000)
            cases.append(Case(line, {"keys": keys, "connections": connections, "batch": 100}))
    for connections in (8, 32):
        line = Line(IN_BATCHES, f"Alertmanager, new keys, {connections} connections", UNIT, at_least=5000)
        cases.append(Case(line, {"keys": 0, "connections": connections, "batch": 100, "format": "alertmanager"}))
    return cases


def working_cases() -> list[Case]:
    return [
        Case(Line(WORKING, "new keys, 32 connections", UNIT), {"keys": 0, "connections": 32}),
        Case(Line(WORKING, "100 keys, 32 connections", UNIT), {"keys": 100, "connections": 32}),
        Case(Line(WORKING, "new keys, 100 a post, 8 connections", UNIT), {"keys": 0, "connections": 8, "batch": 100}),
    ]


def measure(stage: Stage, *, rounds: int, seconds: float, say: Callable[[str], None]) -> list[Line]:
    still, working = web_only_cases(), working_cases()
    with stage.web_only(), Bare(stage) as bare:
        for sender in (stage, bare):  # connections, caches, first plans
            sender.send(connections=32, seconds=2)
        for number in range(rounds):
            for case in still:
                case.line.values.append(one(stage, case, seconds, say, f"round {number + 1}"))
                if case.with_bare:
                    case.line.bare.append(one(bare, case, seconds, say, f"round {number + 1}, bare"))
    for number in range(rounds):
        for case in working:
            case.line.values.append(one(stage, case, seconds, say, f"round {number + 1}"))
    return [case.line for case in (*still, *working)]


def one(sender: Stage | Bare, case: Case, seconds: float, say: Callable[[str], None], which: str) -> float:
    sender.clear()
    told = sender.send(seconds=seconds, services=1, **case.job)
    sender.clear()
    assert not told["not_accepted"], f"{case.line.name}: answers that are not 202: {told['not_accepted']}"
    say(f"{which}: {case.line.section}, {case.line.name}: {told['per_second']:.0f} events/s")
    return told["per_second"]
