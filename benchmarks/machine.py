"""What the processes of a running product cost: CPU, memory, database connections; and on which machine."""

import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.product import PROCESSES, Product

TICK = os.sysconf("SC_CLK_TCK")
PARTS = (*PROCESSES, "postgres")
SESSIONS = "SELECT sum(sessions)::int AS sessions FROM pg_stat_database WHERE datname = current_database()"


@dataclass
class Cost:
    """CPU seconds by part, and new database connections, of one stretch of time."""

    cpu: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    seconds: float = 0.0


def members(product: Product) -> dict[str, list[int]]:
    """The processes of each part, PostgreSQL's backends and the web server's workers among them."""
    heads = {product.pid(name): name for name in PARTS}
    pids: dict[str, list[int]] = {name: [] for name in PARTS}
    parents = {pid: int(stat[1]) for pid, stat in stats()}
    for pid in parents:
        ancestor = pid
        while ancestor > 1 and ancestor not in heads:
            ancestor = parents.get(ancestor, 0)
        if ancestor in heads:
            pids[heads[ancestor]].append(pid)
    return pids


def stats() -> Iterator[tuple[int, list[str]]]:
    """Each process with the fields of its /proc/PID/stat from the third on: state, parent …"""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield int(path.parent.name), path.read_text().rpartition(")")[2].split()
        except OSError:
            continue


def cpu(product: Product) -> Counter[str]:
    """Seconds so far, user and system, by part; those of children that have ended are in their parent's."""
    all_stats = dict(stats())
    return Counter(
        {
            name: sum(int(ticks) for pid in pids if pid in all_stats for ticks in all_stats[pid][11:15]) / TICK
            for name, pids in members(product).items()
        }
    )


def sessions(product: Product) -> int:
    return product.rows(SESSIONS)[0]["sessions"]


@contextmanager
def cost(product: Product) -> Iterator[Cost]:
    """Fills in what the block costs."""
    spent = Cost()
    before, connected, began = cpu(product), sessions(product), time.monotonic()
    yield spent
    spent.seconds = time.monotonic() - began
    after = cpu(product)
    time.sleep(1.5)  # a backend hands in its counts once a second
    spent.cpu = Counter({name: round(after[name] - before[name], 2) for name in PARTS})
    spent.connections = sessions(product) - connected


def memory(product: Product) -> dict[str, dict[str, float]]:
    """MiB by part: RSS counts shared pages for each process, PSS a share of them."""
    told = {}
    for name, pids in members(product).items():
        sums: Counter[str] = Counter()
        for pid in pids:
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            except OSError:
                continue
            sums.update({line.partition(":")[0]: int(line.split()[1]) for line in lines})
        told[name] = {"rss": sums["Rss"] / 1024, "pss": sums["Pss"] / 1024, "processes": len(pids)}
    return told


def here() -> dict[str, Any]:
    """The machine."""
    info = Path("/proc/cpuinfo").read_text()
    model = next((line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")), "?")
    total = int(Path("/proc/meminfo").read_text().split()[1]) // 1024 // 1024
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory": f"{total} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 2),
    }
