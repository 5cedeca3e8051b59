"""Findings: each check names the fields, how often, one value as data, and what is expected."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from domain.content.checks.findings import MAX_FINDINGS, quote_value
from domain.content.checks.spill import MemorySpill
from domain.content.documents import Fault
from domain.content.quality import quality_issues, recheck_quality
from domain.model.content import Finding
from tests.support.content.records import (
    ISSUES,
    MESSAGES,
    NOW,
    PAGES,
    REPOS,
    SITES,
    InMemoryRecordStream,
    populate,
    populate_lines,
    record_stream,
    template_record,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from domain.model.content import CheckResult, Content
    from domain.model.enums import DatasetType

INSTANT = "an instant such as 2024-03-12T15:05:00Z"


def failed(content: Content) -> dict[str, CheckResult]:
    return {each.check: each for each in content.report.checks if each.failed}


class Rereadable(InMemoryRecordStream):
    file = "fintech/dev/pages.jsonl"
    find_misfit: Callable[[bytes], Fault | None] | None = None

    def __init__(self, records: Sequence[dict[str, Any]], batch: int = 3) -> None:
        super().__init__([msgspec.json.encode(each) for each in records], batch)
        self.spill = MemorySpill()
        self.times_read_again = 0

    def read_again(self) -> Iterator[Sequence[bytes]]:
        self.times_read_again += 1
        return iter(self)


FOUND: list[tuple[DatasetType, dict[str, Any], str, Finding]] = [
    (
        PAGES,
        {"title": True},
        "schema_conformity",
        Finding(field="title", problem="is not a text", count=2, value="true", expected="a text"),
    ),
    (
        REPOS,
        {"stars": "1.2k"},
        "schema_conformity",
        Finding(
            field="stars",
            problem="is not a whole number from 0 with at most 15 digits",
            count=2,
            value='"1.2k"',
            expected="a whole number from 0 with at most 15 digits",
        ),
    ),
    (
        ISSUES,
        {"status": None},
        "completeness",
        Finding(field="status", problem="is missing", count=2, expected="a text"),
    ),
    (
        PAGES,
        {"title": " "},
        "completeness",
        Finding(field="title", problem="is empty", count=2, expected="a text"),
    ),
    (
        PAGES,
        {"last_modified": "2024-03-12 15:05 CET"},
        "timestamps",
        Finding(
            field="last_modified",
            problem="names a time zone by letters",
            count=2,
            value='"2024-03-12 15:05 CET"',
            expected=INSTANT,
        ),
    ),
    (
        PAGES,
        {"last_modified": "1066-10-14T10:00:00Z"},
        "timestamps",
        Finding(
            field="last_modified",
            problem="is before 1990, in the future, or created after it was changed",
            count=2,
            value='"1066-10-14T10:00:00+00:00"',
        ),
    ),
    (
        MESSAGES,
        {"author": "mira@"},
        "authors",
        Finding(
            field="author",
            problem="is no e-mail address",
            count=2,
            value='"mira@"',
            expected="an e-mail address, or a name",
        ),
    ),
    (
        MESSAGES,
        {"thread": "p1746093600000999"},
        "referential_integrity",
        Finding(
            field="thread",
            problem="leads to no record of this file",
            count=2,
            value='"p1746093600000999"',
            expected="the id of a record of this file",
        ),
    ),
    (
        ISSUES,
        {"description": "See {{site:jira_isues}}/browse/PAY-1"},
        "referential_integrity",
        Finding(
            field="placeholder",
            problem="leads to no site",
            count=2,
            value='"{{site:jira_isues}}"',
            expected="{{site:TYPE}} with confluence_pages, github_repos, slack_messages, jira_issues",
        ),
    ),
]


@pytest.mark.parametrize(("dataset_type", "changes", "check", "finding"), FOUND)
def test_a_check_names_the_field_with_its_count_a_value_and_what_is_expected(
    dataset_type: DatasetType, changes: dict[str, Any], check: str, finding: Finding
) -> None:
    records = [template_record(dataset_type, 1)]
    records += [template_record(dataset_type, n, **changes) for n in (2, 3)]
    _, content = populate(records, dataset_type)
    assert failed(content)[check].findings == (finding,)


def test_a_declared_volume_that_is_not_reached_names_what_was_declared() -> None:
    _, content = populate([template_record(PAGES)], default_record_count=3)
    [finding] = failed(content)["volume"].findings
    assert (finding.field, finding.value) == ("default_record_count", "3")


def test_the_most_frequent_findings_come_first_and_their_number_is_bounded() -> None:
    records = [template_record(ISSUES, n, updated=True) for n in range(3)]
    records += [template_record(ISSUES, 9, **{each: [[1]] for each in ("labels", "url", "priority")})]
    _, content = populate(records, ISSUES)
    found = failed(content)["schema_conformity"].findings
    assert [(each.field, each.count) for each in found] == [
        ("updated", 3),
        ("priority", 1),
        ("url", 1),
        ("labels", 1),
    ]
    many = [Fault("schema_conformity", f"field {n}", "is wrong") for n in range(99)]
    source = Rereadable([template_record(PAGES, n) for n in range(99)])
    source.find_misfit = lambda line: many[int(msgspec.json.decode(line)["page_id"]) - 1000]
    _, content = populate(source)
    assert len(failed(content)["schema_conformity"].findings) == MAX_FINDINGS


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, None),
        (12, "12"),
        ([1, {"a": "b"}], "[1,{'a':'b'}]"),
        ('say "no"\nand\tgo\x1b[31m', "\"say 'no'\\nand\\tgo\N{REPLACEMENT CHARACTER}[31m\""),
        ("x" * 1000, '"' + "x" * 60 + '…"'),
        ({"a": "y" * 10_000}, "{'a':'" + "y" * 54 + "…"),
    ],
)
def test_a_value_is_shown_as_data_on_one_line_and_short(value: object, shown: str | None) -> None:
    assert quote_value(value) == shown


def test_issues_have_the_findings_of_their_checks() -> None:
    _, content = populate([template_record(PAGES), template_record(PAGES, 2, title=True)])
    [issue] = quality_issues(content.report)
    assert issue["findings"] == [
        {"field": "title", "problem": "is not a text", "count": 1, "value": "true", "expected": "a text"}
    ]


# --- what references and placeholders weigh ------------------------------------------------------------------------


def test_one_lost_placeholder_is_one_among_all_links() -> None:
    body = "{{site:jira_issues}}/browse/PAY-1 and {{site:confluence_pages}}/1"
    pages = [template_record(PAGES, n, body=body) for n in range(10)]
    pages[3]["body"] = "{{site:jira_issue}}/browse/PAY-1"
    _, content = populate(pages)
    result = failed(content)["referential_integrity"]
    assert (result.of, result.failed, result.examples) == (19, 1, ("record 4",))


def test_one_dangling_reference_harms_one_document() -> None:
    messages = [template_record(MESSAGES, n) for n in range(10)]
    messages[9]["thread"] = "p1"
    _, content = populate(messages, MESSAGES)
    result = failed(content)["referential_integrity"]
    assert (result.of, result.failed, content.report.score) == (10, 1, 99.0)


# --- dates whose day and month only their column can tell ----------------------------------------------------------


def test_the_whole_column_decides_which_of_two_numbers_is_the_day() -> None:
    dates = ["2024-03-01T00:00:00Z", "3/12/2024 3:05 PM", "4/1/2024", "3/31/2024", "4/2/2024"]
    source = Rereadable([template_record(PAGES, n, last_modified=each) for n, each in enumerate(dates)], 2)
    documents, content = populate(source)
    assert [each["updated"][:10] for each in documents] == [
        "2024-03-01",
        "2024-03-12",
        "2024-04-01",
        "2024-03-31",
        "2024-04-02",
    ]
    assert (source.times_read_again, content.report.score) == (1, 100.0)


def test_the_records_beyond_those_that_are_wanted_decide_too() -> None:
    dates = ["3/12/2024", "3/31/2024"]
    source = Rereadable([template_record(PAGES, n, last_modified=each) for n, each in enumerate(dates)])
    documents, _ = populate(source, wanted=1)
    assert [each["updated"][:10] for each in documents] == ["2024-03-12"]


@pytest.mark.parametrize("others", [[], ["31/3/2024", "3/31/2024"]])
def test_a_date_that_stays_open_is_refused_and_nothing_is_claimed(others: list[str]) -> None:
    dates = ["3/12/2024 3:05 PM", *others]
    source = Rereadable([template_record(PAGES, n, last_modified=each) for n, each in enumerate(dates)])
    documents, content = populate(source)
    assert "updated" not in documents[0]
    [finding] = failed(content)["timestamps"].findings
    assert (finding.count, finding.value, finding.expected) == (1, '"3/12/2024 3:05 PM"', INSTANT)


def test_a_stream_that_cannot_be_read_again_leaves_a_date_open() -> None:
    documents, _ = populate([template_record(PAGES, last_modified="3/12/2024")])
    assert "updated" not in documents[0]


def test_an_instant_that_is_absent_is_no_flaw() -> None:
    for dataset_type, field in ((REPOS, "updated_at"), (ISSUES, "updated")):
        documents, content = populate([template_record(dataset_type) | {field: None}], dataset_type)
        assert "updated" not in documents[0]
        assert content.report.score == 100.0
    page = template_record(PAGES) | {"last_modified": None}
    documents, content = populate([page])
    assert "updated" not in documents[0]
    assert content.report.score == 100.0


def test_creation_is_judged_where_no_change_is_known() -> None:
    for created, score in (("2026-04-01T10:00:00Z", 100.0), ("2066-04-01T10:00:00Z", 90.0)):
        _, content = populate([template_record(ISSUES, updated=None, created=created)], ISSUES)
        assert content.report.score == score


# --- the re-check --------------------------------------------------------------------------------------------------


def recheck(content: Content, lines: list[bytes], dataset_type: DatasetType) -> dict[str, CheckResult]:
    later = NOW + timedelta(hours=1)
    found = recheck_quality([lines], content, dataset_type=dataset_type, sites=SITES, now=later)
    return {each.check: each for each in found.checks}


def test_a_re_check_keeps_what_only_the_source_showed() -> None:
    issues = [
        template_record(ISSUES, 1, updated="yesterday", description="{{site:x}} {{site:jira_issues}}/1"),
        template_record(ISSUES, 2, references=["PAY-7", "PAY-5"], created="1066-10-14T10:00:00Z"),
        template_record(ISSUES, 3, assignee="no@body"),
        *[template_record(ISSUES, n, references=["PAY-1", "PAY-2"]) for n in (4, 5)],
    ]
    lines, content = populate_lines(record_stream(issues), ISSUES, 4)
    for check, again in recheck(content, lines, ISSUES).items():
        before = next(each for each in content.report.checks if each.check == check)
        assert (again.of, again.failed, again.source) == (before.of, before.failed, before.source)
        assert set(again.findings) == set(before.findings)
    assert {name: (each.of, each.failed) for name, each in failed(content).items()} == {
        "timestamps": (4, 2),
        "authors": (4, 1),
        "referential_integrity": (5, 2),
    }


def test_a_report_of_an_earlier_release_is_checked_again_as_it_was_counted() -> None:
    messages = [template_record(MESSAGES, n, thread=f"p1746093600{n + 1:06d}") for n in range(1, 6)]
    lines, content = populate_lines(record_stream(messages), MESSAGES, 3)
    checks = tuple(replace(each, source=None, findings=()) for each in content.report.checks)
    checks = tuple(replace(each, of=2) if each.check == "referential_integrity" else each for each in checks)
    before = replace(content, report=replace(content.report, checks=checks))
    result = recheck(before, lines, MESSAGES)["referential_integrity"]
    assert (result.of, result.failed) == (2, 0)


def test_a_re_check_counts_what_time_has_mended_and_what_it_has_not() -> None:
    dates = ["2026-07-03T00:00:01Z", "yesterday", "2026-05-01T10:00:00Z"]
    pages = [template_record(PAGES, n, last_modified=each) for n, each in enumerate(dates)]
    lines, content = populate_lines(record_stream(pages))
    found = recheck_quality([lines], content, dataset_type=PAGES, sites=SITES, now=NOW + timedelta(days=3))
    [before] = [each for each in content.report.checks if each.failed]
    [again] = [each for each in found.checks if each.failed]
    assert (before.check, before.failed, again.check, again.failed) == ("timestamps", 2, "timestamps", 1)
    assert [each.problem for each in again.findings] == ["is no instant"]
