"""A zip of a repository serves as the folder does, from the list of its templates to datasets that are ready."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from domain.model import DatasetType
from tests.support.content.compressing import COMPRESSORS, zip_folder
from tests.support.content.template_repository import RECORD_FACTORIES, TEMPLATE_FOLDER, write_repository
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

SUFFIXES = {DatasetType.SLACK_MESSAGES: ".gz", DatasetType.JIRA_ISSUES: ".zst"}
"""The templates that are compressed in the zip, too."""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configured zip as GitHub makes it, with a template of each type and a file that is no template."""
    folder = write_repository(tmp_path / "unzipped")
    for dataset_type, suffix in SUFFIXES.items():
        plain = folder / "mock_data/templates" / TEMPLATE_FOLDER / f"{dataset_type.value}.json"
        plain.with_name(plain.name + suffix).write_bytes(COMPRESSORS[suffix](plain.read_bytes()))
        plain.unlink()
    (folder / "mock_data/templates/fintech/jira.csv").write_text("key\n")
    path = tmp_path / "demo-data-main.zip"
    path.write_bytes(zip_folder(folder, "demo-data-main"))
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(path))
    return path


def test_datasets_of_a_zip_are_ready_and_flawless(command_line: CommandLine, archive: Path) -> None:
    command_line.add_client_and_journey()
    for dataset_type in DatasetType:
        made = command_line.run_json(*PROVISION, dataset_type.value)
        assert (made["status"], made["record_count"], made["quality"]["score"]) == ("ready", 30, 100.0)
        assert made["template"]["template_id"] == f"{TEMPLATE_FOLDER}/{dataset_type.value}"
    assert sorted(each.name for each in archive.parent.iterdir() if each.name.startswith("demo-data")) == [
        archive.name
    ]


def test_the_list_names_the_zip(command_line: CommandLine, archive: Path) -> None:
    items = command_line.run_json("templates", "list", "--all")["items"]
    assert [each["template_id"] for each in items if each["repository"] == str(archive)] == [
        f"{TEMPLATE_FOLDER}/{each}" for each in sorted(RECORD_FACTORIES)
    ]


def test_a_template_of_a_zip_is_shown(command_line: CommandLine, archive: Path) -> None:
    shown = command_line.run_json("templates", "show", f"{TEMPLATE_FOLDER}/jira_issues", "--records", "2")
    assert [each["id"] for each in shown["documents"]] == ["PAY-1", "PAY-2"]
    assert (shown["valid"], shown["score"]) == (True, 100.0)


def test_a_zip_is_validated_and_what_is_not_used_in_it_is_listed(
    command_line: CommandLine, archive: Path
) -> None:
    found = command_line.run_json("templates", "validate", str(archive), code=1)
    assert (found["count"], found["templates"], found["invalid"]) == (5, 4, 1)
    assert "notice" not in found
    (unused,) = (each for each in found["items"] if each["use"] == "unused")
    assert unused["file"] == "mock_data/templates/fintech/jira.csv"


def test_nothing_is_written_into_a_zip(command_line: CommandLine, archive: Path) -> None:
    before = archive.read_bytes()
    new = command_line.run_json("templates", "new", "retail/support", "--dataset-type", "jira_issues", code=3)
    export = archive.with_name("issues.json")
    export.write_text(json.dumps({"issues": []}))
    to = ("--to", "retail/support")
    imported = command_line.run_json("templates", "import", "jira-rest", str(export), *to, code=3)

    assert "cannot be written: Not a directory." in new["error"]["message"]
    assert imported["error"]["suggested_action"] == "Name a folder; a zip has to be unpacked first."
    assert archive.read_bytes() == before


def test_a_damaged_zip_is_named_with_what_to_do(command_line: CommandLine, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])
    refused = command_line.run_json("templates", "list", code=3)
    assert refused["error"]["code"] == "mock_data_missing"
    assert f"{archive} is no zip, or is damaged, or was cut off." in refused["error"]["message"]
