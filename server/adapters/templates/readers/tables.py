"""CSV tables: one record a row, with the names of the fields in the first row."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.readers.cells import read_row_batches
from server.adapters.templates.readers.rows import TableColumns, TableRows
from server.adapters.templates.readers.window import VALUE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from domain.content import RecordKind


def read_table_records(file: BinaryIO, name: str, kind: RecordKind) -> Iterator[TableRows]:
    """Batches of rows, each as a JSON object; numbers and lists follow the type's schema, empty cells are left out.

    A list is written with `;` between its members, or as JSON. Raises TemplateInvalidError with the row (from 1,
    without the header) for a file that is not UTF-8 or not CSV, or a row with more or fewer cells than the header.
    """
    csv.field_size_limit(VALUE_LIMIT)
    columns: TableColumns | None = None
    position = 0
    try:
        for piece in read_row_batches(file):
            rows = iter(piece)
            columns = columns or TableColumns(_column_names(next(rows), name), kind)
            batch = [row for row in rows if row]
            if batch:
                _check_widths(batch, len(columns.names), name, position)
                position += len(batch)
                yield TableRows(batch, columns)
    except UnicodeDecodeError:
        raise _table_error(name, f"is not UTF-8 after row {position}", position + 1) from None
    except csv.Error as error:
        raise _table_error(name, f"is not CSV after row {position}: {error}", position + 1) from None


def _check_widths(rows: Sequence[Sequence[str]], width: int, name: str, before: int) -> None:
    if set(map(len, rows)) == {width}:
        return
    position, row = next((at, row) for at, row in enumerate(rows, before + 1) if len(row) != width)
    raise _table_error(name, f"has {len(row)} cells in row {position}; the header has {width}", position)


def _column_names(header: Sequence[str], file: str) -> list[str]:
    names = [each.strip() for each in header]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise _table_error(file, f"has more than one column for {quote_foreign(twice[0])}")
    return names


def _table_error(file: str, problem: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(
        f"{quote_foreign(file)} {problem}.", file=quote_foreign(file), position=position
    )
