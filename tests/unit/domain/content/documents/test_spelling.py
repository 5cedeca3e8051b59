"""Names in files: every spelling of a field is the field, and of several names the better one is read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.documents import RECORD_KINDS, normalize_name
from domain.content.population.names import RecordNames
from domain.model.enums import DatasetType
from tests.support.content.records import ISSUES, MESSAGES, PAGES, REPOS, populate, template_record


@pytest.mark.parametrize(
    "spelt",
    [
        "last_modified",
        "lastModified",
        "Last Modified",
        "LAST-MODIFIED",
        " Last\u00a0Modified ",
        "lastmodified",
    ],
)
def test_case_and_separators_make_no_difference(spelt: str) -> None:
    assert normalize_name(spelt) == "lastmodified"


FIELDS = [(kind, each.name) for kind in DatasetType for each in RECORD_KINDS[kind].fields if each.required]


def respell(name: str, draw: st.DataObject) -> str:
    words = [word.title() if draw.draw(st.booleans()) else word for word in name.split("_")]
    joined = draw.draw(st.sampled_from([" ", "_", "-", ""])).join(words)
    return joined.upper() if draw.draw(st.booleans()) else joined


@given(st.sampled_from(DatasetType), st.data())
def test_a_record_in_any_spelling_makes_the_same_document(
    dataset_type: DatasetType, data: st.DataObject
) -> None:
    record = template_record(dataset_type)
    spelt = {respell(name, data): value for name, value in record.items()}
    assert populate([spelt], dataset_type)[0] == populate([record], dataset_type)[0]


OTHER_NAMES: list[tuple[DatasetType, dict[str, str]]] = [
    (ISSUES, {"key": "Issue key"}),
    (ISSUES, {"key": "Issue Key", "project": "Project key", "updated": "Updated", "assignee": "Assignee"}),
    (REPOS, {"stars": "stargazers_count", "issues": "open_issues_count", "url": "html_url"}),
    (REPOS, {"stars": "stargazerCount", "language": "primaryLanguage", "updated_at": "updatedAt"}),
    (MESSAGES, {"author": "user", "timestamp": "ts", "channel": "channel_name"}),
    (PAGES, {"page_id": "id", "author_email": "author", "space_key": "space", "last_modified": "updated"}),
]


@pytest.mark.parametrize(("dataset_type", "names"), OTHER_NAMES)
def test_the_names_that_vendors_give_are_understood(dataset_type: DatasetType, names: dict[str, str]) -> None:
    record = template_record(dataset_type)
    spelt = {names.get(name, name): value for name, value in record.items()}
    documents, content = populate([spelt], dataset_type)
    assert (documents, content.report.score) == (populate([record], dataset_type)[0], 100.0)
    assert content.warnings == ()


def test_an_issues_key_beats_its_number() -> None:
    [document], _ = populate([{"id": 10041, "Issue id": 10041} | template_record(ISSUES)], ISSUES)
    assert document["id"] == "PAY-1"


def test_a_number_is_an_issues_id_where_there_is_no_key() -> None:
    [document], content = populate([template_record(ISSUES, key=None, id=10041)], ISSUES)
    assert (document["id"], content.report.score) == ("10041", 100.0)


def test_the_page_for_people_beats_the_address_of_the_api() -> None:
    given_urls: dict[str, Any] = {
        "url": "https://api.example.com/repos/1",
        "html_url": "https://example.com/acme/books",
    }
    [document], _ = populate([template_record(REPOS, **given_urls)], REPOS)
    assert document["url"] == "https://example.com/acme/books"


def test_an_empty_better_name_gives_way() -> None:
    given_urls: dict[str, Any] = {"url": "https://example.com/acme/books", "html_url": ""}
    [document], _ = populate([template_record(REPOS, **given_urls)], REPOS)
    assert document["url"] == "https://example.com/acme/books"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"full_name": "acme/books", "name": "books", "owner": None}, "acme/books"),
        ({"full_name": "acme/books", "name": None, "owner": None}, "acme/books"),
        ({"name": "books", "owner": {"login": "mira", "id": 7}}, "mira/books"),
        ({"name": "books", "owner": None}, "mock-org/books"),
    ],
)
def test_a_repository_belongs_to_the_owner_that_its_record_names(
    changes: dict[str, Any], expected: str
) -> None:
    [document], content = populate([template_record(REPOS, **changes)], REPOS)
    assert (document["id"], content.report.score) == (expected, 100.0)


@pytest.mark.parametrize("field", ["owner", "organization"])
def test_a_templates_header_names_the_owner_of_its_repositories(field: str) -> None:
    given_records = [template_record(REPOS, owner=None, name="books")]
    [document], _ = populate(given_records, REPOS, custom_fields={field: " acme "})
    assert (document["id"], document["container"]) == ("acme/books", "acme")


def test_an_issues_project_is_in_its_key() -> None:
    [document], _ = populate([template_record(ISSUES, project=None)], ISSUES)
    assert document["container"] == "PAY"


def test_the_time_of_a_message_is_its_id_where_it_has_none_exactly_as_it_is_written() -> None:
    record = template_record(MESSAGES, message_id=None, timestamp=None, ts="1512085950.000200")
    [document], content = populate([record], MESSAGES)
    assert (document["id"], document["updated"]) == ("1512085950.000200", "2017-11-30T23:52:30.000200Z")
    assert content.report.score == 100.0


def test_a_value_that_differs_under_a_name_of_the_same_meaning_is_a_finding() -> None:
    _, content = populate([template_record(ISSUES, Status="Open", STATUS="Done")], ISSUES)
    [result] = [each for each in content.report.checks if each.failed]
    [finding] = result.findings
    assert (result.check, finding.field, finding.value) == ("schema_conformity", "status", '"Done"')


def test_the_same_value_under_two_names_is_no_flaw() -> None:
    _, content = populate([template_record(ISSUES, Status="Open")], ISSUES)
    assert content.report.score == 100.0


def test_repeated_columns_make_a_list() -> None:
    record = template_record(ISSUES, labels=["billing", "", "ledger"], Status=["Open", "Open"], status=None)
    [document], content = populate([record], ISSUES)
    assert document["properties"]["labels"] == ["billing", "ledger"]
    assert (document["properties"]["status"], content.report.score) == ("Open", 100.0)


def test_repeated_columns_that_differ_are_no_text() -> None:
    _, content = populate([template_record(ISSUES, status=["Open", "Done"])], ISSUES)
    [result] = [each for each in content.report.checks if each.failed]
    assert (result.findings[0].field, result.findings[0].problem) == ("status", "is not a text")


def test_names_that_nothing_reads_are_told_with_the_field_that_they_may_mean() -> None:
    odd: dict[str, Any] = {"lables": ["a"], "Votes": 3, "_comment": "mine", "Sprint\nnow": 1}
    _, content = populate([template_record(ISSUES, **odd)] * 3, ISSUES)
    assert content.report.checks[0].failed == 0
    assert content.warnings == (
        "Nothing reads lables: did you mean labels?",
        'Nothing reads Votes, "Sprint\N{REPLACEMENT CHARACTER}now".',
    )


def test_many_names_that_nothing_reads_are_counted() -> None:
    names = RecordNames(RECORD_KINDS[PAGES])
    for at in range(900):
        names.plan([f"zz{at}"])
        names.plan([f"zz{at}"])
    [warning] = names.warnings()
    assert warning.startswith("Nothing reads zz0, zz1,")
    assert re.search(r"zz11 and at least 188 more\.$", warning)


def test_a_header_is_renamed_to_the_fields_that_its_columns_are_read_for() -> None:
    kind = RECORD_KINDS[REPOS]
    assert kind.plan_names(["Repo Name", "Votes", "STARS"]).rename(["Repo Name", "Votes", "STARS"]) == (
        ["name", "Votes", "stars"],
        True,
    )
    both = ["full_name", "stars"]
    assert kind.plan_names(both).rename(both) == (["full_name", "stars"], False)
    rivals = ["name", "Name"]
    assert kind.plan_names(rivals).rename(rivals) == (["name", "Name"], False)
