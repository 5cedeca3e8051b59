"""Engine journal on PostgreSQL: the schema `dbos` in the database of the store."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout

from domain.errors import Recovery, SettingsError, StoreFailedError, StoreUnavailableError
from server.adapters.engine.journal import CREATE_ATTEMPTS, Journal
from server.infra.postgres.errors import interpret_error
from server.infra.postgres.sql_dialect import translate_statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server.adapters.engine.journal import Values
    from server.infra.postgres.dsn import PostgresAddress

    Plain = psycopg.Connection[tuple[Any, ...]]

_NAMESPACE: Final = "dbos"
_PREPARE_LOCK: Final = b"select pg_advisory_xact_lock(1684368495, 3)"
_SPARE_S: Final = 5.0
_MAX_CONNECTIONS: Final = 2


class PostgresJournal(Journal):
    """The journal on PostgreSQL, with a small connection pool of its own."""

    def __init__(self, address: PostgresAddress) -> None:
        self._address = address
        self._pool: ConnectionPool[Plain] | None = None
        self._guard = threading.Lock()

    def prepare(self) -> None:
        with self._connection() as connection:
            try:
                with connection.transaction():
                    # Two processes that create the same schema at once would fail one another.
                    connection.execute(_PREPARE_LOCK)
                    schema_exists = b"select 1 from pg_catalog.pg_namespace where nspname = 'dbos'"
                    if connection.execute(schema_exists).fetchone() is None:
                        connection.execute(b"create schema dbos")
                    connection.execute(CREATE_ATTEMPTS.encode())
            except errors.InsufficientPrivilege as error:
                raise SettingsError(
                    f"The user of {self._address.name} may not create the saga engine's tables.",
                    field="store.url",
                    suggested_action="Make it the owner of the database, or run: CREATE SCHEMA dbos AUTHORIZATION ….",
                ) from error

    def close(self) -> None:
        with self._guard:
            pool, self._pool = self._pool, None
        if pool:
            pool.close()

    def _query(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        with self._connection() as connection:
            try:
                return connection.execute(translate_statement(statement).encode(), values).fetchall()
            # Nothing was ever started in this database, or DBOS has not yet created its tables.
            except (errors.UndefinedTable, errors.InvalidSchemaName):
                return []

    def _execute(self, statement: str, *values: Values) -> None:
        with self._connection() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(translate_statement(statement).encode(), values)

    @contextmanager
    def _connection(self) -> Iterator[Plain]:
        with translate_database_errors(self._address, "failed"), self._open_pool().connection() as connection:
            yield connection

    def _open_pool(self) -> ConnectionPool[Plain]:
        with self._guard:  # two threads would otherwise create two pools, one of which nobody closes
            if self._pool is None:
                self._pool = ConnectionPool(
                    self._address.conninfo,
                    kwargs={"autocommit": True},
                    configure=_configure_connection,
                    check=ConnectionPool.check_connection,
                    min_size=0,
                    max_size=_MAX_CONNECTIONS,
                    timeout=_SPARE_S,
                    reconnect_timeout=_SPARE_S,
                    num_workers=1,
                    name="journal",
                    open=True,
                )
            return self._pool


@contextmanager
def translate_database_errors(address: PostgresAddress, what: str) -> Iterator[None]:
    """Translate the driver's errors into StoreFailedError or StoreUnavailableError, naming database and cause."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreUnavailableError(
            f"The saga engine's database {address.name} {what}: it cannot be reached.", recovery=Recovery.WAIT
        ) from error
    except psycopg.Error as error:
        meaning = interpret_error(error)
        failure = StoreUnavailableError if meaning.unavailable else StoreFailedError
        raise failure(
            f"The saga engine's database {address.name} {what}: {meaning.why}.", recovery=meaning.recovery
        ) from error


def _configure_connection(connection: Plain) -> None:
    connection.execute(f"set search_path = {_NAMESPACE}".encode())
