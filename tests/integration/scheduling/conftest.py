"""One folder with a sandbox in it, and a store alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.store.sqlite.store import SqliteStore
from tests.support.world import DIALECTS, World, open_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path, database: str, dialect: str) -> AsyncIterator[World]:
    async with open_world(tmp_path, records=10, database=database, dialect=DIALECTS[dialect]) as found:
        yield found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "alone.sqlite", progress_every_s=0) as opened:
        yield opened
