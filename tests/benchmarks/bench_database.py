"""PostgreSQL beside SQLite: a page of orphans against the same question as one statement, and admissions.

The server flushes every commit, as one in service does. Its work is done in processes of its own, so time here is what
passes, and the machine should have nothing else to do.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import anyio
from anyio import to_thread

from domain.mark_and_sweep import Orphans
from domain.model import DatasetType
from server.adapters.store.codec import encode
from server.adapters.store.postgres import PostgresStore
from server.postgres.address import parsed
from server.postgres.dialect import statement
from tests.benchmarks.bench_store import (
    ANYBODY,
    CLIENT,
    GOAL,
    JOURNEY,
    OLD,
    ORPHANED,
    PAGE,
    PAGES,
    RAW,
    datasets,
)
from tests.benchmarks.measure import ROOT, Goal, Row
from tests.entities import DATASET, NOW, SetClock
from tests.postgres import cluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import psycopg

    from domain.records import Records

    Plain = psycopg.Connection[tuple[Any, ...]]

PROCESSES: Final = 3
_GIVEN: Final = ("dataset", "client", "type", "created", "document")
_COPY: Final = """
copy datasets
  (dataset_id, client_id, dataset_type, created_at, document, journey_id, stage, status, running, marked) from stdin
"""


def rows(*, quick: bool) -> list[Row]:
    """A page, a scan, and admissions by one process and by several at once."""
    size = 20_000 if quick else 1_000_000
    with cluster(flushing=True) as server, tempfile.TemporaryDirectory() as folder:
        found = anyio.run(_orphans, server.fresh(), size, 5 if quick else 11)
        number = 100 if quick else 500
        places = {"SQLite": f"{folder}/store.sqlite", "PostgreSQL": server.fresh()}
        return found + [_admissions(name, place, number) for name, place in places.items()]


async def _orphans(url: str, size: int, rounds: int) -> list[Row]:
    def unprotected(records: Records) -> int:
        return len(records.unprotected(OLD, NOW))

    async def paged() -> None:
        assert await store.read(unprotected) == PAGE

    async def listed() -> None:
        assert len((await orphans.list(ANYBODY, limit=PAGE)).items) == PAGE

    async def scanned() -> None:
        assert (await orphans.scan(ANYBODY)).seen == size // ORPHANED

    async with PostgresStore(parsed(url)) as store:
        orphans = Orphans(store, SetClock())
        with parsed(url).connect() as raw:
            raw.execute("set search_path = dataset_lifecycle; set jit = off")
            await to_thread.run_sync(_fill, raw, size)
            await scanned()
            await to_thread.run_sync(raw.execute, "vacuum analyze")

            async def raw_page() -> None:
                assert len(await to_thread.run_sync(_asked, raw, f"{RAW} limit {PAGE}")) == PAGE

            async def raw_scan() -> None:
                assert len(await to_thread.run_sync(_asked, raw, RAW)) == size // ORPHANED

            page, listing, theirs = await _medians(rounds, PAGES, paged, listed, raw_page)
            scan, all_theirs = await _medians(3, 1, scanned, raw_scan)
    return [
        _row(f"PostgreSQL: page of {PAGE} orphans of {size:,} datasets", page, theirs, GOAL),
        _row("the same, each with its evidence", listing, theirs),
        _row(f"PostgreSQL: orphan scan of {size:,} datasets", scan, all_theirs, GOAL),
    ]


async def _medians(rounds: int, times: int, *works: Callable[[], Awaitable[None]]) -> list[float]:
    """The median seconds of each of the works, done in turns and so many times in a turn."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, found in zip(works, took, strict=True):
            began = time.perf_counter()
            for _ in range(times):
                await work()
            found.append((time.perf_counter() - began) / times)
    return [median(each) for each in took]


def _asked(raw: Plain, sql: str) -> list[tuple[Any, ...]]:
    return raw.execute(statement(sql).encode()).fetchall()


def _fill(raw: Plain, size: int) -> None:
    clients = size // len(DatasetType)
    owners = [
        {"client": f"client-{number:07}", "state": "active" if number % ORPHANED else "completed"}
        for number in range(clients)
    ]
    with raw.transaction(), raw.cursor() as cursor:
        cursor.executemany(statement(CLIENT).encode(), owners)
        cursor.executemany(statement(JOURNEY).encode(), owners)
        with cursor.copy(_COPY) as copy:
            for row in datasets(encode(DATASET), clients):
                copy.write_row((*(row[name] for name in _GIVEN), "j1", "sandbox", "ready", 0, 0))
    raw.execute("vacuum analyze")


def _admissions(name: str, place: str, number: int) -> Row:
    alone, together = (_admitted(place, number, processes) for processes in (1, PROCESSES))
    return Row(
        what=f"{name}: admissions by {PROCESSES} processes at once",
        figure=f"{together:.0f}/s",
        beside=f"one process alone {alone:.0f}/s",
        ratio=together / alone,
    )


def _admitted(place: str, number: int, processes: int) -> float:
    """Admissions a second of so many processes, each of which makes that number."""
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.benchmarks.admitting", place, str(number)],
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


def _row(what: str, mine: float, theirs: float, goal: Goal | None = None) -> Row:
    return Row(
        what=what,
        figure=f"{mine * 1e3:.2f} ms",
        beside=f"raw SQL {theirs * 1e3:.2f} ms",
        ratio=mine / theirs,
        goal=goal,
    )
