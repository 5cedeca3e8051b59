"""Encodings of tables: UTF-8 and marked UTF-16 are read; any other is named, with where its first byte is."""

from __future__ import annotations

import codecs
import csv
import io
import re
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from server.adapters.templates.readers.tables.cells import Dialect

_SAVE_AS_UTF8: Final = (
    'Save it as UTF-8: in Excel as "CSV UTF-8 (comma delimited)", in LibreOffice with the character set '
    '"Unicode (UTF-8)", in Google Sheets by downloading it as CSV; then call again.'
)
_UTF8: Final = "utf-8-sig"
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32_MARKS: Final = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_ESCAPED: Final = re.compile("[\udc80-\udcff]")
"""How Python's error handler `surrogateescape` represents a byte that cannot be decoded."""
_ESCAPE: Final = 0xDC00
_C1_END: Final = 0xA0
"""Bytes from 0x80 up to here are letters in Windows-1252, and control characters, which no text has, in Latin-1."""
_FOREIGN_SCRIPT: Final = 0.3
"""The share of such bytes in a cell above which its alphabet is another: Western languages have a few in a hundred."""
_ROWS_GUESSED_FROM: Final = 100


def detect_encoding(begin: bytes, name: str) -> str:
    """The codec of a table, from its first bytes. Raises TemplateInvalidError for one that is not read."""
    if begin.startswith(_UTF32_MARKS):
        raise _encoding_error(name, "is UTF-32; UTF-8 is expected")
    if begin.startswith(_UTF16_MARKS):
        return "utf-16"
    if b"\x00" in begin[:4]:
        raise _encoding_error(name, "is UTF-16 without a byte order mark, or binary; UTF-8 is expected")
    return _UTF8


def undecodable_table_error(
    file: BinaryIO, dialect: Dialect, name: str, header: Sequence[str], position: int
) -> TemplateInvalidError:
    """The error for a table with bytes that are not of its encoding: what it seems to be, and where it begins.

    `position` is the number of the record, from 1. The file is read again up to the first such byte.
    """
    if dialect.encoding != _UTF8:
        return _encoding_error(name, f"is marked as UTF-16, but is not after record {position - 1}", position)
    fault = _find_fault(file, dialect.delimiter)
    column = f" ({quote_foreign(header[fault.cell - 1].strip())})" if fault.cell <= len(header) else ""
    return _encoding_error(
        name,
        f"is not UTF-8: it seems to be {fault.encoding}. The first byte that is not UTF-8 is 0x{fault.byte:02X}, "
        f"in row {fault.row} of the file, column {fault.cell}{column}",
        position,
    )


class _Fault(NamedTuple):
    """The first byte that is not UTF-8, its row and cell in the file (from 1), and the encoding that it seems to be."""

    byte: int
    row: int
    cell: int
    encoding: str


def _find_fault(file: BinaryIO, delimiter: str) -> _Fault:
    file.seek(0)
    text = io.TextIOWrapper(
        io.BufferedReader(cast("io.RawIOBase", file)), encoding=_UTF8, errors="surrogateescape", newline=""
    )
    try:
        rows = enumerate(csv.reader(text, delimiter=delimiter), 1)
        row, cell, found = next(
            (row, number, cell)
            for row, cells in rows
            for number, cell in enumerate(cells, 1)
            if _ESCAPED.search(cell)
        )
        more = [each for _, cells in islice(rows, _ROWS_GUESSED_FROM) for each in cells]
        return _Fault(_escaped_bytes(found)[0], row, cell, _guess_encoding([found, *more]))
    finally:
        # The wrappers would close the file, which is not theirs.
        text.detach().detach()


def _escaped_bytes(text: str) -> list[int]:
    return [ord(each) - _ESCAPE for each in _ESCAPED.findall(text)]


def _guess_encoding(cells: Sequence[str]) -> str:
    faulty = "".join(each for each in cells if _ESCAPED.search(each))
    escaped = _escaped_bytes(faulty)
    if len(escaped) > max(1, _FOREIGN_SCRIPT * len(faulty)):
        return "an encoding of another alphabet, such as Windows-1251, GBK or Shift JIS"
    return "Windows-1252" if min(escaped) < _C1_END else "Latin-1 (ISO 8859-1) or Windows-1252"


def _encoding_error(name: str, problem: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(
        f"{quote_foreign(name)} {problem}.",
        file=quote_foreign(name),
        position=position,
        suggested_action=_SAVE_AS_UTF8,
    )
