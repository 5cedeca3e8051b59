"""Records with exactly the fields that their type requires are READY, in every format, alone and beside others."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.model.enums import DatasetStatus, DatasetType
from tests.support.content.template_repository import TEMPLATE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.world import World

Records = list[dict[str, Any]]

LEAST: dict[DatasetType, Callable[[int], dict[str, Any]]] = {
    DatasetType.CONFLUENCE_PAGES: lambda number: {
        "page_id": f"{1000 + number}",
        "title": f"Runbook {number}",
        "body": f"<p>Step {number}</p>",
        "space_key": "OPS",
        "author_email": "mira@example.com",
        "last_modified": "2026-01-05T10:00:00Z",
    },
    DatasetType.GITHUB_REPOS: lambda number: {
        "name": f"service-{number}",
        "description": "Settles payments",
        "language": "Python",
        "stars": number,
        "issues": 1,
    },
    DatasetType.SLACK_MESSAGES: lambda number: {
        "message_id": f"M{number}",
        "text": f"Lane {number} is back.",
        "channel": "incidents",
        "author": "jon@example.com",
        "timestamp": "2026-01-05T10:00:00Z",
    },
    DatasetType.JIRA_ISSUES: lambda number: {
        "key": f"PAY-{number + 1}",
        "summary": f"Lane {number} stalls",
        "description": "It lags.",
        "status": "Open",
        "assignee": "jon@example.com",
    },
}
MORE: dict[DatasetType, dict[str, Any]] = {
    DatasetType.CONFLUENCE_PAGES: {"labels": "runbook", "author_name": "Mira", "parent_id": "1000"},
    DatasetType.GITHUB_REPOS: {
        "owner": "mock-org",
        "readme": "# Service",
        "updated_at": "2026-01-05T10:00:00Z",
    },
    DatasetType.SLACK_MESSAGES: {"thread": "M0", "author_name": "Jon"},
    DatasetType.JIRA_ISSUES: {"priority": "High", "Project key": "PAY", "created": "05/Jan/26 9:00 AM"},
}


def write_json(records: Records) -> str:
    return json.dumps(records)


def write_json_lines(records: Records) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in records)


def write_csv(records: Records) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


FORMS = {"json": write_json, "jsonl": write_json_lines, "csv": write_csv}


def write_templates(root: Path, suffix: str, *, more: bool) -> None:
    folder = root / "mock_data" / "templates" / TEMPLATE_FOLDER
    for dataset_type, record in LEAST.items():
        (folder / f"{dataset_type.value}.json").unlink()
        records = [record(number) | (MORE[dataset_type] if more else {}) for number in range(6)]
        (folder / f"{dataset_type.value}.{suffix}").write_text(FORMS[suffix](records))


@pytest.mark.parametrize("more", [False, True], ids=["alone", "beside others"])
@pytest.mark.parametrize("suffix", FORMS)
@pytest.mark.each_dialect
async def test_the_required_fields_are_enough(world: World, suffix: str, more: bool) -> None:
    write_templates(world.repository, suffix, more=more)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        for dataset_type in DatasetType:
            dataset = await process.provision(dataset_type=dataset_type)
            assert dataset.quality is not None
            assert (dataset.status, dataset.quality.score) == (DatasetStatus.READY, 100.0)
            assert len(world.served_document_ids(dataset.name)) == 6


@pytest.mark.each_dialect
async def test_repositories_without_an_owner_belong_to_the_connectors_organisation(world: World) -> None:
    write_templates(world.repository, "json", more=False)
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(dataset_type=DatasetType.GITHUB_REPOS)
    assert dataset.content is not None
    assert dataset.content.containers[0] == "mock-org/service-0"


async def test_a_poor_dataset_keeps_its_findings_in_the_store(world: World) -> None:
    records = [LEAST[DatasetType.JIRA_ISSUES](number) | {"updated": "1/2/2026"} for number in range(6)]
    folder = world.repository / "mock_data" / "templates" / TEMPLATE_FOLDER
    (folder / "jira_issues.json").write_text(json.dumps(records))
    async with world.open_process() as process:
        await process.add_client_and_journey()
        dataset = await process.provision(dataset_type=DatasetType.JIRA_ISSUES)
    assert dataset.quality is not None
    found = {each.check: each.findings for each in dataset.quality.checks if each.failed}
    assert dataset.status is DatasetStatus.VALIDATING
    assert [(each.field, each.count, each.value) for each in found["timestamps"]] == [
        ("updated", 6, '"1/2/2026"')
    ]
