"""Jira's CSV, as its issue navigator exports it, of Cloud and of Data Center, one file or several.

Columns that an issue has several values of are there several times under one name (`Labels`, `Sprint`, `Comment`).
Source: https://support.atlassian.com/jira-software-cloud/docs/export-your-search-results-from-advanced-search/
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from domain.content import wiki_to_text
from domain.errors import ExportInvalidError
from domain.model import quote_foreign
from server.adapters.templates.exports.instants import DateNotation
from server.adapters.templates.exports.people import find_address
from server.adapters.templates.exports.sources.tables import (
    Table,
    missing_columns_error,
    read_table,
    read_table_rows,
)
from server.adapters.templates.exports.vendors.jira import ISSUE_KEY, IssueBook, IssueMaker, RawIssue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from server.adapters.templates.exports.sources.tables import RowPlace
    from server.adapters.templates.exports.vendors.export import Export, Record

_NOT_PLAIN: Final = re.compile(r"[\W_]+")
_SINGLE: Final = {
    "issuekey": "key",
    "key": "key",
    "summary": "summary",
    "status": "status",
    "description": "description",
    "issuetype": "type",
    "type": "type",
    "projectkey": "project",
    "priority": "priority",
    "assignee": "assignee",
    "assigneeid": "assignee id",
    "reporter": "reporter",
    "reporterid": "reporter id",
    "created": "created",
    "updated": "updated",
}
_LISTS: Final = {"labels": "labels", "attachment": "attachment"}
_REFERENCES: Final = re.compile(
    r"(?:in|out)wardissuelink.*|parent|parentkey|(?:customfield)?(?:epic|parent)link|subtasks"
)
_REQUIRED: Final = {"key": "Issue key", "summary": "Summary", "status": "Status"}
_IN_ENGLISH: Final = (
    "Set your language in Jira to English, and export all fields as CSV again; or name these columns in the first row "
    "in English. Then import again: nothing was written."
)
_NOBODY: Final = frozenset({"", "unassigned"})


def read_jira_csv(export: Export) -> Iterator[Record]:
    """The issues of Jira's CSV. Raises ExportInvalidError."""
    tables = [
        _Columns(read_table(export.tree, name))
        for name in export.tree.names
        if name.lower().endswith((".csv", ".tsv", ".txt")) or len(export.tree.names) == 1
    ]
    book, dates = IssueBook(), DateNotation(export.dates)
    for table in tables:
        for place, row in read_table_rows(export.tree, table.table):
            table.survey_row(row, place, book, dates)
    dates.decide()
    maker = IssueMaker(export, book)
    for table in tables:
        for _, row in read_table_rows(export.tree, table.table):
            if record := maker.make(table.parse_row(row, export, book, dates)):
                yield record
        table.count_unread(export)


class _Columns:
    """The columns of one table, by what they mean."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._at: defaultdict[str, list[int]] = defaultdict(list)
        self._unread: dict[int, int] = {}
        for at, name in enumerate(table.columns):
            plain = _NOT_PLAIN.sub("", name).lower()
            meaning = _SINGLE.get(plain) or _LISTS.get(plain)
            if meaning is None and _REFERENCES.fullmatch(plain):
                meaning = "references"
            if meaning:
                self._at[meaning].append(at)
            if meaning in {None, "attachment"}:
                self._unread[at] = 0
        missing = [name for meaning, name in _REQUIRED.items() if meaning not in self._at]
        if missing:
            raise missing_columns_error(table, missing, "CSV of Jira's in English", _IN_ENGLISH)

    def survey_row(self, row: list[str], place: RowPlace, book: IssueBook, dates: DateNotation) -> None:
        """Note what one issue says about all, and count what is not read of it."""
        for meaning, columns in self._at.items():
            if len(columns) > 1 and meaning not in {*_LISTS.values(), "references"}:
                self._require_one_value(row, columns, place)
        key = self._cell(row, "key")
        if not key:
            raise ExportInvalidError(
                f"{quote_foreign(self.table.name)} has no issue key in {place}.",
                position=place.record,
                suggested_action="Fill it in, or remove the row, and import again: nothing was written.",
            )
        book.add(key)
        self._note_people_and_hosts(row, book)
        for column in ("created", "updated"):
            if text := self._cell(row, column):
                dates.observe(text)
        for at in self._unread:
            if row[at]:
                self._unread[at] += 1

    def parse_row(self, row: list[str], export: Export, book: IssueBook, dates: DateNotation) -> RawIssue:
        """The issue of a row."""
        description = self._cell(row, "description")
        return RawIssue(
            key=self._cell(row, "key"),
            summary=self._cell(row, "summary") or self._cell(row, "key"),
            description=wiki_to_text(book.name_mentions(description)) or None,
            status=self._cell(row, "status") or "None",
            assignee=_address_of(self._cell(row, "assignee")),
            reporter=_address_of(self._cell(row, "reporter")),
            project=self._cell(row, "project") or None,
            priority=self._cell(row, "priority") or None,
            created=self._instant(row, "created", export, dates),
            updated=self._instant(row, "updated", export, dates),
            issue_type=self._cell(row, "type") or None,
            labels=[label for cell in self._cells(row, "labels") for label in cell.split()],
            references=[each for each in self._cells(row, "references") if ISSUE_KEY.fullmatch(each)],
        )

    def count_unread(self, export: Export) -> None:
        """Count the values of the columns that are not read."""
        for at, count in self._unread.items():
            if count:
                export.tally.count_unread(
                    self.table.columns[at] or f"(column {at + 1}, without a name)", count
                )

    def _note_people_and_hosts(self, row: list[str], book: IssueBook) -> None:
        for person in ("assignee", "reporter"):
            if (account := self._cell(row, f"{person} id")) and (name := self._cell(row, person)):
                book.names[account] = name
        for cell in self._cells(row, "attachment"):
            book.add_host(cell.rpartition(";")[2])

    def _instant(self, row: list[str], column: str, export: Export, dates: DateNotation) -> datetime | None:
        text = self._cell(row, column)
        instant = dates.parse(text) if text else None
        if text and instant is None:
            export.tally.count_dropped(f"date in {column.title()} that cannot be read", text)
        return instant

    def _cell(self, row: list[str], meaning: str) -> str:
        return next((cell for at in self._at.get(meaning, ()) if (cell := row[at].strip())), "")

    def _cells(self, row: list[str], meaning: str) -> list[str]:
        return [cell for at in self._at.get(meaning, ()) if (cell := row[at].strip())]

    def _require_one_value(self, row: list[str], columns: list[int], place: RowPlace) -> None:
        """Columns of one meaning may not differ: nobody could say which of them is right."""
        values = {row[at]: at for at in reversed(columns) if row[at]}
        if len(values) > 1:
            names = " and ".join(quote_foreign(self.table.columns[at]) for at in sorted(values.values()))
            raise ExportInvalidError(
                f"{quote_foreign(self.table.name)} has columns that mean the same and differ "
                f"in {place}: {names}.",
                position=place.record,
                suggested_action="Remove the column that is wrong, and import again: nothing was written.",
            )


def _address_of(name: str) -> str | None:
    return None if name.lower() in _NOBODY else find_address(name)
