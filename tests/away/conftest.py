"""A PostgreSQL of one's own, which may be stopped, and the product on it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from server.adapters.store import postgres as store
from tests.away.proxy import proxy
from tests.away.stage import placed
from tests.conftest import with_every_table
from tests.postgres import cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.away.stage import Place
    from tests.postgres import Cluster

    Placing = Callable[[str], AbstractAsyncContextManager[Place]]


@pytest.fixture(scope="package")
def stoppable() -> Iterator[Cluster]:
    """A server that nobody else needs."""
    with cluster() as found:
        yield found


@pytest.fixture(scope="package")
async def template(stoppable: Cluster) -> str:
    """The name of a database with every table, to be copied."""
    return await with_every_table(stoppable.fresh())


@pytest.fixture
def placing(tmp_path: Path, stoppable: Cluster, template: str, monkeypatch: pytest.MonkeyPatch) -> Placing:
    """Makes a place of that name; there nobody waits long before saying that the store is away."""
    monkeypatch.setattr(store, "_SPARE_S", 0.5)

    @asynccontextmanager
    async def made(name: str) -> AsyncIterator[Place]:
        folder = tmp_path / name
        folder.mkdir()
        with proxy(str(stoppable.folder / f".s.PGSQL.{stoppable.port}")) as between:
            async with placed(folder, stoppable, between, template) as found:
                yield found

    return made


@pytest.fixture
async def place(placing: Placing) -> AsyncIterator[Place]:
    """One of them."""
    async with placing("place") as found:
        yield found
