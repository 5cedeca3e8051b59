"""The store on one SQLite file, shared by all processes of one machine that use the data folder."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

from domain.errors import Recovery, StoreFailedError
from server.adapters.store.sqlite.errors import translate_sqlite_errors
from server.adapters.store.sqlite.file import connect_sqlite, prepare_sqlite_file
from server.adapters.store.threaded_store import ThreadedStore
from server.adapters.store.unit_of_work import SqlUnitOfWork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from sqlite3 import Connection

    from server.adapters.store.repository import Cursor

T = TypeVar("T")


class SqliteConnection:
    """Implements `repository.Connection`."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    def execute(self, sql: str, values: dict[str, Any], /) -> Cursor:
        return self._db.execute(sql, values)

    def stream(self, sql: str, values: dict[str, Any], /) -> Iterator[Any]:
        return self._db.execute(sql, values)

    def execute_many(self, sql: str, values: Sequence[dict[str, Any]], /) -> None:
        self._db.executemany(sql, values)


class SqliteStore(ThreadedStore):
    """The store on SQLite. Each change is one `BEGIN IMMEDIATE` transaction.

    A change waits up to `busy_timeout_s` seconds for other processes. Every method raises StoreFailedError when the
    file or its disk fails.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 30, progress_every_s: float = 0.25) -> None:
        super().__init__(progress_every_s)
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._per_thread = threading.local()
        self._connections: list[Connection] = []
        self._installation = ""

    def _prepare(self) -> None:
        try:
            with translate_sqlite_errors(self._path):
                self._installation = prepare_sqlite_file(self._path, self._busy_timeout_s)
        except OSError as error:
            raise StoreFailedError(
                f"The store {self._path} cannot be created: {error.strerror}.", recovery=Recovery.NEEDS_HUMAN
            ) from error

    # An executor passes no arguments by name.
    def _transact(self, work: Callable[[SqlUnitOfWork], T], lasting: bool, /) -> T:  # noqa: FBT001
        with translate_sqlite_errors(self._path):
            db = self._thread_connection(reading=False)
            db.execute(f"pragma synchronous = {'full' if lasting else 'normal'}")
            # Immediate: a deferred transaction that reads and then writes fails with "locked" beside other writers.
            return self._run_in_transaction("begin immediate", db, work)

    def _read(self, work: Callable[[SqlUnitOfWork], T], /) -> T:
        with translate_sqlite_errors(self._path):
            return self._run_in_transaction("begin", self._thread_connection(reading=True), work)

    def _run_in_transaction(self, begin: str, db: Connection, work: Callable[[SqlUnitOfWork], T]) -> T:
        db.execute(begin)
        try:
            result = work(SqlUnitOfWork(SqliteConnection(db), self._installation))
            db.execute("commit")
        except BaseException:
            if db.in_transaction:  # SQLite ends it by itself after some errors
                db.execute("rollback")
            raise
        return result

    def _thread_connection(self, *, reading: bool) -> Connection:
        connection: Connection | None = getattr(self._per_thread, "connection", None)
        if connection is None:
            connection = self._per_thread.connection = connect_sqlite(
                self._path, self._busy_timeout_s, reading=reading
            )
            self._connections.append(connection)
        return connection

    def _release(self) -> None:
        for each in self._connections:
            each.close()
