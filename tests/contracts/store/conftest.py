"""A store of every adapter that the suite runs over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from server.adapters.store.postgres_tables import migrate
from server.postgres.address import parsed
from tests.contracts.store.adapters import PLACES
from tests.postgres import name_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from domain.records import Store
    from tests.contracts.store.adapters import Place
    from tests.postgres import Cluster


@pytest.fixture(params=list(PLACES))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def migrated(postgres: Cluster) -> str:
    """The name of a database with every table, to be copied; in it people's language sorts, not ours."""
    url = postgres.speaking()
    with parsed(url).connect() as connection:
        migrate(connection, parsed(url))
    return name_of(url)


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
