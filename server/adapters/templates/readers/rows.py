"""Table rows: convert cells to the values of their columns."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from domain.content import Reads, RecordBatch, has_placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.content import RecordKind

_encode = msgspec.json.Encoder().encode


class TableColumns:
    """The columns of a table of records of one kind.

    `header` has their names as the table spells them; `names` has that of its field for each column that a field reads.
    """

    def __init__(self, header: Sequence[str], kind: RecordKind) -> None:
        self.header = header
        self.kind = kind
        self.names, plain = kind.plan_names(header).rename(header)
        readers: dict[Reads, Callable[[str], Any]] = {
            Reads.COUNT: _parse_number,
            Reads.TEXTS: _parse_list,
        }
        self._readers = {
            self.names.index(each.name): readers[each.reads]
            for each in kind.fields
            if each.name in self.names and each.reads in readers
        }
        self.nullable = frozenset(each.name for each in kind.fields if each.required and each.nullable)
        self._row = _row_list_type(self.names, kind) if plain else None

    def convert_row(self, row: Sequence[str]) -> list[Any]:
        """The values of a row's cells; None for an empty cell."""
        return [self._convert_column(at, [cell])[0] for at, cell in enumerate(row)]

    def convert_rows(self, rows: Sequence[Sequence[str]]) -> list[Any] | None:
        """The records of all these rows, as `kind.record` would decode them; None when one does not fit."""
        if self._row is None:
            return None
        try:
            columns = [self._convert_column(at, cells) for at, cells in enumerate(zip(*rows, strict=True))]
            records: list[Any] = msgspec.convert([*zip(*columns, strict=True)], self._row)
        except msgspec.ValidationError:
            return None
        return records

    def _convert_column(self, at: int, cells: Sequence[str]) -> Sequence[Any]:
        if read := self._readers.get(at):
            return [read(cell) if cell else None for cell in cells]
        return [cell or None for cell in cells] if "" in cells else cells


class TableRows(RecordBatch):
    """A batch of rows. As a JSON object, a row has no members for its empty cells, unless empty is a value there."""

    def __init__(self, rows: Sequence[Sequence[str]], columns: TableColumns) -> None:
        self._rows = rows
        self._columns = columns
        self.names = columns.header

    def decode_records(self, kind: RecordKind) -> list[Any] | None:
        text = "".join(chain.from_iterable(self._rows))
        if kind is not self._columns.kind or ("{" in text and has_placeholder(text.encode())):
            return None
        return self._columns.convert_rows(self._rows)

    def split_records(self) -> list[bytes]:
        names, values, nullable = self._columns.names, self._columns.convert_row, self._columns.nullable
        return [
            _encode(
                {
                    name: value
                    for name, value in zip(names, values(row), strict=True)
                    if value is not None or name in nullable
                }
            )
            for row in self._rows
        ]


# Any, because the type is built here.
def _row_list_type(names: Sequence[str], kind: RecordKind) -> Any:  # noqa: ANN401
    """The type of many rows: a list of structs with the fields of the record, in the order of the columns."""
    fields = {each.name: each for each in kind.fields}
    if any(each.required and name not in names for name, each in fields.items()):
        return None
    columns: list[Any] = [
        (name, fields[name].type) if name in fields else (f"column_{at}", Any)
        for at, name in enumerate(names)
    ]
    absent = [(name, each.type, None) for name, each in fields.items() if name not in names]
    return list[msgspec.defstruct("Row", columns + absent, array_like=True, gc=False)]  # type: ignore[misc]


def _parse_number(cell: str) -> int | str:
    """The number, or the cell unchanged when it is none: the check of the schema reports it."""
    try:
        return int(cell)
    except ValueError:
        return cell


def _parse_list(cell: str) -> object:
    if cell.startswith("["):
        try:
            return msgspec.json.decode(cell)
        except msgspec.DecodeError:
            return cell
    if ";" not in cell:
        return [found] if (found := cell.strip()) else []
    return [found for each in cell.split(";") if (found := each.strip())]
