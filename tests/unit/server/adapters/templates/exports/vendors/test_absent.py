"""What stands for a value that an export does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from domain.content import RECORD_KINDS
from domain.model import DatasetType
from server.adapters.templates.exports.vendors.absent import REQUIRED, complete_record

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST: Mapping[DatasetType, dict[str, Any]] = {
    DatasetType.CONFLUENCE_PAGES: {
        "page_id": "1",
        "title": "a < b",
        "body": None,
        "space_key": "OPS",
        "author_email": None,
        "last_modified": "2024-03-12T14:05:00Z",
    },
    DatasetType.GITHUB_REPOS: {
        "name": "docs",
        "owner": "vega-org",
        "description": None,
        "language": None,
        "stars": 0,
        "issues": 0,
        "url": "https://x.example/docs",
        "updated_at": "2024-03-12T14:05:00Z",
    },
    DatasetType.SLACK_MESSAGES: {
        "message_id": "1",
        "text": "a",
        "channel": "general",
        "author": "kim@vega.example",
        "timestamp": "2024-03-12T14:05:00Z",
    },
    DatasetType.JIRA_ISSUES: {
        "key": "PAY-1",
        "summary": "a",
        "description": None,
        "status": "Open",
        "assignee": None,
        "project": "PAY",
        "updated": "2024-03-12T14:05:00Z",
    },
}


@pytest.mark.parametrize("dataset_type", DatasetType)
def test_a_record_with_the_least_that_an_export_has_fits_its_type(dataset_type: DatasetType) -> None:
    record = complete_record(dataset_type, {**LEAST[dataset_type], "labels": None})

    assert set(REQUIRED[dataset_type]) <= set(record)
    assert "labels" not in record
    assert RECORD_KINDS[dataset_type].decode(msgspec.json.encode(record))
