"""A store with events in it, and a clock that is driven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.store.sqlite import SqliteStore
from tests.entities import SetClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.sqlite", progress_every_s=0) as opened:
        yield opened


@pytest.fixture
def clock() -> SetClock:
    return SetClock()
