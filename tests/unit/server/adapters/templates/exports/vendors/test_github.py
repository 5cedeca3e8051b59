"""GitHub's answers: REST list and search, GraphQL, `gh repo list --json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import ExportInvalidError
from tests.support.content.exports import github_repository, import_records

if TYPE_CHECKING:
    from pathlib import Path

LISTED = {
    "nameWithOwner": "vega-org/billing-api",
    "description": "The billing-api",
    "primaryLanguage": {"name": "Python"},
    "stargazerCount": 12,
    "issues": {"totalCount": 3},
    "updatedAt": "2024-03-12T14:05:00Z",
    "repositoryTopics": [{"name": "payments"}],
}
QUERIED = {
    **LISTED,
    "primaryLanguage": None,
    "languages": {"nodes": [{"name": "Python"}]},
    "stargazers": {"totalCount": 12},
    "repositoryTopics": {"nodes": [{"topic": {"name": "payments"}}, {}]},
}
del QUERIED["stargazerCount"]
RECORD = {
    "name": "billing-api",
    "owner": "vega-org",
    "description": "The billing-api",
    "language": "Python",
    "stars": 12,
    "issues": 3,
    "updated_at": "2024-03-12T14:05:00Z",
    "topics": ["payments"],
}


def _graphql(**repositories: Any) -> dict[str, Any]:
    return {"data": {"organization": {"repositories": {"totalCount": 1, **repositories}}}}


@pytest.mark.parametrize(
    "content",
    [
        [github_repository("billing-api")],
        github_repository("billing-api"),
        {"total_count": 1, "items": [github_repository("billing-api")]},
        [LISTED],
        _graphql(nodes=[QUERIED]),
        _graphql(edges=[{"node": {**QUERIED, "languages": [{"node": {"name": "Python"}}]}}]),
    ],
)
def test_every_answer_gives_the_same_record(tmp_path: Path, content: object) -> None:
    records, _ = import_records(tmp_path, "github", json.dumps(content))

    assert records == [RECORD]


def test_pages_one_after_another_are_one_export(tmp_path: Path) -> None:
    pages = [[github_repository("a"), None], [github_repository("b"), github_repository("A")]]
    records, report = import_records(tmp_path, "github", "".join(map(json.dumps, pages)))

    assert [each["name"] for each in records] == ["a", "b"]
    assert report.dropped == {
        "null in place of a repository": 1,
        "repository that is in the export a second time": 1,
    }


def test_what_a_repository_does_not_have_is_no_flaw(tmp_path: Path) -> None:
    empty: dict[str, Any] = {"description": None, "language": None, "topics": [], "license": {"key": "mit"}}
    (record,), report = import_records(tmp_path, "github", json.dumps([github_repository("docs", **empty)]))

    assert (record["description"], record["language"], record.get("readme")) == (None, None, None)
    assert "topics" not in record
    assert report.unread == {"id": 1, "license": 1}


def test_forks_and_archived_repositories_are_taken_and_counted(tmp_path: Path) -> None:
    content = [github_repository("a", fork=True), {**LISTED, "isArchived": True}]
    records, report = import_records(tmp_path, "github", json.dumps(content))

    assert len(records) == 2
    assert report.notes == {"fork, taken as any other": 1, "archived repository, taken as any other": 1}


def test_links_between_own_repositories_lead_to_their_copies(tmp_path: Path) -> None:
    readme = {"text": "See https://github.com/vega-org/docs."}
    (record,), report = import_records(
        tmp_path, "github", json.dumps([github_repository("a", readme=readme)])
    )

    assert record["readme"] == "See {{site:github_repos}}/docs."
    assert report.notes == {"link to the own site, rewritten": 1}


def test_a_name_without_its_owner_is_enough(tmp_path: Path) -> None:
    bare = {"name": "a", "stargazers_count": 1, "open_issues_count": 0, "owner": "vega-org"}
    records, _ = import_records(tmp_path, "github", json.dumps([bare, {**bare, "owner": None}]))

    assert [(each["owner"], each["name"]) for each in records] == [("vega-org", "a"), ("unknown", "a")]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([{"id": 1}], "is no repository of GitHub's"),
        (["x"], "is no repository of GitHub's"),
        ([{"name": "a", "issues": 3}], "has not its number of stars"),
        ([{"name": "a", "stargazerCount": 3, "issues": True}], "has not its number of open issues"),
        ({"errors": [{"message": "No."}]}, "answered with errors"),
        ({"message": "Bad credentials"}, "holds no record"),
        (_graphql(nodes=[]), "holds no record"),
    ],
)
def test_an_answer_that_is_none_of_githubs_is_refused(tmp_path: Path, content: object, problem: str) -> None:
    with pytest.raises(ExportInvalidError, match=problem):
        import_records(tmp_path, "github", json.dumps(content))
