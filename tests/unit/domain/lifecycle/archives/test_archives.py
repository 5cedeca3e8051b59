from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.errors import ArchiveFailedError
from domain.lifecycle.archives.archive import (
    Archive,
    archive_place,
    archive_quality_reports,
    build_archive_metadata,
    build_archive_order,
    build_archive_record,
    manifest_restorable_until,
    parse_archive,
    probe_query,
    require_matching_manifest,
    restorable_until,
)
from domain.model.connector import Connector, Fingerprint
from domain.model.content import CheckResult, Content, QualityReport, TemplateChoice
from domain.model.dataset import Dataset, Teardown
from domain.model.enums import (
    ConnectorStatus,
    DatasetStatus,
    DatasetType,
    DataSource,
    Stage,
    TeardownReason,
    TemplateMatch,
)
from domain.ports.archives import ArchiveOrder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

NOW = datetime(2026, 3, 1, 12, 0, 0, 250, tzinfo=UTC)
GATHERED = QualityReport(
    score=98.25,
    checks=(CheckResult(check="uniqueness", weight=20, of=500, failed=1, examples=("17: page-9",)),),
    checksum="c0ffee",
    evaluated_at=NOW - timedelta(days=2),
)
VERDICT = replace(
    GATHERED,
    evaluated_at=NOW - timedelta(days=1),
    gates=(CheckResult(check="indexed", weight=0, of=1, failed=0),),
)
CONTENT = Content(
    attempt=1, record_count=500, size_bytes=123_456, checksum="c0ffee", containers=("ENG",), report=GATHERED
)
DATASET = Dataset(
    dataset_id="acme-sandbox-confluence-7f3k2m",
    name="ACME-Sandbox-Confluence",
    client_id="ACME",
    journey_id="j1",
    stage=Stage.SANDBOX,
    dataset_type=DatasetType.CONFLUENCE_PAGES,
    template=TemplateChoice(
        template_id="fintech/developer_productivity/confluence_pages", match=TemplateMatch.EXACT
    ),
    data_source=DataSource.MOCK_TEMPLATE,
    status=DatasetStatus.TEARDOWN,
    created_at=NOW - timedelta(days=2),
    last_used_at=NOW,
    content=CONTENT,
    quality=VERDICT,
    teardown=Teardown(
        reason=TeardownReason.JOURNEY_COMPLETED,
        requester="person:ann",
        former_status=DatasetStatus.READY,
        started_at=NOW,
    ),
)
BARE = replace(DATASET, status=DatasetStatus.FAILED, content=None, quality=None, teardown=None)
CONNECTOR = Connector(
    connector_id="acme-sandbox-confluence-1",
    dataset_id=DATASET.dataset_id,
    client_id="ACME",
    name="ACME-Sandbox-Confluence",
    kind="confluence",
    status=ConnectorStatus.HEALTHY,
    created_at=NOW - timedelta(days=2),
    fingerprint=Fingerprint(dialect="admin", url="https://api.glean.com"),
    handle="ds-1",
    config={"baseUrl": "https://mock-confluence.example.com", "authentication": {"type": "API_TOKEN"}},
)
MANIFEST = {
    "format_version": 1,
    "dataset_id": DATASET.dataset_id,
    "archived_at": "2026-03-01T12:00:00Z",
    "restorable_until": "2026-05-30T12:00:00Z",
    "record_count": 500,
    "checksum": "c0ffee",
    "full_data": True,
    "files": {
        "metadata.json": {"size": 700, "sha256": "aa"},
        "documents.jsonl.zst": {"size": 300, "sha256": "bb"},
    },
}
PLACE = "ACME/sandbox/confluence_pages/acme-sandbox-confluence-7f3k2m"
LOST = replace(DATASET, teardown=replace(DATASET.teardown, archive_incomplete=True))  # type: ignore[type-var]


def without(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in manifest.items() if key != name}


def documents() -> AsyncIterator[Sequence[bytes]]:
    raise NotImplementedError


def test_a_place_is_made_of_client_stage_type_and_dataset() -> None:
    assert archive_place(DATASET) == PLACE


def test_metadata_tells_what_the_wire_contract_lists_and_where_the_data_came_from() -> None:
    assert build_archive_metadata(DATASET, CONNECTOR, NOW, 90) == {
        "dataset_id": "acme-sandbox-confluence-7f3k2m",
        "name": "ACME-Sandbox-Confluence",
        "dataset_type": "confluence_pages",
        "stage": "sandbox",
        "client_id": "ACME",
        "journey_id": "j1",
        "created_at": "2026-02-27T12:00:00Z",
        "archived_at": "2026-03-01T12:00:00Z",
        "record_count": 500,
        "size_bytes": 123_456,
        "quality_score": 98.25,
        "restorable_until": "2026-05-30T12:00:00Z",
        "data_source": "mock_template",
        "template": {"template_id": "fintech/developer_productivity/confluence_pages", "match": "exact"},
        "checksum": "c0ffee",
        "reason": "journey_completed",
        "connector": {
            "connector_id": "acme-sandbox-confluence-1",
            "name": "ACME-Sandbox-Confluence",
            "kind": "confluence",
            "status": "healthy",
            "handle": "ds-1",
            "created_at": "2026-02-27T12:00:00Z",
            "platform": {"dialect": "admin", "url": "https://api.glean.com"},
        },
    }


def test_metadata_of_a_dataset_that_never_had_content_keeps_the_contract_fields() -> None:
    assert build_archive_metadata(BARE, None, NOW, 90) == {
        "dataset_id": "acme-sandbox-confluence-7f3k2m",
        "name": "ACME-Sandbox-Confluence",
        "dataset_type": "confluence_pages",
        "stage": "sandbox",
        "client_id": "ACME",
        "journey_id": "j1",
        "created_at": "2026-02-27T12:00:00Z",
        "archived_at": "2026-03-01T12:00:00Z",
        "record_count": 0,
        "size_bytes": 0,
        "quality_score": None,
        "restorable_until": "2026-05-30T12:00:00Z",
        "data_source": "mock_template",
        "template": {"template_id": "fintech/developer_productivity/confluence_pages", "match": "exact"},
    }


def test_metadata_never_holds_the_connectors_configuration() -> None:
    config = {"authentication": {"token": "s3cret"}}

    assert "s3cret" not in json.dumps(
        build_archive_metadata(DATASET, replace(CONNECTOR, config=config), NOW, 90)
    )


def test_metadata_scores_by_the_gathered_report_when_there_is_no_verdict_yet() -> None:
    unjudged = replace(DATASET, quality=None, content=replace(CONTENT, report=replace(GATHERED, score=70.0)))

    assert build_archive_metadata(unjudged, None, NOW, 90)["quality_score"] == 70.0


def test_metadata_says_when_a_person_allowed_an_incomplete_archive() -> None:
    assert build_archive_metadata(LOST, None, NOW, 90)["incomplete"] is True


def test_reports_are_the_gathered_one_and_the_verdict() -> None:
    unnamed: dict[str, object] = {"findings": [], "source": None}
    gathered = {
        "score": 98.25,
        "checks": [
            {"check": "uniqueness", "weight": 20, "of": 500, "failed": 1, "examples": ["17: page-9"]}
            | unnamed
        ],
        "gates": [],
        "checksum": "c0ffee",
        "evaluated_at": "2026-02-27T12:00:00Z",
    }
    gate = {"check": "indexed", "weight": 0, "of": 1, "failed": 0, "examples": []} | unnamed

    found = json.loads(json.dumps(archive_quality_reports(DATASET)))

    assert found == [gathered, {**gathered, "gates": [gate], "evaluated_at": "2026-02-28T12:00:00Z"}]


def test_a_verdict_that_is_the_gathered_report_is_told_once() -> None:
    assert len(archive_quality_reports(replace(DATASET, quality=GATHERED))) == 1
    assert archive_quality_reports(BARE) == []


def test_an_order_holds_everything_and_no_more_than_a_hundred_samples() -> None:
    sample = [b"{}"] * 150

    assert build_archive_order(
        DATASET, CONNECTOR, sample=sample, documents=documents, now=NOW, retention_days=30
    ) == ArchiveOrder(
        place=PLACE,
        metadata=build_archive_metadata(DATASET, CONNECTOR, NOW, 30),
        sample=sample[:100],
        reports=archive_quality_reports(DATASET),
        documents=documents,
        compressed=True,
    )


def test_an_archive_is_restorable_for_the_retention_that_its_manifest_fixed() -> None:
    assert restorable_until(NOW, 90) == NOW + timedelta(days=90)
    assert manifest_restorable_until(MANIFEST) == datetime(2026, 5, 30, 12, tzinfo=UTC)


def test_the_manifest_of_what_the_dataset_holds_matches() -> None:
    assert require_matching_manifest(DATASET, MANIFEST) is MANIFEST


def test_the_manifest_of_a_dataset_without_content_matches() -> None:
    manifest = without(MANIFEST, "checksum") | {"record_count": 0, "full_data": False}

    assert require_matching_manifest(BARE, manifest) is manifest


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"dataset_id": "another"}, "dataset_id"),
        ({"record_count": 499}, "record_count"),
        ({"checksum": "decaf"}, "checksum"),
        ({"incomplete": True}, "incomplete"),
        ({"incomplete": True, "record_count": 0, "checksum": "decaf"}, "incomplete, record_count, checksum"),
    ],
)
def test_a_manifest_of_anything_else_does_not_match(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ArchiveFailedError, match=f"it differs in {named}"):
        require_matching_manifest(DATASET, MANIFEST | changes)


def test_an_incomplete_archive_matches_only_when_that_was_allowed() -> None:
    lost = MANIFEST | {"incomplete": True, "record_count": 3, "checksum": "decaf"}

    assert require_matching_manifest(LOST, lost) is lost
    assert require_matching_manifest(LOST, MANIFEST) is MANIFEST
    with pytest.raises(ArchiveFailedError, match="differs in dataset_id"):
        require_matching_manifest(LOST, lost | {"dataset_id": "another"})
    with pytest.raises(ArchiveFailedError, match="differs in record_count"):
        require_matching_manifest(LOST, MANIFEST | {"record_count": 3})


def test_the_facts_that_the_store_keeps_come_back_as_the_archive() -> None:
    facts = json.loads(
        json.dumps(build_archive_record(DATASET, PLACE, f"/archives/{PLACE}", MANIFEST).as_dict())
    )

    assert parse_archive(facts) == Archive(
        dataset_id="acme-sandbox-confluence-7f3k2m",
        name="ACME-Sandbox-Confluence",
        client_id="ACME",
        journey_id="j1",
        stage="sandbox",
        dataset_type="confluence_pages",
        place=PLACE,
        path=f"/archives/{PLACE}",
        archived_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        restorable_until=datetime(2026, 5, 30, 12, tzinfo=UTC),
        record_count=500,
        size_bytes=123_456,
        stored_bytes=1000,
        full_data=True,
    )


def test_the_facts_of_a_lost_content_say_that_it_is_incomplete() -> None:
    lost = build_archive_record(BARE, PLACE, "/a", MANIFEST | {"incomplete": True, "record_count": 3})

    assert (lost.incomplete, lost.record_count, lost.size_bytes) == (True, 3, 0)


@pytest.mark.parametrize(
    ("changes", "restorable"),
    [({}, True), ({"full_data": False}, False), ({"incomplete": True}, False)],
)
def test_only_an_archive_of_everything_says_until_when_it_can_be_restored(
    changes: dict[str, Any], *, restorable: bool
) -> None:
    archive = build_archive_record(DATASET, PLACE, "/a", MANIFEST | changes)

    assert archive.restore_deadline == (archive.restorable_until if restorable else None)


def test_facts_that_cannot_be_read_are_an_error_that_names_the_dataset() -> None:
    with pytest.raises(ArchiveFailedError, match="the archive of acme-x cannot be read"):
        parse_archive({"dataset_id": "acme-x"})


@pytest.mark.parametrize(
    ("line", "query"),
    [
        (
            b'{"id":"p1","title":"Deploy  runbook\\n for the ledger","body":"x"}',
            "Deploy runbook for the ledger",
        ),
        (b'{"id":"p1","title":" "}', "p1"),
        (b'{"id":"p1"}', "p1"),
        (b'{"id":"p1","title":"1 2 3 4 5 6 7 8 9 10 11 12 13 14"}', "1 2 3 4 5 6 7 8 9 10 11 12"),
    ],
)
def test_a_document_is_looked_for_by_the_beginning_of_its_title(line: bytes, query: str) -> None:
    assert probe_query(line) == query
