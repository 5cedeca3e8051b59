"""Rows that are cut, beside those that `csv.reader` reads."""

from __future__ import annotations

import csv
from itertools import chain
from typing import TYPE_CHECKING, Literal
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.adapters.templates.readers.tables import cells

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TRICKY = st.text(st.sampled_from('ab,"\n\r\x01é;'), max_size=60)
CELL = st.text(st.sampled_from('ab ,"\né'), max_size=8)
ROWS = st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=12)


def read(rows: Iterable[list[str]]) -> tuple[list[list[str]], str | None]:
    """The rows, and what was wrong after them."""
    found: list[list[str]] = []
    try:
        for row in rows:
            found.append(row)  # noqa: PERF402 - what came before an error counts
    except (csv.Error, UnicodeDecodeError) as error:
        return found, str(error)
    return found, None


def cut(path: Path) -> Iterator[list[str]]:
    with path.open("rb") as file:
        yield from chain.from_iterable(batch.rows for batch in cells.read_row_batches(file))


def by_csv(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file, strict=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TRICKY, chunk=st.integers(1, 16), longest=st.sampled_from([5, 1000]))
@example(text='a,b\n1,2\n"x,3\n', chunk=8, longest=1000)
@example(text='"a""b",""\r\n"""c""",\n', chunk=3, longest=1000)
@example(text='a\n\n"x"y\n', chunk=100, longest=1000)
@example(text='a,b\n1"2,"\n"\n', chunk=100, longest=1000)
def test_any_text_gives_the_rows_and_the_error_that_csv_gives(
    tmp_path: Path, text: str, chunk: int, longest: int
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    with mock.patch.multiple(cells, _CHUNK=chunk, _LONGEST=longest, _BATCH=2):
        assert read(cut(path)) == read(by_csv(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=ROWS,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_program_writes_is_cut_and_never_left_to_csv(
    tmp_path: Path, rows: list[list[str]], quoting: Literal[0, 1], end: str
) -> None:
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=quoting, lineterminator=end).writerows(rows)
    with (
        mock.patch.object(cells, "_CHUNK", 7),
        mock.patch.object(cells, "_read", side_effect=AssertionError),
    ):
        assert list(cut(path)) == rows


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfa,b\n1,2\n", b"a\n\xff\n", b"a\n1\n\xc3", b"", b"\xef\xbb\xbf"]
)
def test_bytes_are_understood_as_csv_understands_them(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    assert read(cut(path)) == read(by_csv(path))
