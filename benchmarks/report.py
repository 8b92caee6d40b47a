"""Lines of figures, as a table for people and as JSON."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

PEERS = """\
Peers on the same kind of machine (2 cores): Grafana OnCall takes 584 events/s (queued, not stored), pages after 1.1 s
at 1/s and after 40 s at 50/s, needs 126 s for a storm of 1,000, 186 ms of CPU and 10 database connections per event.
Alerta stores 180 events/s."""


@dataclass
class Line:
    """One figure, once a round; `bare` is the baseline's in the same rounds. The aims hold for the medians."""

    section: str
    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    at_least: float | None = None
    at_most: float | None = None
    ratio_at_least: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def ratio(self) -> float | None:
        return self.median / median(self.bare) if self.bare else None

    @property
    def met(self) -> bool | None:
        """Whether the aims are met; None where there is none."""
        checks = []
        if self.at_least is not None:
            checks.append(self.median >= self.at_least)
        if self.at_most is not None:
            checks.append(self.median <= self.at_most)
        if self.ratio_at_least is not None and self.ratio is not None:
            checks.append(self.ratio >= self.ratio_at_least)
        return all(checks) if checks else None

    @property
    def aim(self) -> str:
        parts = [
            f"≥ {shown(self.at_least)}" if self.at_least is not None else "",
            f"≤ {shown(self.at_most)}" if self.at_most is not None else "",
            f"≥ {self.ratio_at_least} × bare" if self.ratio_at_least is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    def cells(self) -> list[str]:
        spread = f"{shown(min(self.values))} – {shown(max(self.values))}" if len(self.values) > 1 else ""
        bare = f"{shown(median(self.bare))}" if self.bare else ""
        ratio = f"{self.ratio:.2f}" if self.ratio is not None else ""
        met = {True: "met", False: "MISSED", None: ""}[self.met]
        return [self.name, f"{shown(self.median)} {self.unit}", spread, bare, ratio, self.aim, met]


def shown(number: float | None) -> str:
    if number is None:
        return ""
    if abs(number) >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.4g}" if abs(number) >= 1 else f"{number:.3f}"


def table(lines: list[Line]) -> str:
    heads = ["", "median", "lowest – highest", "bare endpoint", "ratio", "aim", ""]
    rows = [line.cells() for line in lines]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    out = [_row(heads, widths)]
    section = ""
    for line, row in zip(lines, rows, strict=True):
        if line.section != section:
            section = line.section
            out += ["", section, "-" * len(section)]
        out.append(_row(row, widths))
    return "\n".join(out)


def _row(cells: list[str], widths: list[int]) -> str:
    aligned = [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:5], widths[1:5], strict=True))]
    return "  ".join([*aligned, cells[5].ljust(widths[5]), cells[6]]).rstrip()


def write(folder: Path, about: dict[str, Any], lines: list[Line], text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime())
    figures = [asdict(line) | {"median": line.median, "ratio": line.ratio, "met": line.met} for line in lines]
    path.with_suffix(".txt").write_text(text)
    path.write_text(json.dumps({"about": about, "lines": figures}, indent=1) + "\n")
    return path
