"""A store with events in it, and a clock that is driven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.entities import ManualClock
from tests.support.webhooks.delivery_process import open_store_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from server.adapters.store.threaded_store import ThreadedStore


@pytest.fixture
def store_location(tmp_path: Path, database: str) -> str:
    """What a process is told of the store: the URL of its database, or the path of its file."""
    return database or str(tmp_path / "store.sqlite")


@pytest.fixture
async def store(store_location: str) -> AsyncIterator[ThreadedStore]:
    async with open_store_at(store_location) as opened:
        yield opened


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()
