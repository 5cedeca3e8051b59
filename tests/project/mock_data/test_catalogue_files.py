from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from mock_data.story.__main__ import main
from mock_data.story.write import catalogue
from server.adapters.templates.catalogue.listing import COMPANY_FILE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    Records = list[dict[str, Any]]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_script_writes_the_committed_files_byte_for_byte(
    mock_data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--out", str(tmp_path)])
    written = _files(tmp_path)
    committed = _files(mock_data_root / "templates")
    companies = {name for name in committed if name.endswith(COMPANY_FILE)}
    assert len(companies) == 6
    for name in companies:  # written by hand
        del committed[name]
    assert sorted(written) == sorted(committed)
    assert [name for name in written if written[name] != committed[name]] == []
    assert len(capsys.readouterr().err.splitlines()) == len(written)


def test_the_order_of_hashes_changes_nothing(mock_data_root: Path) -> None:
    digest = (
        "import hashlib, json; from mock_data.story.write import catalogue;"
        "print(hashlib.sha256(json.dumps(catalogue()).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", digest],
            cwd=mock_data_root.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_type_has_as_many_records_as_it_declares(
    template_set: str, records_by_type: dict[str, Records]
) -> None:
    expected = 60 if template_set == "default/default" else 500
    assert {each: len(records) for each, records in records_by_type.items()} == dict.fromkeys(
        records_by_type, expected
    )


def test_every_format_has_an_example(mock_data_root: Path) -> None:
    formats = set()
    for path in (mock_data_root / "templates").rglob("*"):
        if path.suffix == ".json":
            document = json.loads(path.read_bytes())
            kind = "array" if isinstance(document, list) else f"v{document.get('format_version', 1)}"
            formats.add((kind, *(document.get("source", {}) if kind == "v2" else ())))
        elif path.is_file() and ".records" not in path.name:
            formats.add((path.suffix,))
    assert formats == {
        (".yaml",),
        ("array",),
        ("v1",),
        ("v2", "file"),
        ("v2", "records"),
        (".csv",),
        (".jsonl",),
    }


def test_a_version_2_template_says_what_it_is(mock_data_root: Path) -> None:
    path = mock_data_root / "templates/fintech/developer_productivity/jira_issues.json"
    head = json.loads(path.read_bytes())
    schema = head.pop("schema")
    assert schema["required"] == [
        *("key", "summary", "description", "status", "assignee", "project", "priority", "updated")
    ]
    assert head == {
        "format_version": 2,
        "name": "Payments engineering: Jira issues",
        "metadata": {
            "industry": "fintech",
            "use_case": "developer_productivity",
            "data_type": "mock",
            "stage": "sandbox",
            "tags": ["story", "fintech"],
            "custom_fields": {"story": "Payments engineering", "language": "en"},
        },
        "default_record_count": 500,
        "source": {"file": "jira_issues.records.jsonl"},
    }


def test_the_catalogue_stays_small() -> None:
    assert sum(len(text.encode()) for text in catalogue().values()) < 6_000_000
