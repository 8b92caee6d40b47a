"""What the processes cost while nothing happens, and how much memory they hold after all that came before."""

import time
from collections.abc import Callable

from benchmarks import machine
from benchmarks.report import Line
from benchmarks.stage import Stage

IDLE = "CPU while nothing happens"
MEMORY = "Memory after everything above (PSS: shared pages counted once)"


def measure(stage: Stage, *, rounds: int, seconds: float, say: Callable[[str], None]) -> list[Line]:
    stage.clear()
    spent = []
    for number in range(rounds):
        with machine.cost(stage.product) as cost:
            time.sleep(seconds)
        spent.append(cost)
        say(f"round {number + 1}: idle: {sum(cost.cpu.values()) / cost.seconds:.1%} of a core")
    idle = [
        Line(IDLE, part, "% of a core", [100 * cost.cpu[part] / cost.seconds for cost in spent])
        for part in machine.PARTS
    ]
    total = [100 * sum(cost.cpu.values()) / cost.seconds for cost in spent]
    held = machine.memory(stage.product)
    memory = [Line(MEMORY, f"{part} ({told['processes']})", "MiB", [told["pss"]]) for part, told in held.items()]
    resident = [Line(MEMORY, f"{part}, RSS", "MiB", [told["rss"]]) for part, told in held.items()]
    in_all = Line(MEMORY, "in all", "MiB", [sum(told["pss"] for told in held.values())])
    return [*idle, Line(IDLE, "in all", "% of a core", total), *memory, in_all, *resident]
