"""Orphans on PostgreSQL.

The server flushes every commit, as one in service does. Its work is done in processes of its own, so time here is the
processor's in ours and in all of the server's together.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio

from server.adapters.store.postgres.store import PostgresStore
from server.infra.postgres.dsn import parse_postgres_url
from server.infra.postgres.sql_dialect import translate_statement
from tests.benchmarks.measure import processor_s
from tests.benchmarks.store.orphan_queries import CLIENT, JOURNEY, datasets, measure_orphans, owners
from tests.support.stores.postgres_server import run_postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from tests.benchmarks.measure import Row

    Plain = psycopg.Connection[tuple[Any, ...]]

_GIVEN: Final = ("dataset", "client", "type", "created", "document")
_COPY: Final = """
copy datasets
  (dataset_id, client_id, dataset_type, created_at, document, journey_id, stage, status, running, marked) from stdin
"""


def rows(*, quick: bool) -> list[Row]:
    """A page as the store gives it and as the use case does, a scan, and a day's count."""
    size = 20_000 if quick else 1_000_000
    with run_postgres(flushing=True) as server:
        now = partial(processor_s, server.pid)
        return anyio.run(_measure_database, server.create_database(), now, size, 3 if quick else 5)


async def _measure_database(url: str, now: Callable[[], float], size: int, rounds: int) -> list[Row]:
    async with PostgresStore(parse_postgres_url(url)) as store:
        with parse_postgres_url(url).connect() as raw:
            raw.execute("set search_path = dataset_lifecycle; set jit = off")

            def run_statement(sql: str) -> int:
                cursor = raw.execute(translate_statement(sql).encode())
                return len(cursor.fetchall()) if cursor.description else cursor.rowcount

            await asyncio.to_thread(_fill, raw, size)
            return await measure_orphans("PostgreSQL", store, run_statement, now, size=size, rounds=rounds)


def _fill(raw: Plain, size: int) -> None:
    with raw.transaction(), raw.cursor() as cursor:
        cursor.executemany(translate_statement(CLIENT).encode(), owners(size))
        cursor.executemany(translate_statement(JOURNEY).encode(), owners(size))
        with cursor.copy(_COPY) as copy:
            for row in datasets(size):
                copy.write_row((*(row[name] for name in _GIVEN), "j1", "sandbox", "ready", 0, 0))
    raw.execute("vacuum analyze")
