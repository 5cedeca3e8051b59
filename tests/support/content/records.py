"""Records that are right in every respect, one a type, and a population of them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from domain.content.population import Population
from domain.model.enums import DatasetType
from domain.model.template import Template
from domain.ports.staging import Staged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.model.content import Content
    from domain.ports.templates import RecordStream

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SITES = {each: f"https://{each.connector_kind}.acme.example" for each in DatasetType}
PAGES, REPOS = DatasetType.CONFLUENCE_PAGES, DatasetType.GITHUB_REPOS
MESSAGES, ISSUES = DatasetType.SLACK_MESSAGES, DatasetType.JIRA_ISSUES


def template_record(dataset_type: DatasetType, number: int = 1, **changes: Any) -> dict[str, Any]:
    """One record; a change to None leaves the field out."""
    records: dict[DatasetType, dict[str, Any]] = {
        DatasetType.CONFLUENCE_PAGES: {
            "page_id": f"{1000 + number}",
            "title": "Ledger",
            "body": "<p>Posts</p>",
            "space_key": "PAY",
            "author_email": "ada@acme.example",
            "last_modified": "2026-05-01T10:00:00Z",
        },
        DatasetType.GITHUB_REPOS: {
            "name": f"ledger-{number}",
            "owner": "acme",
            "description": "Keeps the books",
            "language": "Kotlin",
            "stars": 3,
            "issues": 0,
            "url": "https://github.acme.example/ledger",
            "readme": "# Ledger",
            "updated_at": "2026-05-01T10:00:00Z",
        },
        DatasetType.SLACK_MESSAGES: {
            "message_id": f"p1746093600{number:06d}",
            "text": "The ledger is fine",
            "channel": "payments",
            "author": "ada@acme.example",
            "timestamp": "2026-05-01T10:00:00Z",
        },
        DatasetType.JIRA_ISSUES: {
            "key": f"PAY-{number}",
            "summary": "Posting lag",
            "description": "It lags",
            "status": "Open",
            "assignee": "ada@acme.example",
            "project": "PAY",
            "priority": "High",
            "updated": "2026-05-01T10:00:00Z",
        },
    }
    return {name: value for name, value in (records[dataset_type] | changes).items() if value is not None}


class InMemoryRecordStream:
    """A record stream from memory."""

    def __init__(self, lines: Sequence[bytes], batch: int = 3, warnings: Sequence[str] = ()) -> None:
        self._lines = lines
        self._batch = batch
        self.warnings = warnings
        self.batches_read = 0

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        for start in range(0, len(self._lines), self._batch):
            self.batches_read += 1
            yield self._lines[start : start + self._batch]


def record_stream(records: Sequence[dict[str, Any]], batch: int = 3) -> InMemoryRecordStream:
    return InMemoryRecordStream([msgspec.json.encode(each) for each in records], batch)


def template(dataset_type: DatasetType = PAGES, **changes: Any) -> Template:
    given: dict[str, Any] = {
        "template_id": f"fintech/dev/{dataset_type.value}",
        "name": "Fintech",
        "industry": "fintech",
        "use_case": "dev",
        "dataset_type": dataset_type,
        "format": "jsonl",
        "source": f"fintech/dev/{dataset_type.value}.jsonl",
    }
    return Template(**given | changes)


def population(dataset_type: DatasetType = PAGES, wanted: int | None = None, **changes: Any) -> Population:
    return Population(
        template(dataset_type, **changes),
        dataset_type=dataset_type,
        wanted=wanted,
        sites=SITES,
        now=NOW,
        progress=lambda _done, _total: None,
    )


def populate(
    records: Sequence[dict[str, Any]] | RecordStream,
    dataset_type: DatasetType = PAGES,
    wanted: int | None = None,
    **changes: Any,
) -> tuple[list[dict[str, Any]], Content]:
    """The documents, decoded, and the content."""
    lines, content = populate_lines(records, dataset_type, wanted, **changes)
    return [msgspec.json.decode(line) for line in lines], content


def populate_lines(
    records: Sequence[dict[str, Any]] | RecordStream,
    dataset_type: DatasetType = PAGES,
    wanted: int | None = None,
    **changes: Any,
) -> tuple[list[bytes], Content]:
    attempt = population(dataset_type, wanted, **changes)
    source = record_stream(records) if isinstance(records, list) else records
    data = b"".join(attempt.stream_documents(source))  # type: ignore[arg-type]
    lines = data.split(b"\n")[:-1]
    staged = Staged(lines=len(lines), size_bytes=len(data), checksum=sha256(data).hexdigest())
    return lines, attempt.build_content(1, staged)
