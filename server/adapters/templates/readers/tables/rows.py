"""Table rows: convert cells to the values of their columns."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from domain.content import Reads, RecordBatch, has_placeholder
from domain.model import convert_plain
from server.adapters.templates.readers.tables.columns import find_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.content import RecordKind

_encode = msgspec.json.Encoder().encode


class TableColumns:
    """The columns of a table of records of one kind.

    `header` has their names as the table spells them; `names` has that of its field for each column that a field reads.
    `width` is the number of cells in a row. Repeated columns are one, with a list as its value.
    """

    def __init__(self, header: Sequence[str], kind: RecordKind) -> None:
        columns = find_columns(header)
        self.header = [each.name for each in columns]
        self.kind = kind
        self.width = len(header)
        self.names, plain = kind.plan_names(self.header).rename(self.header)
        self._places = [each.places for each in columns]
        readers: dict[Reads, Callable[[str], Any]] = {
            Reads.COUNT: _parse_number,
            Reads.TEXTS: _parse_list,
        }
        self._readers = {
            self.names.index(each.name): readers[each.reads]
            for each in kind.fields
            if each.name in self.names and each.reads in readers
        }
        self._fields = frozenset(each.name for each in kind.fields)
        self.nullable = frozenset(each.name for each in kind.fields if each.required and each.nullable)
        self._row = _row_list_type(self.names, kind) if plain else None

    def convert_row(self, row: Sequence[str]) -> list[Any]:
        """The values of a row's cells; None for an empty cell."""
        return [values[0] for values in self._convert_columns([[cell] for cell in row])]

    def convert_rows(self, rows: Sequence[Sequence[str]]) -> list[Any] | None:
        """The records of all these rows, as `kind.record` would decode them; None when one does not fit."""
        if self._row is None:
            return None
        try:
            columns = self._convert_columns([*zip(*rows, strict=True)])
            records: list[Any] = convert_plain([*zip(*columns, strict=True)], self._row)
        except msgspec.ValidationError:
            return None
        return records

    def find_unnamed_values(self, rows: Iterable[Sequence[str]]) -> set[int]:
        """The places, from 1, of columns without a name in which one of these rows has a value."""
        named = set(chain.from_iterable(self._places))
        unnamed = [place for place in range(self.width) if place not in named]
        return {place + 1 for row in rows for place in unnamed if row[place].strip()} if unnamed else set()

    def _convert_columns(self, cells: Sequence[Sequence[str]]) -> list[Sequence[Any]]:
        return [
            self._convert_column(at, cells[places[0]])
            if len(places) == 1
            else [
                self._convert_repeated(at, group)
                for group in zip(*(cells[place] for place in places), strict=True)
            ]
            for at, places in enumerate(self._places)
        ]

    def _convert_column(self, at: int, cells: Sequence[str]) -> Sequence[Any]:
        if read := self._readers.get(at):
            if read is _parse_list and _are_plain_lists(cells):
                return [cell.split(";") for cell in cells]
            return [read(cell) if cell else None for cell in cells]
        return [cell or None for cell in cells] if "" in cells else cells

    def _convert_repeated(self, at: int, cells: Sequence[str]) -> object:
        """The values of one row's repeated columns: a list, or one value for a field that has one everywhere."""
        given = [cell for cell in dict.fromkeys(cells) if cell]
        read = self._readers.get(at)
        if read is _parse_list:
            return [each for cell in given for each in _as_list(_parse_list(cell))] or None
        values = [read(cell) if read else cell for cell in given]
        if self.names[at] in self._fields and len(values) == 1:
            return values[0]
        return values or None


class TableRows(RecordBatch):
    """A batch of rows. As a JSON object, a row has no members for its empty cells, unless empty is a value there."""

    def __init__(
        self, rows: Sequence[Sequence[str]], columns: TableColumns, *, may_have_brace: bool = True
    ) -> None:
        self._rows = rows
        self._may_have_brace = may_have_brace
        self._columns = columns
        self.names = columns.header

    def decode_records(self, kind: RecordKind) -> list[Any] | None:
        if kind is not self._columns.kind or (self._may_have_brace and self._has_placeholder()):
            return None
        return self._columns.convert_rows(self._rows)

    def _has_placeholder(self) -> bool:
        text = "".join(chain.from_iterable(self._rows))
        return "{" in text and has_placeholder(text.encode())

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


def _are_plain_lists(cells: Sequence[str]) -> bool:
    """Whether each cell is a list that only has to be split: none is JSON, nothing is empty or to be stripped."""
    text = ";".join(cells)
    return (
        text.strip(";") == text.strip() == text != ""
        and ";;" not in text
        and "[" not in text
        and len(text.split(None, 1)) == 1
    )


def _parse_list(cell: str) -> object:
    if cell.startswith("["):
        try:
            return msgspec.json.decode(cell)
        except msgspec.DecodeError:
            return cell
    if ";" not in cell:
        return [found] if (found := cell.strip()) else []
    return [found for each in cell.split(";") if (found := each.strip())]


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
