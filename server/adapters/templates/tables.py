"""Records in the rows of a CSV file, with the names of their fields in the first."""

from __future__ import annotations

import csv
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from domain.errors import TemplateInvalidError
from server.adapters.templates.window import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from domain.documents import Kind

_BATCH: Final = 256
_encode = msgspec.json.Encoder().encode


def records(file: BinaryIO, name: str, kind: Kind) -> Iterator[list[bytes]]:
    """Batches of rows, each as a JSON object; numbers and lists by the type's schema, empty cells left out.

    A list is written with `;` between its members, or as JSON. Raises TemplateInvalidError naming the row (from 1,
    without the header) for what is no UTF-8, no CSV, or has more or fewer cells than the header.
    """
    csv.field_size_limit(LIMIT)
    # A descriptor of its own, because text closes what it reads from.
    with open(os.dup(file.fileno()), encoding="utf-8-sig", newline="") as text:  # noqa: PTH123 - it has no path
        yield from _batches(csv.reader(text, strict=True), name, kind)


def _batches(rows: Iterator[list[str]], name: str, kind: Kind) -> Iterator[list[bytes]]:
    position = 0
    try:
        names = _names(next(rows, []), name, kind)
        readers = _readers(names, kind)
        batch: list[bytes] = []
        for row in rows:
            if not row:
                continue
            position += 1
            if len(row) != len(names):
                raise _broken(
                    name, f"has {len(row)} cells in row {position}; the header has {len(names)}", position
                )
            batch.append(_encode(_record(names, row, readers)))
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch
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


def _readers(names: Sequence[str], kind: Kind) -> dict[str, Callable[[str], Any]]:
    by_plain: dict[type, Callable[[str], Any]] = {int: _number, tuple: _list}
    return {
        each.name: by_plain[each.plain]
        for each in kind.fields
        if each.name in names and each.plain in by_plain
    }


def _record(
    names: Sequence[str], row: Sequence[str], readers: dict[str, Callable[[str], Any]]
) -> dict[str, Any]:
    record: dict[str, Any] = {name: cell for name, cell in zip(names, row, strict=True) if cell}
    for name, read in readers.items():
        if name in record:
            record[name] = read(record[name])
    return record


def _number(cell: str) -> int | str:
    """The number, or the cell as it is: that it is none is the schema check's to say."""
    try:
        return int(cell)
    except ValueError:
        return cell


def _list(cell: str) -> object:
    if cell.startswith("["):
        try:
            return msgspec.json.decode(cell)
        except msgspec.DecodeError:
            return cell
    return [each.strip() for each in cell.split(";") if each.strip()]


def _broken(file: str, problem: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(f"{file} {problem}.", file=file, position=position)
