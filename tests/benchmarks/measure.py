"""How the figures are made: peers timed in turns in one run, compared by their medians, never by the clock alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT: Final = Path(__file__).parent.parent.parent
_PEAK: Final = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a ratio should reach: at least `bound`, or at most it."""

    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"

    def verdict(self, ratio: float) -> str:
        """How far the ratio is: the goal itself, half of it, or neither."""
        if self.at_most and not ratio:
            return "reached"
        share = self.bound / ratio if self.at_most else ratio / self.bound
        return "reached" if share >= 1 else "half of it" if share >= 0.5 else "MISSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: what was measured, beside what, and how they compare.

    `ratio` and `goal` are None for a figure that is only told.
    """

    what: str
    figure: str
    beside: str = ""
    ratio: float | None = None
    goal: Goal | None = None


PARTS: Final = {
    "pipeline": "pipeline",
    "generation": "pipeline",
    "call": "server",
    "start": "server",
    "idle": "server",
    "commands": "server",
    "push": "glean",
    "indexing": "glean",
    "waiting": "glean",
    "sagas": "engine",
    "adoption": "engine",
    "store": "store",
    "database": "store",
    "admissions": "store",
    "audit": "pipeline",
    "provision": "pipeline",
    "sanitizer": "pipeline",
}
"""Every part, in the order of the table, and the folder that it is in."""


def measure_part(part: str, *, quick: bool) -> list[Row]:
    """The rows of a part."""
    found: list[Row] = import_module(f"tests.benchmarks.{PARTS[part]}.bench_{part}").rows(quick=quick)
    return found


def medians(rounds: int, works: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of what each of the works answers, done in turns so that a busy machine is busy for all of them."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(work())
    return {name: median(values) for name, values in found.items()}


def peak_mb() -> float:
    """The most memory that this process ever had resident, in MB; unlike `getrusage`, without its parent's share."""
    found = _PEAK.search(Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6


def processor_s(parent: int) -> float:
    """CPU seconds of this process, and of a process and its children, those that have ended included."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended, and its parent has its time
            continue
        if parent in {int(stat.parent.name), int(fields[1])}:
            ticks += sum(map(int, fields[11:15]))
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def alone(module: str, *arguments: str) -> str:
    """What `tests.benchmarks.<module>` prints last in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout.splitlines()[-1]
