"""How long a client waits for its greeting, from the start of the process, beside a server of the bare SDK.

The seconds that pass say little on a busy machine, so the processor's are told beside them, and the handshake apart.
"""

from __future__ import annotations

import resource
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from tests.benchmarks.measure import Goal, Row
from tests.benchmarks.server.server_clients import Stdio, bare, ours

GOAL: Final = Goal(bound=1.3, at_most=True)


def rows(*, quick: bool) -> list[Row]:
    """Start to the answer of `initialize`, then to that of `tools/list`; both from files that are cached."""
    with tempfile.TemporaryDirectory() as folder:
        commands = {"ours": ours(Path(folder)), "bare": bare()}
        for each in commands.values():
            _greet(each)
        found: dict[str, list[_Greeting]] = {name: [] for name in commands}
        for _ in range(4 if quick else 12):
            for name, command in commands.items():
                found[name].append(_greet(command))
    mine, theirs = (_Greeting(*map(median, zip(*each, strict=True))) for each in found.values())
    return [
        _row("stdio start to initialize answered", mine.greeted_s, theirs.greeted_s, "s", GOAL),
        _row("the same, of the processor", mine.cpu_s, theirs.cpu_s, "CPU s", None),
        _row("from there to the tools listed", mine.listed_s * 1e3, theirs.listed_s * 1e3, "ms", None),
    ]


class _Greeting(NamedTuple):
    """The seconds until a server has greeted, those of the processor, and those until it then has listed its tools."""

    greeted_s: float
    cpu_s: float
    listed_s: float


def _greet(command: list[str]) -> _Greeting:
    before = _children_cpu_s()
    with closing(Stdio(command)) as server:
        began = time.perf_counter()
        server.list_tools()
        listed_s = time.perf_counter() - began
        greeted_s = server.greeted_s
    # It is killed at once, so that nothing that it does later counts.
    return _Greeting(greeted_s, _children_cpu_s() - before, listed_s)


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _row(what: str, mine: float, theirs: float, unit: str, goal: Goal | None) -> Row:
    return Row(
        what=what,
        figure=f"{mine:.2f} {unit}",
        beside=f"bare SDK server {theirs:.2f} {unit}",
        ratio=mine / theirs,
        goal=goal,
    )
