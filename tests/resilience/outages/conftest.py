"""A PostgreSQL of one's own, which may be stopped, and the product on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from server.adapters.store.postgres import store
from tests.conftest import create_template_database
from tests.support.resilience.outages.database_proxy import run_proxy
from tests.support.resilience.outages.installation import open_installation
from tests.support.stores.postgres_server import run_postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.resilience.outages.installation import Installation
    from tests.support.stores.postgres_server import PostgresServer

    Placing = Callable[[str], AbstractAsyncContextManager[Installation]]


@pytest.fixture(scope="package")
def stoppable_postgres() -> Iterator[PostgresServer]:
    """A server that nobody else needs."""
    with run_postgres() as found:
        yield found


@pytest.fixture(scope="package")
async def database_template(stoppable_postgres: PostgresServer) -> str:
    """The name of a database with every table, to be copied."""
    return await create_template_database(stoppable_postgres.create_database())


@pytest.fixture
def make_installation(
    tmp_path: Path,
    stoppable_postgres: PostgresServer,
    database_template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Placing:
    """Makes a place of that name; there nobody waits long before saying that the store is away."""
    monkeypatch.setattr(store, "_SPARE_S", 0.5)

    @asynccontextmanager
    async def open_named_installation(name: str) -> AsyncIterator[Installation]:
        folder = tmp_path / name
        folder.mkdir()
        with run_proxy(str(stoppable_postgres.folder / f".s.PGSQL.{stoppable_postgres.port}")) as between:
            async with open_installation(folder, stoppable_postgres, between, database_template) as found:
                yield found

    return open_named_installation


@pytest.fixture
async def installation(make_installation: Placing) -> AsyncIterator[Installation]:
    """One of them."""
    async with make_installation("place") as found:
        yield found
