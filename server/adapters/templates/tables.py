"""Records in the rows of a CSV file, with the names of their fields in the first."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Final

from domain.errors import TemplateInvalidError
from server.adapters.templates.rows import Columns, Rows
from server.adapters.templates.window import LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

    from domain.documents import Kind

_BATCH: Final = 256


def records(file: BinaryIO, name: str, kind: Kind) -> Iterator[Rows]:
    """Batches of rows, each as a JSON object; numbers and lists by the type's schema, empty cells left out.

    A list is written with `;` between its members, or as JSON. Raises TemplateInvalidError naming the row (from 1,
    without the header) for what is no UTF-8, no CSV, or has more or fewer cells than the header.
    """
    csv.field_size_limit(LIMIT)
    # A descriptor of its own, because text closes what it reads from.
    with open(os.dup(file.fileno()), encoding="utf-8-sig", newline="") as text:  # noqa: PTH123 - it has no path
        yield from _batches(csv.reader(text, strict=True), name, kind)


def _batches(rows: Iterator[list[str]], name: str, kind: Kind) -> Iterator[Rows]:
    position = 0
    try:
        names = _names(next(rows, []), name, kind)
        columns, width = Columns(names, kind), len(names)
        batch: list[list[str]] = []
        for row in rows:
            if not row:
                continue
            position += 1
            if len(row) != width:
                raise _broken(
                    name, f"has {len(row)} cells in row {position}; the header has {width}", position
                )
            batch.append(row)
            if len(batch) == _BATCH:
                yield Rows(batch, columns)
                batch = []
        if batch:
            yield Rows(batch, columns)
    except UnicodeDecodeError:
        raise _broken(name, f"is not UTF-8 after row {position}", position + 1) from None
    except csv.Error as error:
        raise _broken(name, f"is not CSV after row {position}: {error}", position + 1) from None


def _names(header: Sequence[str], file: str, kind: Kind) -> list[str]:
    names = [kind.spellings.get(each.strip().lower(), each.strip()) for each in header]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise _broken(file, f"has more than one column for {twice[0][:80]!r}")
    return names


def _broken(file: str, problem: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(f"{file} {problem}.", file=file, position=position)
