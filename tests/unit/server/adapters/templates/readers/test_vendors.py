"""Vendors' notations, recognised by what a file begins with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server.adapters.templates.readers import vendors
from tests.support.content.records import template_record
from tests.support.content.repository_files import PAGES, RepositoryFiles

RECORDS: list[tuple[dict[str, Any], vendors.Vendor | None]] = [
    ({"key": "A-1", "fields": {}}, vendors.JIRA_REST),
    ({"issues": [], "startAt": 0}, vendors.JIRA_REST),
    ({"issues": [], "nextPageToken": "x"}, vendors.JIRA_REST),
    ({"id": "1", "body": {"storage": {}}}, vendors.CONFLUENCE_REST),
    ({"id": "1", "body": {"atlas_doc_format": {}}}, vendors.CONFLUENCE_REST),
    ({"id": "1", "title": "t", "status": "current", "_links": {}}, vendors.CONFLUENCE_REST),
    ({"type": "message", "ts": "1.2", "text": "x"}, vendors.SLACK_EXPORT_PART),
    ({"nameWithOwner": "a/b"}, vendors.GITHUB),
    ({"node": {"nameWithOwner": "a/b"}}, vendors.GITHUB),
    ({"data": {"viewer": {}}}, vendors.GITHUB),
    ({"type": "message", "ts": "1.2", "text": "x", "channel": "releases"}, None),
    ({"key": "A-1", "summary": "x"}, None),
    (
        {
            "name": "a",
            "full_name": "b/a",
            "stargazers_count": 3,
            "html_url": "https://github.example.com/b/a",
        },
        None,
    ),
    ({"page_id": "1", "body": "<p/>"}, None),
    ({"data": {"a": 1}}, None),
    ({}, None),
]


@pytest.mark.parametrize(("record", "vendor"), RECORDS)
def test_a_record_is_recognised_by_its_members(record: dict[str, Any], vendor: vendors.Vendor | None) -> None:
    assert vendors.recognize_record(record) == vendor


@pytest.mark.parametrize(
    ("names", "vendor"),
    [
        (["Summary", "Issue key", "Issue id"], vendors.JIRA_CSV),
        (["ISSUE KEY", "Custom field (Sprint)"], vendors.JIRA_CSV),
        (["key", "summary", "status"], None),
        (["Issue key", "Summary"], None),
        ([], None),
    ],
)
def test_a_header_is_recognised_by_names_that_only_one_vendor_writes(
    names: list[str], vendor: vendors.Vendor | None
) -> None:
    assert vendors.recognize_header(names) == vendor


async def test_a_vendors_record_with_all_that_is_required_is_read(repository: RepositoryFiles) -> None:
    record = template_record(PAGES, 1) | {"status": "current", "_links": {"self": "x"}}
    repository.write("fintech/dev/confluence_pages.json", json.dumps([record]))
    assert vendors.recognize_record(record) == vendors.CONFLUENCE_REST
    assert repository.populate(await repository.load_only_template()).report.score == 100.0
