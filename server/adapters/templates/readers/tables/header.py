"""Header of a table: the row that, with some delimiter, has the most fields of its type."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.errors import TemplateInvalidError
from domain.model import quote_foreign
from server.adapters.templates.readers.content import require_text
from server.adapters.templates.readers.tables.cells import Dialect
from server.adapters.templates.readers.tables.encodings import detect_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content import RecordKind

_DELIMITERS: Final = (",", ";", "\t", "|")
SAMPLE: Final = 1 << 16
"""The bytes in which the header is looked for."""
_ROWS_ABOVE: Final = 10
"""The most rows that are looked through for the header."""
_SURE: Final = 2
"""The fewest fields in a row below others that make it the header."""
_SEP_LINE: Final = re.compile(r'\ufeff?"?sep=(.)"?\r?\n', re.IGNORECASE)
"""Excel's own way to name the delimiter, in a line above the header."""


class TableHeader(NamedTuple):
    """The header: how the table is written, the cells of the header, and how many rows end with it."""

    dialect: Dialect
    names: list[str]
    rows: int
    warnings: tuple[str, ...] = ()


class _Candidate(NamedTuple):
    """A row that may be the header; `known` counts the fields of the type among its cells."""

    known: int
    row: int
    delimiter: str
    rows: list[list[str]]


def detect_header(sample: bytes, name: str, kind: RecordKind) -> TableHeader | None:
    """Find the header of a table of records of one kind in its first bytes; None for a file without a row.

    Raises TemplateInvalidError for an encoding that is not read, and for a header that is surely below other rows of
    cells.
    """
    require_text(sample, name)
    encoding = detect_encoding(sample, name)
    text = sample.decode(encoding, "replace")
    named = _SEP_LINE.match(text)
    found = [
        candidate
        for delimiter in ([named[1]] if named else _DELIMITERS)
        for candidate in _find_candidates(text, delimiter, kind, skipped=1 if named else 0)
    ]
    if not found:
        return None
    best = max(found, key=lambda each: (each.known, -each.row))
    if not best.known:
        best = max(found, key=lambda each: (-each.row, len(each.rows[each.row])))
    above = [each for each in best.rows[1 if named else 0 : best.row] if any(each)]
    dialect = Dialect(encoding, best.delimiter)
    return TableHeader(
        dialect,
        best.rows[best.row],
        best.row + 1,
        tuple(_skip_rows_above(above, best, name)),
    )


def _find_candidates(text: str, delimiter: str, kind: RecordKind, *, skipped: int) -> Iterator[_Candidate]:
    """The first rows that are not empty, as candidates."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            rows.append(row)
            if len(rows) > skipped and any(each.strip() for each in row):
                known = kind.plan_names([each.strip() for each in row]).sources
                yield _Candidate(len(known), len(rows) - 1, delimiter, rows)
            if len(rows) > _ROWS_ABOVE:
                return
    except csv.Error:
        return


def _skip_rows_above(above: Sequence[Sequence[str]], best: _Candidate, name: str) -> Iterator[str]:
    """A warning for the rows above the header, which are skipped: titles. Raises TemplateInvalidError for more."""
    if not above:
        return
    if best.known < _SURE or any(sum(map(bool, map(str.strip, each))) > 1 for each in above):
        raise TemplateInvalidError(
            f"{quote_foreign(name)} has its header in row {best.row + 1}, below rows with several cells.",
            file=quote_foreign(name),
            suggested_action="Remove the rows above the header, and call again.",
        )
    titles = ", ".join(quote_foreign("".join(each).strip()) for each in above)
    yield f"The rows above the header were skipped: {titles}."
