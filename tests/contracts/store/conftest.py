"""A store of every adapter that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.stores.store_adapters import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.ports import Store
    from tests.support.stores.postgres_server import PostgresServer
    from tests.support.stores.store_adapters import StoreLocation


@pytest.fixture(params=list(LOCATIONS))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def location(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StoreLocation]:
    if adapter == "sqlite":
        yield LOCATIONS[adapter](tmp_path)
    else:
        template = request.getfixturevalue("store_template")
        cluster: PostgresServer = request.getfixturevalue("postgres")
        url = cluster.create_database(template)
        (tmp_path / "url").write_text(url, encoding="utf-8")
        yield LOCATIONS[adapter](tmp_path)
        cluster.drop_database(url)


@pytest.fixture
async def store(location: StoreLocation) -> AsyncIterator[Store]:
    async with location.open_store() as opened:
        yield opened
