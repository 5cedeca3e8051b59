"""Both engines, each over something that outlives it: a journal, a folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from server.adapters.engine.engine import DurableEngine
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.engines.frequent_polling import frequent_polling
from tests.support.inline_engine import InlineEngine, JournalEntry
from tests.support.stores.emptied_databases import EmptiedDatabases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from domain.ports.engine import Engine, Saga
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

    Open = Callable[[Mapping[str, Saga]], AbstractAsyncContextManager[Any]]

__all__ = ["engine_databases", "frequent_polling", "open_engine"]


@pytest.fixture(scope="session")
def engine_databases(postgres: PostgresServer, engine_template: str) -> EmptiedDatabases:
    return EmptiedDatabases(postgres, engine_template)


@pytest.fixture(params=["inline", "sqlite", "postgres"])
def open_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens an engine; the next one that it opens finds what the former left."""
    journal: dict[str, JournalEntry] = {}
    if request.param == "inline":
        yield lambda sagas: InlineEngine(sagas, journal=journal)
    elif request.param == "sqlite":
        folder = tmp_path / "engine"
        folder.mkdir()
        shutil.copy(request.getfixturevalue("engine_file"), folder)
        yield _durable_engine_factory(folder)
    else:
        databases: EmptiedDatabases = request.getfixturevalue("engine_databases")
        with databases.lend() as url:
            yield _durable_engine_factory(parse_postgres_url(url))


def _durable_engine_factory(where: Path | PostgresAddress) -> Open:
    return lambda sagas: DurableEngine(where, sagas, watch_s=0.1, dead_after_s=0.1)


def check_port_types(inline: InlineEngine, durable: DurableEngine) -> tuple[Engine, Engine]:
    """The type checker's word that both are the port."""
    return inline, durable
