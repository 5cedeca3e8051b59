"""Orphans among many datasets in SQLite: a page and a whole scan, beside the same question put as one SQL statement.

A twentieth of the datasets are orphans, their journeys completed. The scan is one that finds them marked already.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from domain.callers import Caller
from domain.mark_and_sweep import Orphans
from domain.model import DatasetType
from domain.orphans import LOOKED_AT
from domain.records import DatasetQuery
from server.adapters.store.codec import encode, to_micros
from server.adapters.store.sqlite import SqliteStore
from tests.benchmarks.measure import Goal, Row
from tests.entities import DATASET, NOW, SetClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from domain.records import Records

GOAL: Final = Goal(bound=2, at_most=True)
ANYBODY: Final = Caller(subject="agent:bench")
PAGE: Final = 100
PAGES: Final = 20
ORPHANED: Final = 20
OLD: Final = DatasetQuery(statuses=LOOKED_AT, created_before=NOW - timedelta(days=7), limit=PAGE)
RAW: Final = """
select d.dataset_id, d.document, j.state from datasets d
left join journeys j on j.client_id = d.client_id and j.journey_id = d.journey_id
where d.status in ('ready', 'validating', 'failed') and d.status <> 'archived' and d.dataset_id > ''
  and (j.state is null or j.stage <> d.stage or j.state not in ('active', 'paused') or j.lease_expires_at <= 0)
order by d.dataset_id
"""
CLIENT: Final = "insert into clients values (:client, :client, 'fintech', 'use')"
JOURNEY: Final = "insert into journeys values (:client, 'j1', 'sandbox', :state, null)"
_DATASET: Final = """
insert into datasets
  (dataset_id, client_id, journey_id, stage, dataset_type, status, created_at, running, marked, document)
values (:dataset, :client, 'j1', 'sandbox', :type, 'ready', :created, 0, 0, :document)
"""


def rows(*, quick: bool) -> list[Row]:
    """A page as the store gives it and as the use case does, and a scan."""
    size = 20_000 if quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        return anyio.run(_measured, Path(folder) / "store.sqlite", size, 5 if quick else 11)


async def _measured(path: Path, size: int, rounds: int) -> list[Row]:
    def unprotected(records: Records) -> int:
        return len(records.unprotected(OLD, NOW))

    async def paged() -> None:
        assert await store.read(unprotected) == PAGE

    async def listed() -> None:
        assert len((await orphans.list(ANYBODY, limit=PAGE)).items) == PAGE

    async def scanned() -> None:
        assert (await orphans.scan(ANYBODY)).seen == size // ORPHANED

    async with SqliteStore(path) as store:
        await to_thread.run_sync(_fill, path, size)
        orphans = Orphans(store, SetClock())
        await scanned()
        with closing(sqlite3.connect(path, check_same_thread=False)) as raw:

            async def raw_page() -> None:
                assert len(await to_thread.run_sync(_asked, raw, f"{RAW} limit {PAGE}")) == PAGE

            async def raw_scan() -> None:
                assert len(await to_thread.run_sync(_asked, raw, RAW)) == size // ORPHANED

            page, listing, theirs = await _medians(rounds, PAGES, paged, listed, raw_page)
            scan, all_theirs = await _medians(rounds, 1, scanned, raw_scan)
    return [
        _row(f"page of {PAGE} orphans of {size:,} datasets", page, theirs, GOAL),
        _row("the same, each with its evidence", listing, theirs),
        _row(f"orphan scan of {size:,} datasets", scan, all_theirs, GOAL),
    ]


async def _medians(rounds: int, times: int, *works: Callable[[], Awaitable[None]]) -> list[float]:
    """The median CPU seconds of each of the works, done in turns and so many times in a turn."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, found in zip(works, took, strict=True):
            began = time.process_time()
            for _ in range(times):
                await work()
            found.append((time.process_time() - began) / times)
    return [median(each) for each in took]


def _asked(raw: sqlite3.Connection, sql: str) -> list[tuple[str, str, str]]:
    return raw.execute(sql).fetchall()


def _fill(path: Path, size: int) -> None:
    """A client of four datasets after the other."""
    document = encode(DATASET)
    clients = size // len(DatasetType)
    with closing(sqlite3.connect(path)) as raw, raw:
        owners = [
            {"client": f"client-{number:07}", "state": "active" if number % ORPHANED else "completed"}
            for number in range(clients)
        ]
        raw.executemany(CLIENT, owners)
        raw.executemany(JOURNEY, owners)
        raw.executemany(_DATASET, datasets(document, clients))
        raw.execute("analyze")


def datasets(document: str, clients: int) -> Iterator[dict[str, str | int]]:
    """The rows of so many clients, each with a dataset of every type."""
    for number in range(clients):
        client = f"client-{number:07}"
        for each in DatasetType:
            dataset_id = f"{client}-{each}"
            own = document.replace(DATASET.dataset_id, dataset_id).replace('"acme"', f'"{client}"')
            own = own.replace(f'"{DATASET.dataset_type}"', f'"{each}"')
            yield {
                "dataset": dataset_id,
                "client": client,
                "type": each.value,
                "created": to_micros(DATASET.created_at),
                "document": own,
            }


def _row(what: str, mine: float, theirs: float, goal: Goal | None = None) -> Row:
    return Row(
        what=what,
        figure=f"{mine * 1e3:.2f} ms CPU",
        beside=f"raw SQL {theirs * 1e3:.2f} ms CPU",
        ratio=mine / theirs,
        goal=goal,
    )
