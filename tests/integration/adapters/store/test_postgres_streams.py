"""A stream of rows on PostgreSQL, larger than what is on its way at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from server.adapters.store.postgres.store import _Connection
from server.infra.postgres.dsn import parse_postgres_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stores.postgres_server import PostgresServer

ROWS = "select number, repeat('x', 500) from generate_series(1, :most) as number"


@contextmanager
def connect(postgres: PostgresServer) -> Iterator[_Connection]:
    with parse_postgres_url(postgres.url()).connect() as connection:
        connection.execute("begin")
        yield _Connection(connection)


def test_a_reader_that_breaks_off_leaves_its_transaction_as_it_was(postgres: PostgresServer) -> None:
    with connect(postgres) as connection:
        rows = connection.stream(ROWS, {"most": 100_000})
        assert next(rows)[0] == 1
        del rows
        assert connection.execute("select 1", {}).fetchone() == (1,)


def test_streams_of_one_transaction_come_whole_and_beside_each_other(postgres: PostgresServer) -> None:
    with connect(postgres) as connection:
        first, second = (connection.stream(ROWS, {"most": most}) for most in (1201, 700))
        assert next(first)[0] == 1
        assert [number for number, _ in second] == list(range(1, 701))
        assert [number for number, _ in first] == list(range(2, 1202))
        assert list(connection.stream(ROWS, {"most": 0})) == []
