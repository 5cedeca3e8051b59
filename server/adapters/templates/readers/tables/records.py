"""Tables: one record a row, with the names of the fields in the header."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.readers.tables.cells import read_row_batches
from server.adapters.templates.readers.tables.faults import undecodable_table_error
from server.adapters.templates.readers.tables.header import SAMPLE, detect_header
from server.adapters.templates.readers.tables.lines import describe_csv_error
from server.adapters.templates.readers.tables.rows import TableColumns, TableRows
from server.adapters.templates.readers.vendors import import_action, recognize_header
from server.adapters.templates.readers.window import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from domain.content import RecordKind
    from server.adapters.templates.readers.tables.cells import Row
    from server.adapters.templates.readers.tables.header import TableHeader

TABLE_SUFFIXES: Final = (".csv", ".tsv")


class TableReader:
    """The records of a table, as batches of rows; iterate it once.

    Numbers and lists follow the type's schema; a list is written with `;` between its members, as JSON, or in repeated
    columns. Empty rows, empty cells and columns without a name are left out; `warnings` say of the last two kinds of
    loss what a person may miss.

    Iterating raises TemplateInvalidError with the record's position for a file that is of another encoding or not CSV,
    or a row with more or fewer cells than the header.
    """

    def __init__(self, file: BinaryIO, name: str, kind: RecordKind) -> None:
        self._file = file
        self._name = name
        self._kind = kind
        self._position = 0
        self.warnings: list[str] = []

    def __iter__(self) -> Iterator[TableRows]:
        header = detect_header(read_bytes(self._file, self._name, SAMPLE), self._name, self._kind)
        if header is None:
            return
        self._file.seek(0)
        self.warnings += header.warnings
        if vendor := recognize_header(header.names):
            self.warnings.append(
                f"This is {vendor.what}, of which more is read otherwise. {import_action(vendor)}"
            )
        try:
            yield from self._read_rows(header)
        except UnicodeDecodeError:
            self._file.seek(0)
            raise undecodable_table_error(self._file, header, self._name) from None
        except csv.Error as error:
            raise self._error(f"{describe_csv_error(error)}, after record {self._position}") from None
        except OSError as error:
            raise self._error(f"cannot be read after record {self._position}: {error.strerror}") from None

    def _read_rows(self, header: TableHeader) -> Iterator[TableRows]:
        columns = TableColumns(header.names, self._kind)
        above = header.rows
        before = 0
        unnamed: set[int] = set()
        for piece, may_have_brace in read_row_batches(self._file, header.dialect):
            rows = piece[above:]
            above -= len(piece) - len(rows)
            batch = [row for row in rows if row and (row[0].strip() or "".join(row).strip())]
            if batch:
                if set(map(len, batch)) != {columns.width}:
                    batch = self._fit_widths(rows, columns.width, before + len(piece) - len(rows))
                unnamed |= columns.find_unnamed_values(batch)
                self._position += len(batch)
                yield TableRows(batch, columns, may_have_brace=may_have_brace)
            before += len(piece)
        if unnamed:
            places = ", ".join(map(str, sorted(unnamed)))
            self.warnings.append(f"Columns without a name in the header were left out: {places}.")

    def _fit_widths(self, rows: Sequence[Row], width: int, before: int) -> list[Row]:
        """The rows that are not empty, without empty cells beyond the header; `before` is the row before the first."""
        fitting: list[Row] = []
        for number, row in enumerate(rows, before + 1):
            if not "".join(row).strip():
                continue
            if len(row) < width or "".join(row[width:]).strip():
                self._position += len(fitting)
                raise self._error(
                    f"has {len(row)} cells in row {number} of the file (record {self._position + 1}); "
                    f"the header has {width}"
                )
            fitting.append(row[:width])
        return fitting

    def _error(self, problem: str) -> TemplateInvalidError:
        return TemplateInvalidError(
            f"{quote_foreign(self._name)} {problem}.",
            file=quote_foreign(self._name),
            position=self._position + 1,
        )
