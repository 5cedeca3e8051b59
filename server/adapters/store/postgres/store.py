"""The store on a PostgreSQL database, shared by all processes, on any machine, that have its URL."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool

from domain.ports import STORE_PATIENCE, StorePatience
from server.adapters.store.postgres.errors import translate_connection_errors, translate_postgres_errors
from server.adapters.store.postgres.migrations import NAMESPACE, WRITE_LOCK, describe_schema_state, migrate
from server.adapters.store.threaded_store import READERS, ThreadedStore
from server.adapters.store.unit_of_work import SqlUnitOfWork
from server.infra.postgres.sql_dialect import translate_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from server.adapters.store.repository import Cursor
    from server.infra.postgres.dsn import PostgresAddress

    Plain = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")
_TRIES: Final = 5
_SPARE_S: Final = 5.0
_SHORTEST_WAIT_S: Final = 0.05
"""Seconds for a connection that is free, where a call has used up its patience."""
"""Seconds to wait for a connection: often enough for a server that is being restarted."""

_PAGE: Final = 500
"""Rows of a stream that are fetched at once."""

_READ: Final = b"begin isolation level repeatable read read only"
# The lock is acquired by a statement of its own: so the first statement of the work sees what the last holder wrote.
# It ends with the transaction, however that ends. Under it, sequence numbers are in the order of commits.
_WRITE: Final = f"begin isolation level read committed; {{how}}select {WRITE_LOCK}"

# The name of the schema is our own constant, not a value of a caller, here and below.
_INSTALLATION: Final = f"select installation_id from {NAMESPACE}.installation".encode()  # noqa: S608
_UNFINISHED: Final = f"""
select exists (select 1 from {NAMESPACE}.datasets where running = 1) or exists (select 1 from {NAMESPACE}.undos)
""".encode()  # noqa: S608


class PostgresStore(ThreadedStore):
    """The store on PostgreSQL. Changes of all processes run one at a time, under one lock.

    A change waits for the lock up to `patience_s` seconds. The server ends the session of a process that stops inside a
    transaction after half that time. Every method raises StoreFailedError when the database fails or is unavailable.
    After a failure during the commit it is not known whether the change was committed.
    """

    def __init__(
        self, address: PostgresAddress, *, patience_s: float = 30, progress_every_s: float = 0.25
    ) -> None:
        super().__init__(progress_every_s)
        self._address = address
        self._patience_ms = int(patience_s * 1000)
        self._installation = ""
        self._pool: ConnectionPool[Plain] = ConnectionPool(
            address.conninfo,
            kwargs={"autocommit": True},
            configure=self._configure,
            min_size=1,
            max_size=1 + READERS,
            timeout=_SPARE_S,
            reconnect_timeout=_SPARE_S,
            num_workers=1,
            name="store",
            open=False,
        )

    def _prepare(self) -> None:
        with translate_connection_errors(self._address):
            connection = self._address.connect()
        with translate_postgres_errors(self._address), connection:
            migrate(connection, self._address)
            row = connection.execute(_INSTALLATION).fetchone()
            self._installation = str(row[0]) if row else ""
            self._pool.open()

    # An executor passes no arguments by name.
    def _transact(self, work: Callable[[SqlUnitOfWork], T], lasting: bool, /) -> T:  # noqa: FBT001
        how = "" if lasting else "set local synchronous_commit = off; "
        begin = _WRITE.format(how=how).encode()
        with translate_postgres_errors(self._address):
            for _ in range(_TRIES - 1):
                # The database rolled the transaction back, so running the work again has no effect twice.
                with suppress(errors.SerializationFailure, errors.DeadlockDetected):
                    return self._run_in_transaction(begin, work)
            return self._run_in_transaction(begin, work)

    def _read(self, work: Callable[[SqlUnitOfWork], T], /) -> T:
        with translate_postgres_errors(self._address):
            return self._run_in_transaction(_READ, work)

    def _run_in_transaction(self, begin: bytes, work: Callable[[SqlUnitOfWork], T]) -> T:
        with self._transaction(begin) as connection:
            result = work(SqlUnitOfWork(_Connection(connection), self._installation))
            connection.execute(b"commit")
        return result

    @contextmanager
    def _transaction(self, begin: bytes) -> Iterator[Plain]:
        """A connection in a transaction, which is rolled back unless it was committed."""
        connection = self._begin_on_live_connection(begin)
        try:
            yield connection
        except BaseException:
            with suppress(psycopg.Error):  # on a lost connection the server rolls back by itself
                connection.rollback()
            raise
        finally:
            self._pool.putconn(connection)

    def _begin_on_live_connection(self, begin: bytes) -> Plain:
        """Begin a transaction, skipping pooled connections that have died meanwhile."""
        while True:
            connection = self._get_connection()
            try:
                connection.execute(begin)
            except BaseException as error:
                stale = connection.closed and isinstance(error, psycopg.OperationalError)
                self._pool.putconn(connection)
                if not stale:
                    raise
            else:
                return connection

    def _get_connection(self) -> Plain:
        """A connection of the pool. All waits of one call together take no longer than one alone."""
        patience = STORE_PATIENCE.get() or StorePatience()
        began = time.monotonic()
        try:
            return self._pool.getconn(timeout=max(_SHORTEST_WAIT_S, _SPARE_S - patience.waited_s))
        finally:
            patience.waited_s += time.monotonic() - began

    def _configure(self, connection: Plain) -> None:
        connection.execute(
            f"set search_path = {NAMESPACE}; set lock_timeout = {self._patience_ms}; "
            f"set idle_in_transaction_session_timeout = {self._patience_ms // 2}; set jit = off; "
            "set cursor_tuple_fraction = 1".encode()  # a stream is read to its end
        )

    def _release(self) -> None:
        self._pool.close()


class _Connection:
    """Implements `repository.Connection`."""

    def __init__(self, connection: Plain) -> None:
        self._connection = connection
        self._streams = count(1)

    def execute(self, sql: str, values: dict[str, Any], /) -> Cursor:
        return self._connection.execute(translate_statement(sql).encode(), values)

    def stream(self, sql: str, values: dict[str, Any], /) -> Iterator[Any]:
        # A cursor of the database, which ends with the transaction. psycopg's `stream` cancels the statement when its
        # reader breaks off, and a cancelled statement fails the transaction.
        name = f"stream_{next(self._streams)}"
        declare = f"declare {name} no scroll cursor for {translate_statement(sql)}".encode()
        self._connection.execute(declare, values, prepare=False)
        fetch = f"fetch {_PAGE} from {name}".encode()
        while rows := self._connection.execute(fetch, prepare=False).fetchall():
            yield from rows

    def execute_many(self, sql: str, values: Sequence[dict[str, Any]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(translate_statement(sql).encode(), values)


def describe_pending_migration(address: PostgresAddress) -> str:
    """What the next start would migrate in the database, in words; empty for nothing.

    Raises StoreFailedError and SettingsError.
    """
    with translate_connection_errors(address):
        connection = address.connect()
    with translate_postgres_errors(address), connection:
        return describe_schema_state(connection, address)


def has_unfinished_work(address: PostgresAddress) -> bool:
    """Whether a dataset's saga or a compensation is unfinished; False when the store was not created yet.

    Raises StoreFailedError and SettingsError.
    """
    with translate_connection_errors(address):
        connection = address.connect()
    with translate_postgres_errors(address), connection:
        table = connection.execute(f"select to_regclass('{NAMESPACE}.undos')".encode()).fetchone()
        if table is None or table[0] is None:
            return False
        row = connection.execute(_UNFINISHED).fetchone()
        return row is not None and bool(row[0])


def read_existing(address: PostgresAddress, work: Callable[[SqlUnitOfWork], T]) -> T | None:
    """Read once in the database; None when it would have to be created or migrated first.

    Raises StoreFailedError and SettingsError.
    """
    with translate_connection_errors(address):
        connection = address.connect()
    with translate_postgres_errors(address), connection:
        if describe_schema_state(connection, address):
            return None
        connection.execute(f"set search_path = {NAMESPACE}".encode())
        row = connection.execute(_INSTALLATION).fetchone()
        return work(SqlUnitOfWork(_Connection(connection), str(row and row[0])))
