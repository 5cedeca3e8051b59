"""CSV tables of an export: delimiter and encoding are recognised, every row has the width of the header."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import ExportInvalidError
from domain.model import quote_foreign
from server.adapters.templates.readers.tables.cells import Dialect
from server.adapters.templates.readers.tables.encodings import UTF8
from server.adapters.templates.readers.tables.faults import undecodable_table_error
from server.adapters.templates.readers.tables.header import TableHeader
from server.adapters.templates.readers.tables.lines import describe_csv_error, read_csv_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from server.adapters.templates.exports.sources.tree import SourceTree

MOST_COLUMNS: Final = 5000
"""Jira's widest exports, with a column for each comment and each attachment, have some hundreds."""
_OPENING: Final = 1 << 16
_BUFFER: Final = 1 << 18
_DELIMITERS: Final = ",;\t|"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR_LINE: Final = "sep="
_WHOLE: Final = "Export it again, whole, and import it again: nothing was written."


class RowPlace(NamedTuple):
    """The place of a row: its number in the file, as a spreadsheet numbers it, and that of its record, both from 1."""

    row: int
    record: int

    def __str__(self) -> str:
        return f"row {self.row} of the file (record {self.record})"


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: its name, the names of its columns, and how it is read."""

    name: str
    columns: tuple[str, ...]
    encoding: str
    delimiter: str
    skipped: int
    """Lines before the header."""


def read_table(tree: SourceTree, name: str) -> Table:
    """The table of a file, from its beginning. Raises ExportInvalidError for one that is no CSV with a header."""
    opening = tree.read_opening(name, _OPENING)
    encoding = next((each for mark, each in _MARKS if opening.startswith(mark)), "utf-8")
    text = opening.decode(encoding, "replace")
    lines = text.splitlines()
    skipped = 1 if lines and lines[0].lower().startswith(_SEPARATOR_LINE) else 0
    delimiter = lines[0][len(_SEPARATOR_LINE) :][:1] if skipped else ""
    header = lines[skipped] if len(lines) > skipped else ""
    table = Table(name, (), encoding, delimiter or _find_delimiter(header), skipped)
    columns = next((row for _, row in _read_rows(tree, table)), None)
    if columns is None:
        raise _table_error(name, "is empty", action=_WHOLE)
    if len(columns) > MOST_COLUMNS:
        problem = f"has {len(columns)} columns; at most {MOST_COLUMNS} are read"
        raise _table_error(
            name, problem, action="Export fewer columns, and import again: nothing was written."
        )
    return Table(name, tuple(each.strip() for each in columns), encoding, table.delimiter, skipped)


def read_table_rows(tree: SourceTree, table: Table) -> Iterator[tuple[RowPlace, list[str]]]:
    """The rows behind the header with their places; empty rows are left out.

    Raises ExportInvalidError, with the row, for a file that is not CSV or not in its encoding, and for a row that has
    more or fewer cells than the header.
    """
    width, header, record = len(table.columns), table.skipped + 1, 0
    for number, row in _read_rows(tree, table):
        if number > header and any(row):
            record += 1
            place = RowPlace(number, record)
            if len(row) != width:
                raise _table_error(
                    table.name,
                    f"has {len(row)} cells in {place}; the header has {width}",
                    record,
                    "Open it as it was exported, give that row as many cells, and import again: nothing was written.",
                )
            yield place, row


def _read_rows(tree: SourceTree, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The header and the rows behind it, with their numbers in the file."""
    number = table.skipped
    with tree.open(table.name) as file:
        text = io.TextIOWrapper(io.BufferedReader(file, _BUFFER), table.encoding, newline="")  # type: ignore[type-var]
        try:
            for _ in range(table.skipped):
                text.readline()
            for number, row in enumerate(read_csv_rows(text, table.delimiter), table.skipped + 1):
                yield number, row
        except UnicodeError:
            raise _encoding_error(tree, table) from None
        except csv.Error as error:
            action = _WHOLE if "unexpected end" in str(error) else None
            problem = f"{describe_csv_error(error)}, after row {number} of the file"
            raise _table_error(table.name, problem, action=action) from None
        finally:
            text.detach()


def _encoding_error(tree: SourceTree, table: Table) -> ExportInvalidError:
    """The error for a table of another encoding: what it seems to be, and where it begins, as templates say it."""
    encoding = UTF8 if table.encoding.startswith(UTF8[:5]) else table.encoding
    header = TableHeader(Dialect(encoding, table.delimiter), list(table.columns), table.skipped + 1)
    with tree.open(table.name) as file:
        found = undecodable_table_error(file, header, table.name)
    return ExportInvalidError(found.message, suggested_action=found.suggested_action, **found.facts)


def _find_delimiter(header: str) -> str:
    bare = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def _table_error(
    name: str, problem: str, position: int | None = None, action: str | None = None
) -> ExportInvalidError:
    shown = quote_foreign(name)
    return ExportInvalidError(f"{shown} {problem}.", file=shown, position=position, suggested_action=action)


def missing_columns_error(table: Table, missing: Sequence[str], what: str, action: str) -> ExportInvalidError:
    """The error for a table without the columns that make it what it should be."""
    found = ", ".join(map(quote_foreign, table.columns[:8]))
    return _table_error(
        table.name,
        f"is no {what}: it has no column {', '.join(missing)}. Its columns begin with {found}",
        action=action,
    )
