"""What the rows of every table share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from domain.errors import Recovery, StoreFailedError
from server.adapters.store.codec import UndecodableError, decode

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping

    from sqlite_utils import Database

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)


class Rows:
    """Statements on one connection.

    A document that cannot be understood is an error where its row is asked for by name. A list leaves it out and logs
    it: one bad row must not hide all the others, and a page is as long as there are good rows to fill it.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def _rows(self, sql: str, values: Mapping[str, object]) -> sqlite3.Cursor:
        return self._db.execute(sql, dict(values))

    def _row(self, sql: str, **values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._rows(sql, values).fetchone()
        return found

    def _count(self, sql: str, **values: object) -> int:
        (count,) = next(self._rows(sql, values))
        return int(count)

    def _put(self, table: str, key: tuple[str, ...], row: Mapping[str, object]) -> None:
        """Insert the row, or replace the one of that key."""
        rest = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
        self._db.execute(
            f"insert into {table} ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)}) "  # noqa: S608  # names of ours
            f"on conflict ({', '.join(key)}) do update set {rest}",
            dict(row),
        )


def understood(what: str, document: str, kind: type[T]) -> T:
    """The value in a document. Raises StoreFailedError naming the row."""
    try:
        return decode(document, kind)
    except UndecodableError as error:
        raise StoreFailedError(
            f"The row of {what} is there and cannot be understood: {error}.",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action="Have the row repaired, or the data folder restored from a backup.",
        ) from error


def readable(what: str, rows: Iterable[Any], kind: type[T]) -> Iterator[tuple[Any, T]]:
    """Each row that begins with a key and a document, and what the document says; without those that say nothing."""
    for row in rows:
        try:
            yield row, decode(row[1], kind)
        except UndecodableError as error:
            _LOG.error("the row of %s %s cannot be understood and is left out: %s", what, row[0], error)
