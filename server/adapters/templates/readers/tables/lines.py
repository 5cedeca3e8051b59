"""Lines of a table, none of them longer than memory has room for, and the rows that `csv` makes of them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

from domain.content import MAX_DOCUMENT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE_LIMIT: Final = 6_000_000
"""The most characters of one line, which is more than any document has. A row may have several lines in its cells."""


class _LongLineError(csv.Error):
    """A line has more characters than are read."""


def read_csv_rows(text: TextIO, delimiter: str, *, strict: bool = True) -> Iterator[list[str]]:
    """The rows of a text that was opened with `newline=""`.

    Raises csv.Error for a text that is not CSV, and as soon as one cell is larger than any document may be: no more of
    it is read.
    """
    csv.field_size_limit(MAX_DOCUMENT_BYTES)
    yield from csv.reader(_read_lines(text, delimiter), delimiter=delimiter, strict=strict)


def describe_csv_error(error: csv.Error) -> str:
    """What is wrong with a table, as the rest of a sentence that begins with its name."""
    if isinstance(error, _LongLineError):
        return f"has a line of more than {_LINE_LIMIT:,} characters"
    if "field limit" in str(error):
        return (
            f"has a cell of more than {MAX_DOCUMENT_BYTES:,} characters, and Glean takes documents of at most "
            f"{MAX_DOCUMENT_BYTES:,} bytes"
        )
    if "unexpected end" in str(error):
        return "ends in the middle of a quoted cell"
    return f"is not CSV: {error}"


def _read_lines(text: TextIO, delimiter: str) -> Iterator[str]:
    while line := text.readline(_LINE_LIMIT):
        if len(line) == _LINE_LIMIT and not line.endswith(("\n", "\r")):
            next(csv.reader([line], delimiter=delimiter))  # raises where it is one cell that is too large
            raise _LongLineError
        yield line
