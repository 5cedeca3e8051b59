"""Cells and lines of a table that are larger than any document: refused at once, and not read to their end."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from domain.content.documents import RECORD_KINDS
from domain.errors import ExportInvalidError, TemplateInvalidError
from domain.model.enums import DatasetType
from server.adapters.templates.exports.sources.tables import read_table, read_table_rows
from server.adapters.templates.exports.sources.tree import SourceTree
from server.adapters.templates.readers.tables import TableReader, lines

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADER = b"key,summary,description,status,assignee\n"
CELLS = {
    "of one line": (b'"', b"a word, and another; "),
    "of many lines": (b'"', b"a word, and another\n"),
    "without quotes": (b"", b"a word and another one"),
    "of wide characters": (b'"', "😀ü, ".encode()),
}
SIZE = 60_000_000


class _HugeTable(io.RawIOBase):
    """A table with one cell of 60 MB, which is made while it is read; counts the bytes that were read."""

    def __init__(self, quote: bytes, piece: bytes) -> None:
        super().__init__()
        self.was_read = 0
        self._quote, self._piece = quote, piece * 4096
        self._begin()

    def _begin(self) -> None:
        self._rest = HEADER + b"A-1,a,b,Open,\nA-2,a," + self._quote
        self._left = SIZE

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        self._begin()
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while len(self._rest) < len(buffer) and self._left > 0:
            self._rest += self._piece
            self._left -= len(self._piece)
        data, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(data)] = data
        self.was_read += len(data)
        return len(data)


def _read_template(table: _HugeTable) -> None:
    for _ in TableReader(table, "x.csv", RECORD_KINDS[DatasetType.JIRA_ISSUES]):  # type: ignore[arg-type]
        pass


def _read_export(table: _HugeTable) -> None:
    def open_table() -> _HugeTable:
        table.seek(0)
        return table

    tree = SourceTree("x.csv", {"x.csv": (SIZE, lambda: _Unclosed(open_table()))}, lambda _: None)  # type: ignore[return-value, dict-item]
    for _ in read_table_rows(tree, read_table(tree, "x.csv")):
        pass


class _Unclosed(io.RawIOBase):
    """A file that is opened again after it was closed."""

    def __init__(self, inner: _HugeTable) -> None:
        super().__init__()
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._inner.readinto(buffer)


@pytest.fixture
def peak_mb() -> Iterator[list[float]]:
    """The most megabytes that the test has taken, once it has ended its work."""
    tracemalloc.start()
    found: list[float] = []
    yield found
    tracemalloc.stop()


@pytest.mark.parametrize("read", [_read_template, _read_export])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_larger_than_any_document_is_refused_before_it_is_read(
    name: str, read: object, peak_mb: list[float]
) -> None:
    table = _HugeTable(*CELLS[name])
    with pytest.raises(
        (ExportInvalidError, TemplateInvalidError), match="a cell of more than 5,000,000 cha"
    ) as refused:
        read(table)  # type: ignore[operator]
    peak_mb.append(tracemalloc.get_traced_memory()[1] / 1e6)

    assert "after record 1" in refused.value.message or "after row 2 of the file" in refused.value.message
    assert table.was_read < SIZE
    assert peak_mb[0] < 100


def test_a_line_of_many_cells_is_refused_where_it_is_longer_than_any_document(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "_LINE_LIMIT", 10)

    assert list(lines.read_csv_rows(io.StringIO("a,b\n123456789\n"), ",")) == [["a", "b"], ["123456789"]]
    with pytest.raises(csv.Error) as refused:
        list(lines.read_csv_rows(io.StringIO("a,b\n1,2,3,4,5,6\n"), ","))
    assert lines.describe_csv_error(refused.value) == "has a line of more than 10 characters"
