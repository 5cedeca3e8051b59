"""A small mock-data repository, flawless unless a test spoils it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from domain.model.enums import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEMPLATE_FOLDER: Final = "fintech/developer_productivity"


def confluence_page(number: int) -> dict[str, Any]:
    """Page number `number` of two spaces."""
    return {
        "page_id": f"P{number}",
        "title": f"Runbook {number} for settlement",
        "body": f"<p>Step {number}: look at the ledger of incident INC-{number}.</p>",
        "space_key": "ENG" if number % 2 else "OPS",
        "author_email": f"person{number % 5}@example.com",
        "last_modified": f"2026-02-{number % 28 + 1:02}T08:00:00Z",
    }


def github_repo(number: int) -> dict[str, Any]:
    """Repository number `number`."""
    return {
        "name": f"service-{number}",
        "owner": "mock-org",
        "description": f"Settles payments of lane {number}",
        "language": "Python",
        "stars": number,
        "issues": number % 3,
        "url": f"{{{{site:github_repos}}}}/service-{number}",
        "readme": f"# Service {number}\n\nSee INC-{number}.",
        "updated_at": f"2026-02-{number % 28 + 1:02}T09:00:00Z",
    }


def slack_message(number: int) -> dict[str, Any]:
    """Message number `number`; every third answers the one before."""
    message = {
        "message_id": f"M{number}",
        "text": f"INC-{number} is being looked at.",
        "channel": "incidents",
        "author": f"person{number % 5}@example.com",
        "timestamp": f"2026-02-{number % 28 + 1:02}T10:00:00Z",
    }
    return message | ({"thread": f"M{number - 1}"} if number % 3 == 2 else {})


def jira_issue(number: int) -> dict[str, Any]:
    """Issue number `number` of one project."""
    return {
        "key": f"PAY-{number + 1}",
        "summary": f"Settlement stalls, INC-{number}",
        "description": f"The ledger of lane {number} lags.",
        "status": "Open",
        "assignee": f"person{number % 5}@example.com",
        "project": "PAY",
        "priority": "High",
        "updated": f"2026-02-{number % 28 + 1:02}T11:00:00Z",
    }


RECORD_FACTORIES: Final[dict[DatasetType, Callable[[int], dict[str, Any]]]] = {
    DatasetType.CONFLUENCE_PAGES: confluence_page,
    DatasetType.GITHUB_REPOS: github_repo,
    DatasetType.SLACK_MESSAGES: slack_message,
    DatasetType.JIRA_ISSUES: jira_issue,
}


def write_repository(root: Path, *, records: int = 30) -> Path:
    """Write a template of each type, JSON version 1, and give the repository's root."""
    for dataset_type, record in RECORD_FACTORIES.items():
        write_template(root, dataset_type, [record(number) for number in range(records)])
    return root


def write_template(
    root: Path, dataset_type: DatasetType, records: list[dict[str, Any]], *, relative: bool = False
) -> Path:
    """Write, or replace, the template of one type; its time may be relative."""
    path = root / "mock_data" / "templates" / TEMPLATE_FOLDER / f"{dataset_type.value}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"tags": ["test"]} | ({"time": "relative"} if relative else {})
    path.write_text(json.dumps({"metadata": metadata, "records": records}))
    return path
