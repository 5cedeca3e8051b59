"""The engine's database on PostgreSQL: the schema `dbos` of the store's own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout

from domain.errors import Recovery, SettingsError, StoreAwayError, StoreFailedError
from server.adapters.engine.journal import ATTEMPTS, Journal
from server.postgres.dialect import statement
from server.postgres.failures import meaning_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.engine.journal import Values
    from server.postgres.address import Address

    Plain = psycopg.Connection[tuple[Any, ...]]

_NAMESPACE: Final = "dbos"
_PREPARING: Final = b"select pg_advisory_xact_lock(1684368495, 3)"
_SPARE_S: Final = 5.0
_LOOKERS: Final = 2


class PostgresJournal(Journal):
    """Looks through few connections of its own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pool: ConnectionPool[Plain] | None = None
        self._guard = threading.Lock()

    def prepare(self) -> None:
        with self._connected() as connection:
            try:
                with connection.transaction():
                    connection.execute(_PREPARING)
                    known = b"select 1 from pg_catalog.pg_namespace where nspname = 'dbos'"
                    if connection.execute(known).fetchone() is None:
                        connection.execute(b"create schema dbos")
                    connection.execute(ATTEMPTS.encode())
            except errors.InsufficientPrivilege as error:
                raise SettingsError(
                    f"The user of {self._address.name} may not create the saga engine's tables.",
                    field="store.url",
                    suggested_action="Let it own the database, or make a schema: CREATE SCHEMA dbos AUTHORIZATION ….",
                ) from error

    def close(self) -> None:
        with self._guard:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def _look(self, question: str, values: Values) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            try:
                return connection.execute(statement(question).encode(), values).fetchall()
            except (errors.UndefinedTable, errors.InvalidSchemaName):
                return []

    def _change(self, statement_: str, *values: Values) -> None:
        with self._connected() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(statement(statement_).encode(), values)

    @contextmanager
    def _connected(self) -> Iterator[Plain]:
        with told(self._address, "failed"), self._opened().connection() as connection:
            yield connection

    def _opened(self) -> ConnectionPool[Plain]:
        with self._guard:  # of two that are made at once, one would be left to the garbage collector
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._address.conninfo,
                    kwargs={"autocommit": True},
                    configure=_configured,
                    check=ConnectionPool.check_connection,
                    min_size=0,
                    max_size=_LOOKERS,
                    timeout=_SPARE_S,
                    reconnect_timeout=_SPARE_S,
                    num_workers=1,
                    name="journal",
                    open=True,
                )
            return self._pool


@contextmanager
def told(address: Address, what: str) -> Iterator[None]:
    """Raise StoreFailedError, naming the database and what is wrong with it."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreAwayError(
            f"The saga engine's database {address.name} {what}: it cannot be reached.", recovery=Recovery.WAIT
        ) from error
    except psycopg.Error as error:
        meaning = meaning_of(error)
        failure = StoreAwayError if meaning.away else StoreFailedError
        raise failure(
            f"The saga engine's database {address.name} {what}: {meaning.why}.", recovery=meaning.recovery
        ) from error


def _configured(connection: Plain) -> None:
    connection.execute(f"set search_path = {_NAMESPACE}".encode())
