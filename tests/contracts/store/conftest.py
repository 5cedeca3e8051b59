"""A store of every adapter that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contracts.store.adapters import PLACES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.records import Store
    from tests.contracts.store.adapters import Place
    from tests.postgres import Cluster


@pytest.fixture(params=list(PLACES))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    if adapter == "sqlite":
        yield PLACES[adapter](tmp_path)
    else:
        template = request.getfixturevalue("migrated")
        cluster: Cluster = request.getfixturevalue("postgres")
        url = cluster.fresh(template)
        (tmp_path / "url").write_text(url, encoding="utf-8")
        yield PLACES[adapter](tmp_path)
        cluster.drop(url)


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store]:
    async with place.store() as opened:
        yield opened
