"""CSV cells: split a file at quotes, line ends and delimiters, as long as every quote belongs to a whole cell.

`csv.reader` inspects each character; splitting finds the same rows in less than half the time. Where a quote is inside
an unquoted cell, or a line has an unusual end, the rest of the file is left to `csv`.
"""

from __future__ import annotations

import codecs
import csv
import io
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from server.adapters.templates.readers.tables.lines import read_csv_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

Row = list[str]

_CHUNK: Final = 1 << 16
_LONGEST: Final = 1 << 20
"""The most characters that are searched for the end of a row. A longer row is left to `csv`."""
_BATCH: Final = 256
_QUOTED: Final = "\x01"
"""Stands for a quoted cell while the others are split. A file that contains this character is left to `csv`."""


class Dialect(NamedTuple):
    """How a table is written: the name of its codec, and the character between two cells."""

    encoding: str = "utf-8-sig"
    delimiter: str = ","


PLAIN: Final = Dialect()


class RowBatch(NamedTuple):
    """Rows of a table, and whether one of them may have a brace, as placeholders have."""

    rows: list[Row]
    may_have_brace: bool = True


def read_row_batches(file: BinaryIO, dialect: Dialect = PLAIN) -> Iterator[RowBatch]:
    """The rows of a file, in batches that are never empty; the same rows as those of `csv.reader`.

    Raises csv.Error for a file that is not CSV, and UnicodeDecodeError for one of another encoding.
    """
    yielded, pending = 0, ""
    texts = decode_text(file, dialect.encoding)
    try:
        for chunk in chain(texts, ("",)):
            pending += chunk
            whole, rest = _split_at_last_line(pending.split('"'), ended=not chunk)
            rows = None if _QUOTED in chunk or len(rest) > _LONGEST else _parse_rows(whole, dialect.delimiter)
            if rows is None:
                break
            yielded += len(rows)
            may_have_brace, pending = "{" in pending, rest
            if rows:
                yield RowBatch(rows, may_have_brace)
        else:
            return
    except UnicodeDecodeError:
        pass  # `csv` raises it again, after all rows before it
    yield from _read(file, dialect, yielded)


def decode_text(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The text of the file, in chunks that are never empty. Raises UnicodeDecodeError."""
    decoder = codecs.getincrementaldecoder(encoding)()
    while data := file.read(_CHUNK):
        if text := decoder.decode(data):
            yield text
    decoder.decode(b"", final=True)


def _split_at_last_line(parts: list[str], *, ended: bool) -> tuple[list[str], str]:
    """The text up to the end of the last whole line, still split at its quotes; and the rest, joined."""
    if ended:
        return parts, ""
    for at in range(len(parts) - 1 & ~1, -1, -2):  # outside of quotes
        line, end, rest = parts[at].rpartition("\n")
        if end:
            return [*parts[:at], line + end], '"'.join([rest, *parts[at + 1 :]])
    return [""], '"'.join(parts)


def _parse_rows(parts: list[str], delimiter: str) -> list[Row] | None:
    """The rows of a text that was split at its quotes; None when a quote does not belong to a quoted cell."""
    deps, inside = parts[::2], parts[1::2]
    if len(deps) == len(inside):
        return None
    # Two quotes with nothing between them are one quote inside a cell.
    begins = [at for at, between in enumerate(deps[:-1]) if between or not at]
    cells = iter(['"'.join(inside[begin:end]) for begin, end in pairwise([*begins, len(inside)])])
    lines = _QUOTED.join([*[deps[at] for at in begins], deps[-1]]).split("\n")
    if not lines[-1]:
        del lines[-1]
    if any("\r" in part for part in deps):
        lines = [line.removesuffix("\r") for line in lines]
        if any("\r" in line for line in lines):
            return None
    rows = [line.split(delimiter) if line else [] for line in lines]
    if inside:
        for row in rows:
            while _QUOTED in row:
                row[row.index(_QUOTED)] = next(cells)
    return rows if next(cells, None) is None else None


def _read(file: BinaryIO, dialect: Dialect, skipped: int) -> Iterator[RowBatch]:
    """The rows after the first `skipped`. Rows before an error are yielded before it is raised."""
    rows: list[Row] = []
    file.seek(0)
    text = io.TextIOWrapper(
        io.BufferedReader(cast("io.RawIOBase", file)), encoding=dialect.encoding, newline=""
    )
    try:
        for row in islice(read_csv_rows(text, dialect.delimiter), skipped, None):
            rows.append(row)
            if len(rows) == _BATCH:
                yield RowBatch(rows)
                rows = []
    except (csv.Error, UnicodeDecodeError):
        if rows:
            yield RowBatch(rows)
        raise
    finally:
        # The wrappers would close the file, which is not theirs.
        text.detach().detach()
    if rows:
        yield RowBatch(rows)
