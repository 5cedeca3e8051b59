"""Sanitized production data on the command line: nothing of the export is in anything that is printed or written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from domain.model.enums import DatasetType
from tests.support.content.production_export import (
    KEY,
    export_records,
    files_with_markers,
    find_markers,
    write_export,
)
from tests.support.servers.command_line import CLIENT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

PROVISION = (
    *("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "pilot"),
    *("--data-source", "sanitized_production", "--dataset-type"),
)


@pytest.fixture
def export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine) -> Path:
    """The export that is configured, and a client with a journey at pilot."""
    made = write_export(tmp_path / "export")
    monkeypatch.setenv("SANITIZATION_EXPORT_PATH", str(made))
    monkeypatch.setenv("SANITIZATION_KEY", KEY.decode())
    command_line.run_ok(*CLIENT, "--use-case", "developer_productivity")
    command_line.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "pilot")
    return made


def leaking_issues() -> bytes:
    """Three issues, of which the last has an address in its key, where nothing is replaced."""
    records = export_records(DatasetType.JIRA_ISSUES, 3)
    records[2]["key"] = records[2]["reporter"]
    return "\n".join(map(json.dumps, records)).encode()


def output_of(command_line: CommandLine, *args: str, code: int = 0) -> str:
    """All that a command writes that must end with that code; no marker is in it."""
    done = command_line.run(*args)
    assert done.exit_code == code, done.output
    assert find_markers(done.output) == []
    assert find_markers(done.stderr) == []
    return done.output


def test_nothing_of_the_export_is_printed_or_written(
    command_line: CommandLine, export: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = command_line.run_json(*PROVISION, "confluence_pages")
    dataset_id = made["dataset_id"]
    assert made["status"] == "ready"
    assert find_markers(json.dumps(made)) == []
    output_of(command_line, *PROVISION, "slack_messages")
    shown = command_line.run_json("datasets", "show", dataset_id)
    assert shown["sanitization"]["people"] == 1
    assert {"field": "title", "kind": "person", "count": 12} in shown["sanitization"]["replaced"]
    assert shown["sanitization"]["dropped"] == [{"field": "(other)", "count": 12}]
    assert "Fields kept out" in output_of(command_line, "datasets", "show", dataset_id)
    write_export(export, jira_issues=leaking_issues())
    assert "email in the field key" in output_of(command_line, *PROVISION, "jira_issues", code=1)
    write_export(export, github_repos=b'{"name": "zuleika", "readme": Quistgaard}')
    assert "Record 1 of" in output_of(command_line, *PROVISION, "github_repos", "--json", code=1)
    write_export(export)
    for each in (
        ("datasets", "list"),
        ("datasets", "show", dataset_id),
        ("audit", "list", "--all"),
        ("audit", "explain", dataset_id),
        ("events", "list"),
        ("archives", "snapshot", dataset_id),
        ("datasets", "recheck", dataset_id),
        ("health",),
        ("doctor",),
        ("sanitize", "preview", str(export)),
    ):
        output_of(command_line, *each)
        output_of(command_line, *each, "--json")
    assert list((command_line.folder / "archives").rglob("metadata.json"))
    assert list(files_with_markers(command_line.folder)) == []
    assert find_markers(caplog.text) == []
    assert sorted(each.name for each in tmp_path.iterdir() if each.name != "data") == ["export"]


def test_the_doctor_looks_at_the_export(command_line: CommandLine, export: Path) -> None:
    assert "has all four types" in command_line.run("doctor").output
    (export / "jira_issues.jsonl").unlink()
    assert "no file for jira_issues" in " ".join(command_line.run("doctor").output.split())


def test_at_another_stage_it_is_refused(command_line: CommandLine, export: Path) -> None:
    assert export.is_dir()
    sandbox = ["sandbox" if each == "pilot" else each for each in PROVISION]
    refused = command_line.run_json(*sandbox, "jira_issues", code=3)
    assert refused["error"]["code"] == "invalid_argument"
    assert refused["error"]["candidates"] == ["mock_template", "generated"]


@pytest.mark.parametrize("key", ["", "short"])
def test_an_export_without_a_good_key_is_no_configuration(
    command_line: CommandLine, export: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert export.is_dir()
    monkeypatch.setenv("SANITIZATION_KEY", key)
    refused = command_line.run_json("datasets", "list", code=2)
    assert refused["error"]["code"] == "invalid_configuration"
    assert "sanitization.key" in refused["error"]["message"]


def test_a_preview_shows_what_is_replaced_and_ten_records(command_line: CommandLine, tmp_path: Path) -> None:
    export = write_export(tmp_path / "export")
    key = tmp_path / "key"
    key.write_bytes(KEY + b"\n")
    shown = command_line.run_json("sanitize", "preview", str(export), "--key-file", str(key))
    again = command_line.run_json("sanitize", "preview", str(export), "--key-file", str(key))
    other = command_line.run("sanitize", "preview", str(export), "--json")
    assert shown == again
    assert json.loads(other.stdout)["types"][0]["samples"] != shown["types"][0]["samples"]
    assert "made up for this once" in other.stderr
    assert [len(each["samples"]) for each in shown["types"]] == [3, 3, 2, 2]
    assert find_markers(json.dumps(shown)) == []
    told = command_line.run_ok("sanitize", "preview", str(export))
    assert "First records, sanitized" in told
    assert find_markers(told) == []


def test_a_preview_names_what_is_left_and_fails(command_line: CommandLine, tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", jira_issues=leaking_issues())
    shown = command_line.run_json("sanitize", "preview", str(export), code=1)
    [found] = [each for each in shown["types"] if each["leak_count"]]
    assert found["leaks"] == [{"record": 3, "field": "key", "position": 0, "kind": "email"}]
    told = command_line.run("sanitize", "preview", str(export))
    assert "a provision would be refused" in told.output
    assert find_markers(told.output) == []


@pytest.mark.parametrize(
    ("content", "said"), [(None, "cannot be read"), (b"short", "has 5 bytes; it must have 16 or more")]
)
def test_a_key_file_that_cannot_be_used_is_refused(
    command_line: CommandLine, tmp_path: Path, content: bytes | None, said: str
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    export = write_export(tmp_path / "export")
    refused = command_line.run_json("sanitize", "preview", str(export), "--key-file", str(key), code=2)
    assert said in refused["error"]["message"]
