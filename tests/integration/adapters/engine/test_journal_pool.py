"""The looks of many threads go through one pool of few connections."""

from __future__ import annotations

import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import anyio.to_thread
from psycopg_pool import ConnectionPool

from server.adapters.engine import postgres_journal
from server.adapters.engine.postgres_journal import PostgresJournal
from server.infra.postgres.dsn import parse_postgres_url

if TYPE_CHECKING:
    import pytest

    from tests.support.stores.postgres_server import PostgresServer


async def test_threads_that_look_for_the_first_time_at_once_make_one_pool(
    postgres: PostgresServer, engine_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, made = threading.Barrier(2), list[object]()

    class Counted(ConnectionPool[Any]):
        def __init__(self, *given: Any, **named: Any) -> None:
            made.append(self)
            with suppress(threading.BrokenBarrierError):
                both.wait(0.5)
            super().__init__(*given, **named)

    monkeypatch.setattr(postgres_journal, "ConnectionPool", Counted)
    url = postgres.create_database(engine_template)
    with closing(PostgresJournal(parse_postgres_url(url))) as journal:
        async with anyio.create_task_group() as looks:
            for saga_id in ("s1", "s2"):
                looks.start_soon(anyio.to_thread.run_sync, journal.has_ended, saga_id)
        assert len(made) == 1
    postgres.drop_database(url)
