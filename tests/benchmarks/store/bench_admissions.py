"""Admissions a second, by one process and by several that want the same lock, beside bare transactions on SQL alone.

Each is a transaction that is flushed to the disk before the next may begin, so time here is what passes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from typing import Final

from tests.benchmarks.measure import ROOT, Row, medians
from tests.benchmarks.store.admission_process import WAYS
from tests.support.stores.postgres_server import run_postgres

PROCESSES: Final = 3


def rows(*, quick: bool) -> list[Row]:
    """Both databases."""
    number, rounds = (100, 2) if quick else (400, 5)
    with run_postgres(flushing=True) as server, tempfile.TemporaryDirectory() as folder:
        places = {"SQLite": f"{folder}/store.sqlite", "PostgreSQL": server.create_database()}
        return [
            row for name, place in places.items() for row in _measure_admissions(name, place, number, rounds)
        ]


def _measure_admissions(name: str, place: str, number: int, rounds: int) -> list[Row]:
    works = {
        f"{way} {processes}": partial(_a_second, way, place, number, processes)
        for processes in (1, PROCESSES)
        for way in WAYS
    }
    found = medians(rounds, works)
    return [
        Row(
            what=f"{name}: admissions by {who}",
            figure=f"{found[f'ours {processes}']:.0f}/s",
            beside=f"bare transactions {found[f'bare {processes}']:.0f}/s",
            ratio=found[f"ours {processes}"] / found[f"bare {processes}"],
        )
        for processes, who in ((1, "one process"), (PROCESSES, f"{PROCESSES} processes at once"))
    ]


def _a_second(way: str, place: str, number: int, processes: int) -> float:
    """Transactions a second of so many processes, each of which makes that number."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.benchmarks.store.admission_process",
                        way,
                        place,
                        str(number),
                    ],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(processes)
        ]
        for each in started:
            assert each.stdout
            assert each.stdout.readline() == "ready\n"
        began = time.perf_counter()
        for each in started:
            each.communicate("go\n")
        return processes * number / (time.perf_counter() - began)
