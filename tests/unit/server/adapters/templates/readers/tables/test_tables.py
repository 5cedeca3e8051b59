"""Tables as spreadsheets and other programs write them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import RECORD_KINDS
from domain.errors import TemplateInvalidError
from domain.model.enums import DatasetType
from server.adapters.templates.readers.tables import TableReader
from server.adapters.templates.readers.tables.header import detect_header

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = RECORD_KINDS[DatasetType.JIRA_ISSUES]
HEADER = ["key", "summary", "description", "status", "assignee", "project", "priority", "updated", "labels"]
ROW = [
    "A-1",
    "First; of two",
    'Say "go",\nthen é',
    "Open",
    "jo@example.com",
    "A",
    "High",
    "2026-01-01T00:00:00Z",
    "x;y",
]
OTHER = ["A-2", "Second", "Text", "Done", "jo@example.com", "A", "Low", "2026-01-02T00:00:00Z", ""]
EXPECTED = [
    {**dict(zip(HEADER, ROW, strict=True)), "labels": ["x", "y"]},
    dict(zip(HEADER[:-1], OTHER[:-1], strict=True)),
]


def write(rows: Sequence[Sequence[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows(rows)
    return text.getvalue()


def read(data: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    reader = TableReader(io.BytesIO(data), "x.csv", KIND)
    records = [msgspec.json.decode(line) for batch in reader for line in batch]
    return records, reader.warnings


def refuse(data: bytes) -> TemplateInvalidError:
    with pytest.raises(TemplateInvalidError) as refused:
        read(data)
    return refused.value


# --- delimiters and what is above the header -----------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_with_every_delimiter_and_encoding(delimiter: str, encoding: str) -> None:
    assert read(write([HEADER, ROW, OTHER], delimiter).encode(encoding)) == (EXPECTED, [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
def test_a_line_that_names_the_delimiter_is_taken(delimiter: str) -> None:
    text = f"sep={delimiter}\r\n" + write([HEADER, ROW, OTHER], delimiter)
    assert read(text.encode()) == (EXPECTED, [])


@given(delimiter=st.sampled_from(",;\t|"), data=st.data())
def test_the_delimiter_is_the_one_with_which_the_header_has_its_fields(
    delimiter: str, data: st.DataObject
) -> None:
    names = data.draw(st.permutations(HEADER).flatmap(lambda each: st.integers(2, 9).map(lambda n: each[:n])))
    above = data.draw(st.lists(st.sampled_from(["", "Report of May", "all; of, them|here"]), max_size=3))
    text = "".join(write([[each]], delimiter) if each else "\n" for each in above) + write([names], delimiter)
    header = detect_header(text.encode(), "x.csv", KIND)
    assert header is not None
    assert (header.dialect.delimiter, header.names, header.rows) == (delimiter, names, len(above) + 1)
    assert len(header.warnings) == (1 if any(above) else 0)


def test_titles_above_the_header_are_skipped_with_a_warning() -> None:
    text = "Issues of May\n\nMade by Jo,,,\n" + write([HEADER, ROW, OTHER])
    records, warnings = read(text.encode())
    assert records == EXPECTED
    assert warnings == ['The rows above the header were skipped: "Issues of May", "Made by Jo".']


def test_a_header_below_rows_of_cells_is_named() -> None:
    error = refuse(("Team,Payments\n" + write([HEADER, ROW])).encode())
    assert error.message == "x.csv has its header in row 2, below rows with several cells."
    assert "Remove the rows above the header" in error.suggested_action


def test_a_table_without_any_known_field_has_its_header_in_the_first_row_of_cells() -> None:
    assert read(b"\nrot;gelb\n1;2\n") == ([{"rot": "1", "gelb": "2"}], [])


def test_a_table_that_is_empty_has_no_record() -> None:
    assert read(b"") == ([], [])
    assert read(b"\n , \n") == ([], [])


def test_text_that_is_no_table_for_one_delimiter_may_be_one_for_another() -> None:
    assert read(b'key;summary\nA-1;"x""y"\n') == ([{"key": "A-1", "summary": 'x"y'}], [])


# --- rows ----------------------------------------------------------------------------------------------------------


def test_empty_rows_are_ignored_wherever_they_are() -> None:
    text = write([HEADER, ["", " "], ROW, [""] * 9, [], OTHER, [" "] * 9, ["", ""]])
    assert read(text.encode()) == (EXPECTED, [])


def test_empty_cells_beyond_the_header_are_ignored() -> None:
    assert read(write([HEADER, [*ROW, "", ""], OTHER]).encode()) == (EXPECTED, [])


@pytest.mark.parametrize("cells", [["A-3", "x"], [*OTHER, "more"]])
def test_a_row_of_another_width_is_named_as_a_spreadsheet_numbers_it(cells: list[str]) -> None:
    text = "May\n" + write([HEADER, ROW, [], OTHER, cells])
    error = refuse(text.encode())
    assert error.message == f"x.csv has {len(cells)} cells in row 6 of the file (record 3); the header has 9."
    assert error.facts["position"] == 3


def test_a_row_of_another_width_far_down_is_counted_from_the_first() -> None:
    rows = [HEADER, *([OTHER] * 3000), ["A-3"]]
    assert "in row 3002 of the file (record 3001)" in refuse(write(rows).encode()).message


# --- columns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        [each.upper() for each in HEADER],
        [
            "Key",
            "Summary",
            "Description",
            "Status",
            "Assignee",
            "Project",
            "Priority",
            "Updated At",
            "Labels",
        ],
        [
            "issueKey",
            "summary",
            "description",
            "status",
            "assignee",
            "project-key",
            "priority",
            "updated_at",
            "LABELS",
        ],
    ],
)
def test_headers_in_another_spelling_are_the_fields_that_they_mean(header: list[str]) -> None:
    assert read(write([header, ROW, OTHER]).encode()) == (EXPECTED, [])


def test_two_columns_that_mean_one_field_keep_the_names_that_they_have() -> None:
    records, _ = read(b"issue key,key,summary\nB-1,A-1,x\n")
    assert records == [{"issue key": "B-1", "key": "A-1", "summary": "x"}]


def test_repeated_columns_become_a_list_under_one_name() -> None:
    text = "key,labels,Sprint,labels,Sprint,summary,summary\nA-1,a,1,b;c,2,x,x\nA-2,,3,,,x,y\nA-3,,,,,,z\n"
    records, _ = read(text.encode())
    assert records == [
        {"key": "A-1", "labels": ["a", "b", "c"], "Sprint": ["1", "2"], "summary": "x"},
        {"key": "A-2", "Sprint": ["3"], "summary": ["x", "y"]},
        {"key": "A-3", "summary": "z"},
    ]


def test_a_repeated_list_that_is_no_list_stays_what_it_is() -> None:
    assert read(b'key,labels,labels\nA-1,"[1",b\n')[0] == [{"key": "A-1", "labels": ["[1", "b"]}]


def test_repeated_columns_of_numbers_are_numbers() -> None:
    kind = RECORD_KINDS[DatasetType.GITHUB_REPOS]
    reader = TableReader(io.BytesIO(b"name,stars,stars\na,3,3\nb,3,4\n"), "x.csv", kind)
    found = [msgspec.json.decode(line) for batch in reader for line in batch]
    assert found == [{"name": "a", "stars": 3}, {"name": "b", "stars": [3, 4]}]


def test_repeated_columns_are_decoded_at_once_where_they_fit() -> None:
    text = write([[*HEADER, "labels"], [*ROW, "z"], [*OTHER, ""]])
    (batch,) = TableReader(io.BytesIO(text.encode()), "x.csv", KIND)
    records = batch.decode_records(KIND)
    assert records is not None
    assert [each.labels for each in records] == [("x", "y", "z"), None]


def test_columns_without_a_name_are_left_out_and_named_when_they_have_values() -> None:
    empty = write([[*HEADER, "", " "], [*ROW, "", ""], [*OTHER, "", ""]])
    filled = write([["", *HEADER, ""], ["1", *ROW, ""], ["", *OTHER, "x"]])
    assert read(empty.encode()) == (EXPECTED, [])
    assert read(filled.encode()) == (
        EXPECTED,
        ["Columns without a name in the header were left out: 1, 11."],
    )


def test_the_header_of_jiras_own_export_says_how_it_is_imported() -> None:
    _, warnings = read(b"Summary,Issue key,Issue id\nx,A-1,10001\n")
    assert "jira-csv" in warnings[0]


# --- encodings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text", "guess", "byte"),
    [
        ("latin-1", "Grüße", "it seems to be Latin-1", 0xFC),
        ("cp1252", "the “so” and “so”", "it seems to be Windows-1252", 0x93),
        ("cp1251", "Счета и платежи", "another alphabet", 0xD1),
    ],
)
def test_another_encoding_is_named_with_row_and_column_of_its_first_byte(
    encoding: str, text: str, guess: str, byte: int
) -> None:
    rows = [HEADER, [*ROW[:2], "a\nb", *ROW[3:]], [*OTHER[:2], text, *OTHER[3:]]]
    error = refuse(write(rows).encode(encoding))
    assert guess in error.message
    assert f"0x{byte:02X}, in row 3 of the file, column 3 (description)" in error.message
    assert error.facts["position"] == 2
    assert "CSV UTF-8" in error.suggested_action


def test_another_encoding_is_found_in_a_header_and_beyond_it_too() -> None:
    assert "in row 1 of the file, column 2 (" in refuse("key,größe\nA-1,2\n".encode("latin-1")).message
    assert "in row 2 of the file, column 3." in refuse("key,summary\nA-1,x,ü\n".encode("latin-1")).message


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\xff\xfe\x00\x00k\x00\x00\x00", "is UTF-32; UTF-8 is expected"),
        ("key,summary\nA-1,x\n".encode("utf-16-le"), "is UTF-16 without a byte order mark, or binary"),
        ("key,summary\nA-1,x\n".encode("utf-16")[:-1], "is marked as UTF-16, but breaks off"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "is a Git LFS pointer"),
        (b"PK\x03\x04\x14", "is a ZIP archive or a spreadsheet in its program's own format"),
    ],
)
def test_what_is_no_table_is_named(data: bytes, problem: str) -> None:
    assert problem in refuse(data).message


class FailingDisk(io.BytesIO):
    """A file of which the second read fails."""

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > 1:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_fails_is_said_to_have_failed() -> None:
    with pytest.raises(
        TemplateInvalidError, match=r"x\.csv cannot be read after record 0: Input/output error\."
    ):
        list(TableReader(FailingDisk(write([HEADER, ROW]).encode()), "x.csv", KIND))
