"""A store of every adapter that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contracts.store.adapters import PLACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from domain.records import Store
    from tests.contracts.store.adapters import SqlitePlace


@pytest.fixture(params=list(PLACES))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(adapter: str, tmp_path: Path) -> SqlitePlace:
    return PLACES[adapter](tmp_path)


@pytest.fixture
async def store(place: SqlitePlace) -> AsyncIterator[Store]:
    async with place.store() as opened:
        yield opened
