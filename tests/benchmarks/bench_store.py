"""Orphans among many datasets in SQLite: a page and a whole scan, beside the same question put as one SQL statement."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from domain.mark_and_sweep import Orphans
from domain.model import Caller, DatasetStatus
from domain.orphans import LOOKED_AT
from domain.ports import DatasetQuery
from server.adapters.store.codec import encode, to_micros
from server.adapters.store.sqlite import SqliteStore
from tests.benchmarks.measure import Goal, Row, medians
from tests.entities import NOW, SetClock, dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

GOAL: Final = Goal(bound=2, at_most=True)
PAGE: Final = 100
ORPHANED: Final = 20
"""Every so-manieth dataset has a journey that is over."""

_RAW: Final = """
select d.dataset_id, d.document, j.state from datasets d
left join journeys j on j.client_id = d.client_id and j.journey_id = d.journey_id
where d.status in ('ready', 'validating', 'failed') and d.status <> 'archived' and d.created_at < :before
  and (j.state is null or j.stage <> d.stage or j.state not in ('active', 'paused') or j.lease_expires_at <= :now)
"""
_RAW_PAGE: Final = f"{_RAW} and d.dataset_id > :after order by d.dataset_id limit {PAGE}"


def rows(*, quick: bool) -> list[Row]:
    """The page and the scan."""
    size = 20_000 if quick else 200_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        return anyio.run(_measured, path, size, 3 if quick else 7)


async def _measured(path: Path, size: int, rounds: int) -> list[Row]:
    async with SqliteStore(path) as store:
        await anyio.to_thread.run_sync(_fill, path, size)
        ...
