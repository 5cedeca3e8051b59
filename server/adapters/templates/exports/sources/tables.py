"""CSV tables of an export: delimiter and encoding are recognised, every row has the width of the header."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import ExportInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from server.adapters.templates.exports.sources.tree import SourceTree

MOST_COLUMNS: Final = 5000
"""Jira's widest exports, with a column for each comment and each attachment, have some hundreds."""
_CELL_LIMIT: Final = 64 << 20
_OPENING: Final = 1 << 16
_BUFFER: Final = 1 << 18
_DELIMITERS: Final = ",;\t|"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR_LINE: Final = "sep="


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
    with tree.open(name) as file:
        columns = next((row for _, row in _read_rows(file, table)), None)
    if columns is None:
        raise _table_error(name, "is empty")
    if len(columns) > MOST_COLUMNS:
        raise _table_error(name, f"has {len(columns)} columns; at most {MOST_COLUMNS} are read")
    return Table(name, tuple(each.strip() for each in columns), encoding, table.delimiter, skipped)


def read_table_rows(tree: SourceTree, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The rows behind the header with their positions from 1; empty rows are left out.

    Raises ExportInvalidError, with the row, for a file that is not CSV or not in its encoding, and for a row that has
    more or fewer cells than the header.
    """
    width = len(table.columns)
    with tree.open(table.name) as file:
        for position, row in _read_rows(file, table):
            if position and any(row):
                if len(row) != width:
                    raise _table_error(
                        table.name,
                        f"has {len(row)} cells in row {position}; the header has {width}",
                        position,
                    )
                yield position, row


def _read_rows(file: BinaryIO, table: Table) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_CELL_LIMIT)
    position = 0
    text = io.TextIOWrapper(io.BufferedReader(file, _BUFFER), table.encoding, newline="")  # type: ignore[type-var]
    try:
        for _ in range(table.skipped):
            text.readline()
        for row in csv.reader(text, delimiter=table.delimiter, strict=True):
            yield position, row
            position += 1
    except UnicodeError:
        raise _table_error(
            table.name, f"is not UTF-8 in or after row {position}; save it as CSV UTF-8", position
        ) from None
    except csv.Error as error:
        problem = (
            "ends in the middle of a quoted cell"
            if "unexpected end" in str(error)
            else f"is not CSV: {error}"
        )
        raise _table_error(table.name, f"{problem}, after row {position}", position) from None
    finally:
        text.detach()


def _find_delimiter(header: str) -> str:
    bare = "".join(header.split('"')[::2])
    return max(_DELIMITERS, key=bare.count)


def _table_error(name: str, problem: str, position: int | None = None) -> ExportInvalidError:
    shown = quote_foreign(name)
    return ExportInvalidError(f"{shown} {problem}.", file=shown, position=position)


def missing_columns_error(table: Table, missing: Sequence[str], what: str) -> ExportInvalidError:
    """The error for a table without the columns that make it what it should be."""
    found = ", ".join(map(quote_foreign, table.columns[:8]))
    return _table_error(
        table.name, f"is no {what}: it has no column {', '.join(missing)}. Its columns begin with {found}"
    )
