"""A store alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.store.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "alone.sqlite", progress_every_s=0) as opened:
        yield opened
