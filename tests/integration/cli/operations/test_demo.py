from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING

import pytest

from tests.support.servers.command_line import invoke_command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

NAMES = [
    "ACME-Sandbox-Confluence",
    "ACME-Sandbox-GitHub",
    "ACME-Sandbox-Slack",
    "ACME-Sandbox-Jira",
]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the demo makes its folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_demo_tells_the_whole_story_in_one_document(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GLEAN_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GLEAN_API_KEY", "never-used")
    (tmp_path / "sdlc_config.yaml").write_text("nonsense: true\n")
    done = invoke_command("demo", "--json")
    assert done.exit_code == 0, done.output
    story = json.loads(done.stdout)
    steps = {each["name"]: each for each in story["steps"]}

    assert list(steps) == [
        "client_arrives",
        "datasets_provisioned",
        "incident_found",
        "connectors_healthy",
        "teardown_refused",
        "journey_completed",
        "datasets_taken_down",
        "archive_verified",
        "nothing_found",
    ]
    made = steps["datasets_provisioned"]["datasets"]
    assert [(each["name"], each["status"], each["record_count"]) for each in made] == [
        (name, "ready", 500) for name in NAMES
    ]
    questions = steps["datasets_provisioned"]["questions"]
    assert questions["asked"] >= 40
    assert questions["answered"] >= 0.95 * questions["asked"]
    assert [each["datasource"] for each in steps["incident_found"]["found"]] == NAMES
    assert {each["status"] for each in steps["connectors_healthy"]["connectors"]} == {"healthy"}
    assert steps["teardown_refused"]["error"]["code"] == "journey_active"
    assert sorted(steps["journey_completed"]["exposed"]) == sorted(NAMES)
    gone = steps["datasets_taken_down"]["datasets"]
    assert [(each["status"], each["connector_outcome"]) for each in gone] == [("archived", "deleted")] * 4
    assert steps["archive_verified"]["verified"]
    assert steps["nothing_found"]["found"] == []
    assert list(temporary.iterdir()) == []


@pytest.mark.resilience
def test_the_demo_tells_people_and_keeps_its_folder_when_asked(
    temporary: Path, command_line: CommandLine
) -> None:
    told = command_line.run_ok("demo", "--keep")
    (kept,) = temporary.iterdir()

    assert "neither uses nor changes anything" in told
    assert f"Its folder is {kept}" in told
    assert "claude mcp add datasets -- dataset-lifecycle serve" in told
    assert {each.name for each in (kept / "archives" / "ACME" / "sandbox").iterdir()} == {
        "confluence_pages",
        "github_repos",
        "jira_issues",
        "slack_messages",
    }
    assert not command_line.folder.exists()
