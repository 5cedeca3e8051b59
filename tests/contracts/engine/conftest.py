"""Both engines, each over something that outlives it: a journal, a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from server.adapters.engine.engine import DurableEngine
from server.infra.postgres.dsn import parse_postgres_url
from tests.support.inline_engine import InlineEngine, JournalEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from domain.ports.engine import Engine, Saga
    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

    Open = Callable[[Mapping[str, Saga]], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["inline", "sqlite", "postgres"])
def open_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens an engine; the next one that it opens finds what the former left."""
    journal: dict[str, JournalEntry] = {}
    if request.param == "inline":
        yield lambda sagas: InlineEngine(sagas, journal=journal)
    elif request.param == "sqlite":
        yield _durable_engine_factory(tmp_path / "engine")
    else:
        cluster: PostgresServer = request.getfixturevalue("postgres")
        url = cluster.create_database(request.getfixturevalue("engine_template"))
        yield _durable_engine_factory(parse_postgres_url(url))
        cluster.drop_database(url)


def _durable_engine_factory(where: Path | PostgresAddress) -> Open:
    return lambda sagas: DurableEngine(where, sagas, watch_s=0.1, dead_after_s=0.1)


def check_port_types(inline: InlineEngine, durable: DurableEngine) -> tuple[Engine, Engine]:
    """The type checker's word that both are the port."""
    return inline, durable
