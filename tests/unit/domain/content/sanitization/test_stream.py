"""A stream of sanitized records gives none that leaks, and says nothing of the export but places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.content.checks.spill import MemorySpill
from domain.content.sanitization import (
    PeopleHarvest,
    SanitizationRules,
    SanitizedRecords,
    harvest_stream,
)
from domain.errors import ExportInvalidError, LeakFoundError, TemplateInvalidError
from domain.model import DatasetType
from tests.support.content.production_export import EMAIL, KEY, NAME, export_records, find_markers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ISSUES = DatasetType.JIRA_ISSUES
DEEP = b'{"summary": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001


class FakeStream:
    """The lines of a file, as readers give them."""

    find_misfit = None

    def __init__(self, lines: Sequence[bytes], *, warnings: Sequence[str] = (), fails: bool = False) -> None:
        self.file = "jira_issues.jsonl"
        self.lines = lines
        self.warnings = list(warnings)
        self.spill = MemorySpill()
        self.fails = fails

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        yield self.lines
        if self.fails:
            raise TemplateInvalidError(f"found {NAME}", file=NAME, position=7, record_field=NAME)

    def read_again(self) -> Iterator[Sequence[bytes]]:
        return iter(self)


def lines_of(records: Sequence[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(each).encode() for each in records]


def sanitized(stream: FakeStream) -> SanitizedRecords:
    harvest = PeopleHarvest()
    harvest_stream(harvest, FakeStream(lines_of(export_records(ISSUES, 1))))
    return SanitizedRecords(stream, ISSUES, harvest.finish(), KEY, SanitizationRules())


@pytest.mark.parametrize(("count", "sizes"), [(1, [1]), (256, [256]), (600, [256, 256, 88])])
def test_records_come_in_batches_and_are_counted(count: int, sizes: list[int]) -> None:
    stream = sanitized(FakeStream(lines_of(export_records(ISSUES, count))))
    batches = list(stream)
    assert [len(each) for each in batches] == sizes
    assert find_markers(b"\n".join(line for batch in batches for line in batch)) == []
    report = stream.build_report()
    assert (report.records, report.people) == (count, 1)
    again = [line for batch in stream.read_again() for line in batch]
    assert again == [line for batch in batches for line in batch]
    assert stream.build_report() == report


@pytest.mark.parametrize(("at", "count", "found"), [(0, 1, 1), (255, 256, 1), (300, 400, 1), (2, 3, 1)])
def test_nothing_follows_a_leak_and_the_rest_is_checked(at: int, count: int, found: int) -> None:
    records = export_records(ISSUES, count)
    records[at]["key"] = EMAIL
    batches = iter(sanitized(FakeStream(lines_of(records))))
    given = [line for _ in range(at // 256) for line in next(batches)]
    with pytest.raises(LeakFoundError) as caught:
        next(batches)
    assert len(given) == 256 * (at // 256)
    assert caught.value.facts["leak_count"] == found
    assert caught.value.facts["leaks"] == [{"record": at + 1, "field": "key", "position": 0, "kind": "email"}]
    assert find_markers(repr(caught.value.__dict__)) == []


def test_an_export_full_of_leaks_is_not_read_to_its_end() -> None:
    records = [each | {"key": EMAIL} for each in export_records(ISSUES, 1500)]
    stream = sanitized(FakeStream(lines_of(records)))
    with pytest.raises(LeakFoundError, match="and others") as caught:
        list(stream)
    assert caught.value.facts["leak_count"] == 1000
    assert len(caught.value.facts["leaks"]) == 10


@pytest.mark.parametrize("broken", [b"Zuleika", b'["Zuleika"]', b'{"key": "\\ud800"}', DEEP])
def test_a_record_that_cannot_be_parsed_is_refused_by_its_place_in_every_pass(broken: bytes) -> None:
    lines = [*lines_of(export_records(ISSUES, 1)), broken]
    harvest, stream = PeopleHarvest(), sanitized(FakeStream(lines))
    for reads in (lambda: harvest_stream(harvest, FakeStream(lines)), lambda: list(stream)):
        with pytest.raises(ExportInvalidError) as caught:
            reads()
        assert caught.value.facts == {"file": "jira_issues.jsonl", "position": 2}
        assert find_markers(repr(caught.value.__dict__)) == []


def test_what_a_reader_says_is_not_repeated() -> None:
    stream = sanitized(FakeStream(lines_of(export_records(ISSUES, 1)), fails=True))
    with pytest.raises(ExportInvalidError, match=r"Record 7 of jira_issues\.jsonl") as caught:
        list(stream)
    assert find_markers(repr(caught.value.__dict__)) == []
    assert caught.value.__suppress_context__


def test_an_export_without_records_is_refused() -> None:
    with pytest.raises(ExportInvalidError, match="holds no records"):
        list(sanitized(FakeStream([])))


def test_of_the_readers_warnings_those_are_kept_that_quote_nothing() -> None:
    harmless = "2 records are null and were skipped; positions count the others."
    stream = sanitized(
        FakeStream(lines_of(export_records(ISSUES, 1)), warnings=[harmless, f"The column {NAME} is empty."])
    )
    list(stream)
    assert stream.warnings == [harmless]


def test_places_to_look_at_are_a_warning() -> None:
    record = export_records(ISSUES, 1)[0] | {"summary": "Approved by Ottilie Brandvoll on Monday"}
    stream = sanitized(FakeStream(lines_of([record])))
    list(stream)
    assert stream.build_report().suspect_count == 1
    assert stream.warnings[0].startswith("Places that may still name somebody, for a person to look at: 1.")
    assert "Ottilie" not in stream.warnings[0]


def test_the_spill_and_the_file_are_those_of_the_export() -> None:
    source = FakeStream([])
    stream = sanitized(source)
    assert (stream.spill, stream.file) == (source.spill, source.file)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("severity", "severity"), ("zuleika_quistgaard_notes", "(other)"), (EMAIL, "(other)")],
)
def test_a_field_is_named_unless_its_name_is_somebodys(name: str, shown: str) -> None:
    record = export_records(ISSUES, 1)[0] | {name: "x", "assignee": {"displayName": NAME, name: "x"}}
    stream = sanitized(FakeStream(lines_of([record])))
    list(stream)
    assert [each.field for each in stream.build_report().dropped] == sorted([shown, f"assignee.{shown}"])
