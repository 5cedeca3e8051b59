"""A store of every adapter that the suite runs over."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import pytest

from tests.support.stores.store_adapters import LOCATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from domain.ports import Store
    from tests.support.stores.emptied_databases import EmptiedDatabases
    from tests.support.stores.store_adapters import StoreLocation

    class Databases(Protocol):
        """Where stores on PostgreSQL get theirs from."""

        def lend(self) -> AbstractContextManager[str]:
            """The URL of one that nobody else uses meanwhile."""
            ...


@pytest.fixture(scope="module", params=list(LOCATIONS))
def adapter(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def databases(emptied_databases: EmptiedDatabases) -> Databases:
    return emptied_databases


@pytest.fixture
def location(adapter: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StoreLocation]:
    with make_location(adapter, tmp_path, request) as made:
        yield made


@contextmanager
def make_location(adapter: str, folder: Path, request: pytest.FixtureRequest) -> Iterator[StoreLocation]:
    """A store of that adapter that nobody has used."""
    if adapter == "sqlite":
        yield LOCATIONS[adapter](folder)
    else:
        databases: Databases = request.getfixturevalue("databases")
        with databases.lend() as url:
            (folder / "url").write_text(url, encoding="utf-8")
            yield LOCATIONS[adapter](folder)


@pytest.fixture
async def store(location: StoreLocation) -> AsyncIterator[Store]:
    async with location.open_store() as opened:
        yield opened
