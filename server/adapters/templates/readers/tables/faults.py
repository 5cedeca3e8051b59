"""Faults of encoding: where the first byte is that is not UTF-8, and which encoding it seems to be of."""

from __future__ import annotations

import io
import re
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from domain.model import quote_foreign
from server.adapters.templates.readers.tables.encodings import UTF8, encoding_error
from server.adapters.templates.readers.tables.lines import read_csv_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.errors import TemplateInvalidError
    from server.adapters.templates.readers.tables.header import TableHeader

_ESCAPED: Final = re.compile("[\udc80-\udcff]")
"""How Python's error handler `surrogateescape` represents a byte that cannot be decoded."""
_ESCAPE: Final = 0xDC00
_C1_END: Final = 0xA0
"""Bytes from 0x80 up to here are letters in Windows-1252, and control characters, which no text has, in Latin-1."""
_FOREIGN_SCRIPT: Final = re.compile("[\udc80-\udcff]{3}")
"""Three such bytes in a row: no Western language has as many accented letters one after another."""
_ROWS_GUESSED_FROM: Final = 100


def undecodable_table_error(file: BinaryIO, header: TableHeader, name: str) -> TemplateInvalidError:
    """The error for a table with bytes that are not of its encoding: what it seems to be, and where it begins.

    The file, which is at its beginning, is read up to the first such byte.
    """
    if header.dialect.encoding != UTF8:
        return encoding_error(name, "is marked as UTF-16, but breaks off or has bytes that are not")
    fault = _find_fault(file, header)
    column = (
        f" ({quote_foreign(header.names[fault.cell - 1].strip())})" if fault.cell <= len(header.names) else ""
    )
    return encoding_error(
        name,
        f"is not UTF-8: it seems to be {fault.encoding}. The first byte that is not UTF-8 is 0x{fault.byte:02X}, "
        f"in row {fault.row} of the file, column {fault.cell}{column}",
        max(fault.record, 1),
    )


class _Fault(NamedTuple):
    """The first byte that is not UTF-8, its row and cell in the file (from 1), and the encoding that it seems to be.

    `record` is the position of its record; 0 in the header or above it.
    """

    byte: int
    row: int
    cell: int
    record: int
    encoding: str


def _find_fault(file: BinaryIO, header: TableHeader) -> _Fault:
    text = io.TextIOWrapper(
        io.BufferedReader(cast("io.RawIOBase", file)), encoding=UTF8, errors="surrogateescape", newline=""
    )
    try:
        rows = read_csv_rows(text, header.dialect.delimiter, strict=False)
        record = 0
        for row, cells in enumerate(rows, 1):
            record += row > header.rows and bool("".join(cells).strip())
            faulty = next((at for at, cell in enumerate(cells) if _ESCAPED.search(cell)), None)
            if faulty is not None:
                more = [each for others in islice(rows, _ROWS_GUESSED_FROM) for each in others]
                guess = _guess_encoding([cells[faulty], *more])
                return _Fault(_escaped_bytes(cells[faulty])[0], row, faulty + 1, record, guess)
    finally:
        # The wrappers would close the file, which is not theirs.
        text.detach().detach()
    raise AssertionError("a file that cannot be decoded has a byte that cannot")


def _escaped_bytes(text: str) -> list[int]:
    return [ord(each) - _ESCAPE for each in _ESCAPED.findall(text)]


def _guess_encoding(cells: Sequence[str]) -> str:
    faulty = " ".join(each for each in cells if _ESCAPED.search(each))
    escaped = _escaped_bytes(faulty)
    if _FOREIGN_SCRIPT.search(faulty):
        return "an encoding of another alphabet, such as Windows-1251, GBK or Shift JIS"
    return "Windows-1252" if min(escaped) < _C1_END else "Latin-1 (ISO 8859-1) or Windows-1252"
