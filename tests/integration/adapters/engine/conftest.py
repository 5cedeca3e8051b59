"""Where an engine keeps its sagas, and processes with an engine each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from server.infra.postgres.dsn import parse_postgres_url
from tests.support.engines.frequent_polling import frequent_polling
from tests.support.engines.processes import engine_processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.infra.postgres.dsn import PostgresAddress
    from tests.support.stores.postgres_server import PostgresServer

__all__ = ["engine_location", "engine_processes", "frequent_polling"]


@pytest.fixture(params=["sqlite", "postgres"])
def engine_location(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path | PostgresAddress]:
    """What an engine is given: a folder, or a database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("engine_file"), tmp_path)
        yield tmp_path
    else:
        cluster: PostgresServer = request.getfixturevalue("postgres")
        url = cluster.create_database(request.getfixturevalue("engine_template"))
        yield parse_postgres_url(url)
        cluster.drop_database(url)
