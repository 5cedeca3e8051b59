"""Every figure of the performance goals, in one run and one table: `python -m tests.benchmarks [--quick] [PART …]`.

Each part runs in a process of its own, so that no part's imports and memory are another's. Only ratios are judged, to
peers timed beside it in the same run; seconds are told for interest. `--quick` takes small sizes: under a minute.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks.measure import PARTS, measure_part

if TYPE_CHECKING:
    from tests.benchmarks.measure import Row

WIDTH: Final = 144
_COLOURS: Final = {"reached": "green", "half of it": "yellow", "MISSED": "red"}


def main() -> None:
    """Measure the parts that are named, or all, and print the table."""
    parser = argparse.ArgumentParser(prog="just bench", description="Measure against peers in the same run.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute")
    given = parser.parse_args()
    if strange := [each for each in given.parts if each not in PARTS]:
        parser.error(f"there is no part {', '.join(strange)}; there are {', '.join(PARTS)}")
    table = Table("what", "figure", "beside", "ratio", "goal", "verdict", box=None, header_style="bold")
    for column in (3, 4):
        table.columns[column].justify = "right"
    began = time.monotonic()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for name in given.parts or PARTS:
            sys.stderr.write(f"{time.monotonic() - began:4.0f} s  measuring {name}\n")
            for row in processes.submit(measure_part, name, quick=given.quick).result():
                table.add_row(*_cells(row))
            table.add_section()
    Console(width=WIDTH).print(table)
    sys.stderr.write(f"{time.monotonic() - began:4.0f} s in all\n")


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    if row.goal is None or row.ratio is None:
        return row.what, row.figure, row.beside, ratio, "", ""
    verdict = row.goal.verdict(row.ratio)
    return row.what, row.figure, row.beside, ratio, str(row.goal), f"[{_COLOURS[verdict]}]{verdict}"


if __name__ == "__main__":
    main()
