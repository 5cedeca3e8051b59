"""Orphans on SQLite; its work is done in our process, so time here is the processor's."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from server.adapters.store.sqlite.store import SqliteStore
from tests.benchmarks.store.orphan_queries import CLIENT, JOURNEY, datasets, measure_orphans, owners

if TYPE_CHECKING:
    from tests.benchmarks.measure import Row

_DATASET: Final = """
insert into datasets
  (dataset_id, client_id, journey_id, stage, dataset_type, status, created_at, running, marked, document)
values (:dataset, :client, 'j1', 'sandbox', :type, 'ready', :created, 0, 0, :document)
"""


def rows(*, quick: bool) -> list[Row]:
    """A page as the store gives it and as the use case does, a scan, and a day's count."""
    size = 20_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(measure_store, Path(folder) / "store.sqlite", size, 3 if quick else 5)


async def measure_store(path: Path, size: int, rounds: int) -> list[Row]:
    """The rows of a store in a new file, with so many datasets."""
    async with SqliteStore(path) as store:
        with closing(sqlite3.connect(path, check_same_thread=False)) as raw:

            def run_statement(sql: str) -> int:
                with raw:
                    cursor = raw.execute(sql)
                    return len(cursor.fetchall()) if cursor.description else cursor.rowcount

            await asyncio.to_thread(_fill, raw, size)
            return await measure_orphans(
                "SQLite", store, run_statement, time.process_time, size=size, rounds=rounds
            )


def _fill(raw: sqlite3.Connection, size: int) -> None:
    with raw:
        raw.executemany(CLIENT, owners(size))
        raw.executemany(JOURNEY, owners(size))
        raw.executemany(_DATASET, datasets(size))
        raw.execute("analyze")
