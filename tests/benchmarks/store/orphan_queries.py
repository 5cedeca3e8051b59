"""Orphans among many datasets: a page, a whole scan and a day's count, beside the same asked by one SQL statement.

A twentieth of the datasets are orphans, their journeys completed. The page and the scan find them marked already; a day
later every mark is counted on, beside one statement that writes as many documents anew.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Final

from domain.governance.orphans import OrphanService
from domain.model.enums import DatasetType
from domain.model.principal import Principal
from domain.policy.orphans import ORPHANABLE_STATUSES
from domain.ports import DatasetQuery
from server.adapters.store.codec import encode_document, to_micros
from tests.benchmarks.measure import Goal, Row
from tests.support.entities import DATASET, NOW, ManualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from domain.ports import Store, UnitOfWork

    Ask = Callable[[str], int]

GOAL: Final = Goal(bound=2, at_most=True)
ANYBODY: Final = Principal(subject="agent:bench")
PAGE: Final = 100
PAGES: Final = 20
DAYS: Final = 3
ORPHANED: Final = 20
OLD: Final = DatasetQuery(statuses=ORPHANABLE_STATUSES, created_before=NOW - timedelta(days=7), limit=PAGE)
RAW: Final = """
select d.dataset_id, d.document, j.state from datasets d
left join journeys j on j.client_id = d.client_id and j.journey_id = d.journey_id
where d.status in ('ready', 'validating', 'failed') and d.status <> 'archived' and d.dataset_id > ''
  and (j.state is null or j.stage <> d.stage or j.state not in ('active', 'paused') or j.lease_expires_at <= 0)
order by d.dataset_id
"""
ANEW: Final = "update datasets set document = document || ' ' where marked = 1"
CLIENT: Final = (
    "insert into clients (client_id, name, industry, use_case) values (:client, :client, 'fintech', 'use')"
)
JOURNEY: Final = (
    "insert into journeys (client_id, journey_id, stage, state) values (:client, 'j1', 'sandbox', :state)"
)


def owners(size: int) -> list[dict[str, str]]:
    """The clients of so many datasets, each with a journey."""
    return [
        {"client": f"client-{number:07}", "state": "active" if number % ORPHANED else "completed"}
        for number in range(size // len(DatasetType))
    ]


def datasets(size: int) -> Iterator[dict[str, str | int]]:
    """The rows of their datasets: each client has one of every type."""
    document = encode_document(DATASET)
    for owner in owners(size):
        for each in DatasetType:
            dataset_id = f"{owner['client']}-{each}"
            own = document.replace(DATASET.dataset_id, dataset_id).replace('"acme"', f'"{owner["client"]}"')
            own = own.replace(f'"{DATASET.dataset_type}"', f'"{each}"')
            yield {
                "dataset": dataset_id,
                "client": owner["client"],
                "type": each.value,
                "created": to_micros(DATASET.created_at),
                "document": own,
            }


async def measure_orphans(
    where: str, store: Store, asked: Ask, now: Callable[[], float], *, size: int, rounds: int
) -> list[Row]:
    """The rows of a store with so many datasets; `asked` runs one statement on it and counts its rows.

    `now` tells the CPU seconds that are measured.
    """
    clock = ManualClock()
    orphans = OrphanService(store, clock)
    marked = size // ORPHANED

    def count_unprotected(uow: UnitOfWork) -> int:
        return len(uow.datasets.list_unprotected(OLD, NOW))

    async def read_page() -> None:
        assert await store.read(count_unprotected) == PAGE

    async def list_page() -> None:
        assert len((await orphans.list(ANYBODY, limit=PAGE)).items) == PAGE

    async def scan_all() -> None:
        assert (await orphans.scan(ANYBODY)).seen == marked

    async def raw_page() -> None:
        assert await asyncio.to_thread(asked, f"{RAW} limit {PAGE}") == PAGE

    async def raw_scan() -> None:
        assert await asyncio.to_thread(asked, RAW) == marked

    async def raw_day() -> None:
        assert await asyncio.to_thread(asked, ANEW) == marked

    async def day() -> None:
        clock.instant += timedelta(days=1)
        await scan_all()

    await scan_all()
    await asyncio.to_thread(asked, "vacuum" if where == "PostgreSQL" else "analyze")
    page, listing, theirs = await _medians(now, rounds, PAGES, read_page, list_page, raw_page)
    scan, all_theirs = await _medians(now, rounds, 1, scan_all, raw_scan)
    counted, anew = await _medians(now, DAYS, 1, day, raw_day)
    return [
        _row(f"{where}: page of {PAGE} orphans of {size:,} datasets", page, theirs, GOAL),
        _row(f"{where}: the same, each with its evidence", listing, theirs),
        _row(f"{where}: orphan scan of {size:,} datasets", scan, all_theirs, GOAL),
        _row(f"{where}: the same a day later, {marked:,} marks counted on", counted, all_theirs + anew),
    ]


async def _medians(
    now: Callable[[], float], rounds: int, times: int, *works: Callable[[], Awaitable[None]]
) -> list[float]:
    """The median seconds of each of the works, done in turns and so many times in a turn."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for work, found in zip(works, took, strict=True):
            began = now()
            for _ in range(times):
                await work()
            found.append((now() - began) / times)
    return [median(each) for each in took]


def _row(what: str, mine: float, theirs: float, goal: Goal | None = None) -> Row:
    return Row(
        what=what,
        figure=f"{mine * 1e3:.2f} ms CPU",
        beside=f"raw SQL {theirs * 1e3:.2f} ms CPU",
        ratio=mine / theirs,
        goal=goal,
    )
