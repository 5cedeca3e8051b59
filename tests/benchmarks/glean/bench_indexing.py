"""Documents pushed per CPU second in the Indexing dialect, and the memory, beside Glean's own Python code.

Each push has a process of its own and goes to the sandbox, which checks, keeps and indexes what comes in another.
Theirs begin with documents in Glean's shape, ours with staged lines; the making of their models is told apart.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio

from server.adapters.glean.indexing.documents import DocumentEncoder
from tests.benchmarks.glean.adapter_push import register_datasource
from tests.benchmarks.glean.sandbox_process import TOKEN, emulator
from tests.benchmarks.measure import ROOT, Goal, Row, alone
from tests.support.glean.datasources import staged_line

if TYPE_CHECKING:
    from collections.abc import Callable

SDK_GOAL: Final = Goal(bound=5)
MEMORY_GOAL: Final = Goal(bound=1.2, at_most=True)
FEW: Final = 10_000
"""Enough that as many pages are under way as ever."""
TEXT: Final = "The ledger closed late, and the on-call engineer found the queue full of retries. " * 10
_SDK: Final = ("uv", "run", "--no-project", "--isolated", "--quiet", "--with", "glean-indexing-sdk==1.2.1")

Told = dict[str, float]


def rows(*, quick: bool) -> list[Row]:
    """Beside the SDK and the bare client, then with many documents beside few."""
    count, many = (5_000, 20_000) if quick else (20_000, 100_000)
    with tempfile.TemporaryDirectory() as folder, emulator() as (base_url, _):
        handle = anyio.run(register_datasource, base_url)
        lines = _write_staged_lines(Path(folder), count)
        shaped = _write_encoded_lines(Path(folder), lines, handle)
        given = base_url, TOKEN, handle, str(shaped)
        told = _in_turns(
            1 if quick else 5,
            {
                "ours": lambda: json.loads(alone("glean.adapter_push", base_url, str(lines))),
                "sdk": lambda: _official((*_SDK, "python"), "sdk", *given),
                "client": lambda: _official((sys.executable,), "client", *given),
            },
        )
        small, large = (
            json.loads(alone("glean.adapter_push", base_url, str(_write_staged_lines(Path(folder), each))))[
                "peak_mb"
            ]
            for each in (FEW, many)
        )
    return [
        *_beside(told, count),
        Row(
            what=f"peak memory, {many:,} documents pushed",
            figure=f"{large:.0f} MB",
            beside=f"{FEW:,} documents {small:.0f} MB",
            ratio=large / small,
            goal=MEMORY_GOAL,
        ),
    ]


def _beside(told: dict[str, Told], count: int) -> list[Row]:
    ours = told["ours"]
    found = []
    for name, who, goal in (
        ("sdk", "glean-indexing-sdk", SDK_GOAL),
        ("client", "glean-api-client, one reused", None),
    ):
        theirs = told[name]
        whole = theirs["cpu_s"] + theirs["made_s"]
        for what, took, judged in (
            ("its models made before", theirs["cpu_s"], goal),
            ("models made too", whole, None),
        ):
            found.append(
                Row(
                    what=f"upload of {count:,} documents",
                    figure=f"{count / ours['cpu_s'] / 1e3:.0f} k/CPU s",
                    beside=f"{who}, {what} {count / took / 1e3:.1f} k/CPU s",
                    ratio=took / ours["cpu_s"],
                    goal=judged,
                )
            )
        found.append(
            Row(
                what="its peak memory",
                figure=f"{ours['peak_mb']:.0f} MB",
                beside=f"{who} {theirs['peak_mb']:.0f} MB",
                ratio=ours["peak_mb"] / theirs["peak_mb"],
            )
        )
    return found


def _in_turns(rounds: int, works: dict[str, Callable[[], Told]]) -> dict[str, Told]:
    """The medians of each figure that each of them tells."""
    told: dict[str, list[Told]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            told[name].append(work())
    return {
        name: {figure: median(each[figure] for each in all_told) for figure in all_told[0]}
        for name, all_told in told.items()
    }


def _official(python: tuple[str, ...], who: str, *arguments: str) -> Told:
    script = ROOT / "tests/benchmarks/glean/official_push.py"
    done = subprocess.run(
        [*python, str(script), who, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    told: Told = json.loads(done.stdout.splitlines()[-1])
    return told


def _write_staged_lines(folder: Path, count: int) -> Path:
    path = folder / f"{count}.jsonl"
    with path.open("wb") as file:
        file.writelines(staged_line(number, TEXT) + b"\n" for number in range(count))
    return path


def _write_encoded_lines(folder: Path, lines: Path, handle: str) -> Path:
    path = folder / "shaped.jsonl"
    encode = DocumentEncoder(handle).encode
    with lines.open("rb") as staged, path.open("wb") as file:
        file.writelines(encode(each) + b"\n" for each in staged)
    return path
