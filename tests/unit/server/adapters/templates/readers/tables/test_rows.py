from __future__ import annotations

import msgspec
import pytest

from domain.content.documents import RECORD_KINDS
from domain.model.enums import DatasetType
from server.adapters.templates.readers.tables.rows import TableColumns, TableRows

KIND = RECORD_KINDS[DatasetType.GITHUB_REPOS]
NAMES = [
    "name",
    "team",
    "owner",
    "description",
    "language",
    "stars",
    "issues",
    "url",
    "readme",
    "updated_at",
    "topics",
]
ROW = ["a/b", "x", "a", "d", "Go", "3", "0", "https://x", "r", "2026-05-01T10:00:00Z", "a; b"]


def changed_row(**cells: str) -> list[str]:
    return [cells.get(name, cell) for name, cell in zip(NAMES, ROW, strict=True)]


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"topics": ""},
        {"topics": " c"},
        {"topics": " "},
        {"team": ""},
        {"topics": '["c"]', "description": "{}"},
    ],
)
def test_rows_are_decoded_at_once_as_their_json_is_one_by_one(cells: dict[str, str]) -> None:
    rows = TableRows([ROW, changed_row(**cells)], TableColumns(NAMES, KIND))
    decoded = [msgspec.structs.asdict(KIND.decode(each.replace(b'"team":"x",', b""))) for each in rows]
    found = rows.decode_records(KIND)
    assert found is not None
    assert [{name: getattr(each, name) for name in decoded[0]} for each in found] == decoded


@pytest.mark.parametrize(
    "cells",
    [
        {"stars": ""},
        {"stars": "many"},
        {"stars": "-1"},
        {"updated_at": "yesterday"},
        {"topics": "[1]"},
        {"name": "x" * 201},
        {"readme": "{{site:jira_issues}}"},
    ],
)
def test_rows_of_which_one_must_be_looked_at_are_not_decoded_at_once(cells: dict[str, str]) -> None:
    assert TableRows([ROW, changed_row(**cells)], TableColumns(NAMES, KIND)).decode_records(KIND) is None


def test_rows_without_a_required_column_are_not_decoded_at_once() -> None:
    rows = TableRows([ROW[2:]], TableColumns(["owner", "team", *NAMES[4:]], KIND))
    assert rows.decode_records(KIND) is None
    assert msgspec.json.decode(rows[0])["stars"] == 3


def test_an_empty_cell_is_a_value_where_a_field_may_say_nothing() -> None:
    rows = TableRows([changed_row(description="", owner="")], TableColumns(NAMES, KIND))
    assert msgspec.json.decode(rows[0])["description"] is None
    assert "owner" not in msgspec.json.decode(rows[0])


def test_a_header_in_any_spelling_is_read_at_once() -> None:
    header = ["Repo Name", "team", "OWNER", *[each.replace("_", " ").title() for each in NAMES[3:]]]
    [record] = TableRows([ROW], TableColumns(header, KIND)).decode_records(KIND) or []
    assert (record.name, record.updated_at.year) == ("a/b", 2026)


def test_rows_with_two_columns_of_one_meaning_are_looked_at_one_by_one() -> None:
    rows = TableRows([[*ROW, "b"]], TableColumns([*NAMES, "Repo Name"], KIND))
    assert rows.decode_records(KIND) is None
    assert msgspec.json.decode(rows[0])["Repo Name"] == "b"


def test_rows_are_of_one_kind() -> None:
    assert (
        TableRows([ROW], TableColumns(NAMES, KIND)).decode_records(RECORD_KINDS[DatasetType.JIRA_ISSUES])
        is None
    )
