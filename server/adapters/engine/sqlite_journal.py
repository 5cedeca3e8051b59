"""Engine journal on SQLite: a file in the data folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Final

from domain.errors import StoreFailedError, StoreUnavailableError
from server.adapters.engine.journal import CREATE_ATTEMPTS, Journal
from server.infra.sqlite import interpret_sqlite_error, switch_to_wal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from server.adapters.engine.journal import Values

_BUSY_S: Final = 30.0
_MISSING: Final = "no such table"


class SqliteJournal(Journal):
    """The journal in a SQLite file, which every query opens anew."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def prepare(self) -> None:
        with self._connection() as connection, connection:
            # DBOS does not set it, and without it readers and writers block one another.
            switch_to_wal(connection, _BUSY_S)
            connection.execute(CREATE_ATTEMPTS)

    def close(self) -> None:
        """Do nothing: no connection stays open."""

    def _query(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._connection() as connection:
            try:
                return connection.execute(statement, dict(values)).fetchall()
            except sqlite3.OperationalError as error:
                # Another process may have created the file a moment ago, but not yet its tables.
                if str(error).startswith(_MISSING):
                    return []
                raise

    def _execute(self, statement: str, *values: Values) -> None:
        with self._connection() as connection, connection:
            connection.executemany(statement, [dict(each) for each in values])

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as connection:
                yield connection
        except sqlite3.Error as error:
            meaning = interpret_sqlite_error(error)
            failure = StoreUnavailableError if meaning.unavailable else StoreFailedError
            raise failure(
                f"The saga engine's database {self.path} failed: {meaning.why}.", recovery=meaning.recovery
            ) from error
