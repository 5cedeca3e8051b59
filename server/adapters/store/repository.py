"""What the rows of every table share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from domain.errors import InvalidArgumentError, Recovery, StoreFailedError
from server.adapters.store.codec import UndecodableError, decode_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")
_LOG: Final = logging.getLogger(__name__)


class Cursor(Protocol):
    """The rows that a statement found."""

    # A row holds whatever the statement asked for.
    def fetchone(self) -> Any: ...  # noqa: ANN401
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A database in a transaction, which takes statements as SQLite writes them, with values named `:name`."""

    def execute(self, sql: str, values: dict[str, Any], /) -> Cursor: ...
    def stream(self, sql: str, values: dict[str, Any], /) -> Iterator[Any]:
        """The rows one by one, in bounded memory; nothing else is executed before the last."""
        ...

    def execute_many(self, sql: str, values: Sequence[dict[str, Any]], /) -> None:
        """Execute it with each of the values, without waiting for each."""
        ...


class Repository:
    """Statements on one connection.

    A document that cannot be understood is an error where its row is asked for by name. A list leaves it out and logs
    it: one bad row must not hide all the others, and a page is as long as there are good rows to fill it.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db

    def _execute(self, sql: str, values: Mapping[str, object]) -> Cursor:
        return self._db.execute(sql, _storable_values(values))

    def _stream(self, sql: str, values: Mapping[str, object]) -> Iterator[Any]:
        return self._db.stream(sql, _storable_values(values))

    def _execute_many(self, sql: str, values: Iterable[Mapping[str, object]]) -> None:
        each = [_storable_values(one) for one in values]
        if len(each) > 1:
            self._db.execute_many(sql, each)
        elif each:
            self._db.execute(sql, each[0])  # which is what most are, and three times as quick

    def _fetch_one(self, sql: str, **values: object) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._execute(sql, values).fetchone()
        return found

    def _fetch_count(self, sql: str, **values: object) -> int:
        (count,) = self._execute(sql, values).fetchone()
        return int(count)

    def _fetch_page(
        self, what: str, kind: type[T], sql: str, values: Mapping[str, object], limit: int
    ) -> list[tuple[Any, T]]:
        """The first `limit` rows that can be understood, with what their documents say.

        Rows begin with their key and their document, and come in the order of that key, from after the value `after`.
        Where the key is not all they are ordered by, what else they are follows as `then`, from after the value `then`.
        """
        page: list[tuple[Any, T]] = []
        given = dict(values)
        while wanted := limit - len(page):
            rows = self._execute(f"{sql} limit :limit", {**given, "limit": wanted}).fetchall()
            page += decode_readable_rows(what, rows, kind)
            if len(rows) < wanted:
                break
            given["after"] = rows[-1][0]
            if "then" in given:
                given["then"] = rows[-1][2]
        return page

    def _upsert(self, table: str, key: tuple[str, ...], row: Mapping[str, object]) -> None:
        """Insert the row, or replace the one of that key."""
        rest = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
        self._execute(
            # Table and columns are named by our own code; values are bound.
            f"insert into {table} ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)}) "  # noqa: S608
            f"on conflict ({', '.join(key)}) do update set {rest}",
            row,
        )

    def _append_rows(self, log: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Append the rows under the next numbers: none is left out, and none is given twice."""
        self._execute_many(
            # Table and columns are named by our own code; values are bound.
            f"insert into {log} (seq, {', '.join(columns)}) values "  # noqa: S608
            f"((select coalesce(max(seq), 0) + 1 from {log}), {', '.join(f':{name}' for name in columns)})",
            rows,
        )


def _storable_values(values: Mapping[str, object]) -> dict[str, object]:
    if any(isinstance(value, str) and "\0" in value for value in values.values()):
        raise InvalidArgumentError("A text holds the character NUL, which cannot be stored or looked up.")
    return dict(values)


def decode_row(what: str, document: str, kind: type[T]) -> T:
    """The value in a document. Raises StoreFailedError naming the row."""
    try:
        return decode_document(document, kind)
    except UndecodableError as error:
        raise StoreFailedError(
            f"The row of {what} is there and cannot be understood: {error}.",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action="Leave it to the newer release, when one has written it; else have the row repaired, or "
            "the store restored from a backup.",
        ) from error


def decode_readable_rows(what: str, rows: Iterable[Any], kind: type[T]) -> Iterator[tuple[Any, T]]:
    """Each row that begins with a key and a document, and what the document says; without those that say nothing."""
    for row in rows:
        try:
            yield row, decode_document(row[1], kind)
        except UndecodableError as error:
            _LOG.error("the row of %s %s cannot be understood and is left out: %s", what, row[0], error)
