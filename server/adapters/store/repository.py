"""Base of the repositories: statements, pages and decoded rows."""

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
    """The rows of a statement's result."""

    # The columns of a row depend on the statement.
    def fetchone(self) -> Any: ...  # noqa: ANN401
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A database inside a transaction. Statements are in SQLite's dialect, with parameters like `:name`."""

    def execute(self, sql: str, values: dict[str, Any], /) -> Cursor: ...
    def stream(self, sql: str, values: dict[str, Any], /) -> Iterator[Any]:
        """Yield the rows one by one, in bounded memory; execute nothing else before the last one."""
        ...

    def execute_many(self, sql: str, values: Sequence[dict[str, Any]], /) -> None:
        """Execute the statement with each of the values, without a round trip for each."""
        ...


class Repository:
    """Base class of repositories on one connection.

    A document that cannot be decoded is an error when its row is read by key. A list skips and logs it: one bad row
    must not hide all the others, and a page is filled with the next good rows.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db

    def _execute(self, sql: str, values: Mapping[str, object]) -> Cursor:
        return self._db.execute(sql, _storable_values(values))

    def _stream(self, sql: str, values: Mapping[str, object]) -> Iterator[Any]:
        return self._db.stream(sql, _storable_values(values))

    def _execute_many(self, sql: str, values: Iterable[Mapping[str, object]]) -> None:
        rows = [_storable_values(each) for each in values]
        if len(rows) > 1:
            self._db.execute_many(sql, rows)
        elif rows:
            self._db.execute(sql, rows[0])  # the usual case, which is three times as fast this way

    def _fetch_one(self, sql: str, **values: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._execute(sql, values).fetchone()
        return row

    def _fetch_count(self, sql: str, **values: object) -> int:
        (count,) = self._execute(sql, values).fetchone()
        return int(count)

    def _fetch_page(
        self, what: str, kind: type[T], sql: str, values: Mapping[str, object], limit: int
    ) -> list[tuple[Any, T]]:
        """The first `limit` rows that can be decoded, each with the value of its document.

        A row begins with its key and its document. Rows are ordered by key, and begin after the value `after`. When a
        second column is part of the order, it is the third of the row, and rows begin after the value `then`.
        """
        page: list[tuple[Any, T]] = []
        parameters = dict(values)
        while wanted := limit - len(page):
            rows = self._execute(f"{sql} limit :limit", {**parameters, "limit": wanted}).fetchall()
            page += decode_readable_rows(what, rows, kind)
            if len(rows) < wanted:
                break
            parameters["after"] = rows[-1][0]
            if "then" in parameters:
                parameters["then"] = rows[-1][2]
        return page

    def _upsert(self, table: str, key: tuple[str, ...], row: Mapping[str, object]) -> None:
        """Insert the row, or replace the row with its key."""
        rest = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
        self._execute(
            # Table and columns are named by our own code; values are bound.
            f"insert into {table} ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)}) "  # noqa: S608
            f"on conflict ({', '.join(key)}) do update set {rest}",
            row,
        )

    def _append_rows(self, log: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Append the rows under the next sequence numbers, without gaps and without repetition."""
        self._execute_many(
            # Table and columns are named by our own code; values are bound.
            f"insert into {log} (seq, {', '.join(columns)}) values "  # noqa: S608
            f"((select coalesce(max(seq), 0) + 1 from {log}), {', '.join(f':{name}' for name in columns)})",
            rows,
        )


def _storable_values(values: Mapping[str, object]) -> dict[str, object]:
    if any(isinstance(value, str) and "\0" in value for value in values.values()):
        raise InvalidArgumentError(
            "A text contains the character NUL, which cannot be stored or searched for."
        )
    return dict(values)


def decode_row(what: str, document: str, kind: type[T]) -> T:
    """Decode the document of a row. Raises StoreFailedError that names the row."""
    try:
        return decode_document(document, kind)
    except UndecodableError as error:
        raise StoreFailedError(
            f"The row of {what} cannot be decoded: {error}.",
            recovery=Recovery.NEEDS_HUMAN,
            suggested_action="If a newer release has written it, use that release. Otherwise have the row repaired, or "
            "the store restored from a backup.",
        ) from error


def decode_readable_rows(what: str, rows: Iterable[Any], kind: type[T]) -> Iterator[tuple[Any, T]]:
    """Each row, which begins with key and document, with the decoded document; undecodable rows are skipped."""
    for row in rows:
        try:
            yield row, decode_document(row[1], kind)
        except UndecodableError as error:
            _LOG.error("the row of %s %s cannot be decoded and is skipped: %s", what, row[0], error)
