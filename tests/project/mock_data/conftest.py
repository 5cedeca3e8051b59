"""The committed templates, read the plain way, and where they are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

import mock_data

Records = list[dict[str, Any]]

PAIRS = ("fintech/developer_productivity", "healthcare/clinical_operations", "default/default")
TYPES = ("confluence_pages", "github_repos", "slack_messages", "jira_issues")


@pytest.fixture(scope="session")
def mock_data_root() -> Path:
    return Path(mock_data.__file__).parent


@pytest.fixture(params=PAIRS, scope="session")
def template_set(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def records_by_type(mock_data_root: Path, template_set: str) -> dict[str, Records]:
    """The records of one industry by type. What a CSV holds is text."""
    return {each: _read_records(mock_data_root / "templates" / template_set, each) for each in TYPES}


def _read_records(folder: Path, dataset_type: str) -> Records:
    table, lines, document = (folder / f"{dataset_type}.{ending}" for ending in ("csv", "jsonl", "json"))
    if table.exists():
        return list(csv.DictReader(io.StringIO(table.read_bytes().decode(), newline="")))
    return _lines(lines) if lines.exists() else _document(document)


def _document(path: Path) -> Records:
    document = json.loads(path.read_bytes())
    if isinstance(document, list):
        return document
    source = document.get("source", document)
    return _lines(path.parent / source["file"]) if "file" in source else list(source["records"])


def _lines(path: Path) -> Records:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
