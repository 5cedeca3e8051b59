"""A store with events in it, and a clock that is driven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.delivering.host import store_at
from tests.entities import SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from server.adapters.store.threaded import ThreadedStore


@pytest.fixture
def where(tmp_path: Path, database: str) -> str:
    """What a process is told of the store: the URL of its database, or the path of its file."""
    return database or str(tmp_path / "store.sqlite")


@pytest.fixture
async def store(where: str) -> AsyncIterator[ThreadedStore]:
    async with store_at(where) as opened:
        yield opened


@pytest.fixture
def clock() -> SetClock:
    return SetClock()
