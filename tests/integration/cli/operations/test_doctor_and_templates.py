from __future__ import annotations

import json
import re
import signal
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.content.companies import latest_incident
from tests.support.sandbox.faults import Fault
from tests.support.servers.command_line import PATIENCE_S, PROVISION, invoke_command

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine


def _repository(root: Path, name: str, content: str) -> Path:
    folder = root / "mock_data" / "templates" / "default" / "default"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content)
    return root


def test_doctor_says_what_to_do(command_line: CommandLine, tmp_path: Path) -> None:
    well = command_line.run_json("doctor")
    config = tmp_path / "elsewhere.yaml"
    config.write_text("dataops:\n  mock_data_repo:\n    path: nowhere\n")
    wrong = command_line.run_json("doctor", "--config", str(config), code=1)

    assert [each["area"] for each in well["findings"] if each["ok"]] == [
        "configuration",
        "identity",
        "confirmation",
        "repository",
        "glean",
        "store",
        "sagas",
        "staging",
        "archives",
        "replicas",
    ]
    assert well["ok"]
    assert [each["area"] for each in wrong["findings"] if not each["ok"] and each["action"]] == ["repository"]
    assert "ok" in command_line.run_ok("doctor")


def test_validate_reports_on_every_file_of_a_repository(command_line: CommandLine, tmp_path: Path) -> None:
    page = {
        "page_id": "1",
        "title": "t",
        "body": "<p>b</p>",
        "space_key": "ENG",
        "author_email": "a@acme.example",
        "last_modified": "2026-01-02T03:04:05Z",
    }
    good = _repository(tmp_path / "good", "confluence_pages.json", json.dumps([page]))
    bad = _repository(tmp_path / "bad", "confluence_pages.json", json.dumps([page, {"page_id": "2"}]))
    _repository(bad, "jira_issues.jsonl", '{"issue_key": "A-1"\n')
    (valid,) = command_line.run_json("templates", "validate", str(good))["items"]
    reports = command_line.run_json("templates", "validate", str(bad), code=1)
    told = command_line.run("templates", "validate", str(bad))

    assert (valid["valid"], valid["records"], valid["score"]) == (True, 1, 100.0)
    assert [each["valid"] for each in reports["items"]] == [False, False]
    assert (reports["count"], reports["invalid"]) == (2, 2)
    assert reports["items"][1]["problems"]
    assert (told.exit_code, told.stderr) == (1, "")
    assert "0 of 2 files are fit for use." in told.stdout
    missing = command_line.run_json("templates", "validate", str(tmp_path / "nowhere"), code=3)
    assert missing["error"]["code"] == "mock_data_missing"


def test_a_damaged_archive_does_not_verify(command_line: CommandLine, tmp_path: Path) -> None:
    dataset_id = command_line.add_finished_dataset()
    command_line.run_ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    (documents,) = command_line.folder.rglob("documents.jsonl.zst")
    documents.write_bytes(documents.read_bytes()[:-1])
    failed = command_line.run_json("archives", "verify", dataset_id, code=1)

    assert failed["error"]["code"] == "archive_failed"


def test_health_shows_findings_and_drift(command_line: CommandLine) -> None:
    command_line.add_dataset()
    command_line.provision_dataset("github_repos")
    with command_line.open_sandbox() as sandbox:
        sandbox.delete_datasource("ACME-Sandbox-Slack")
    looked = command_line.run_json("health")
    told = command_line.run_ok("health")

    assert {each["name"]: each["status"] for each in looked["items"]} == {
        "ACME-Sandbox-GitHub": "healthy",
        "ACME-Sandbox-Slack": "unhealthy",
    }
    assert [each["kind"] for each in looked["drift"]] == ["missing_connector"]
    assert "Findings" in told
    assert "Drift" in told


@pytest.mark.usefixtures("scripted_sandbox")
def test_a_dataset_that_is_not_all_indexed_lists_what_is_missing(command_line: CommandLine) -> None:
    command_line.add_client_and_journey().run_ok("health")
    with command_line.open_sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="sync_loses", documents=7))
    made = command_line.run_json(*PROVISION, "slack_messages")
    issues = [{"check": "indexed", "failed": 7, "of": 500, "examples": []}]

    assert (made["status"], made["quality"]["issues"]) == ("validating", issues)
    assert "indexed" in command_line.run_ok(*PROVISION, "slack_messages")
    again = command_line.run_json("datasets", "recheck", made["dataset_id"])
    assert (again["status"], again["quality"]["issues"]) == ("validating", issues)
    assert "indexed" in command_line.run_ok("datasets", "recheck", made["dataset_id"])
    assert "not fit for use" in command_line.run_ok("datasets", "show", made["dataset_id"])
    assert command_line.run_json(*PROVISION, "slack_messages", "--retry")["status"] == "ready"


def test_options_may_stand_before_the_command_too(command_line: CommandLine) -> None:
    assert invoke_command("--data-dir", str(command_line.folder), "clients", "list", "--json").exit_code == 0
    assert command_line.folder.exists()


def test_the_version_and_the_help_need_no_folder(command_line: CommandLine) -> None:
    assert re.fullmatch(r"dataset-lifecycle \d+\.\d+\.\d+\n", invoke_command("--version").stdout)
    assert "glean-sandbox" in invoke_command("--help").stdout
    assert "--template-id" in invoke_command("provision", "--help").stdout
    assert not command_line.folder.exists()


def test_the_sandbox_serves_what_is_provisioned_there(command_line: CommandLine) -> None:
    command_line.add_client_and_journey().run_ok(*PROVISION, "slack_messages")
    args = ("glean-sandbox", "--port", "0", "--token", "open")
    with command_line.start_process(*args, until="Glean sandbox on") as (process, line):
        found = httpx.post(
            f"{line.split()[-1]}/api/v1/search",
            json={"query": latest_incident(500, datetime.now(UTC).date())},
            headers={"Authorization": "Bearer open"},
            timeout=PATIENCE_S,
        )
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)

    assert found.json()["total"] > 0
    assert process.returncode == 0


def test_a_port_that_is_taken_is_refused(command_line: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for args in (("glean-sandbox",), ("serve", "--transport", "http")):
            refused = command_line.run_json(*args, "--port", port, code=3)
            assert (refused["error"]["code"], refused["error"]["field"]) == ("invalid_argument", "port")


def test_a_toolset_that_is_none_is_refused(command_line: CommandLine) -> None:
    refused = command_line.run_json("serve", "--toolsets", "registry,nonsense", code=3)

    assert (refused["error"]["code"], refused["error"]["field"]) == ("invalid_argument", "toolsets")
