"""Demo-readiness as a person and a program are told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.content.template_repository import TEMPLATE_FOLDER, write_repository
from tests.support.sandbox.faults import Fault
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

GOOD = "Which runbook looks at the ledger of INC-7?"
BAD = "What did the albatross eat?"


@pytest.fixture
def questions_file(command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A client of a repository with one question that is answered and one that is not; the file of questions."""
    root = write_repository(tmp_path / "repository")
    path = root / "mock_data" / "templates" / TEMPLATE_FOLDER / "questions.json"
    listed = [
        {"question": text, "documents": {"confluence_pages": [page]}}
        for text, page in ((GOOD, "P7"), (BAD, "P8"))
    ]
    path.write_text(json.dumps({"questions": listed}))
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(root))
    command_line.run_ok(
        *("clients", "add", "ACME", "--name", "Acme", "--industry", "fintech"),
        *("--use-case", "developer_productivity"),
    )
    command_line.run_ok("journeys", "add", "j1", "--client-id", "ACME", "--stage", "sandbox")
    return path


@pytest.mark.usefixtures("questions_file")
def test_what_is_answered_is_told_when_it_is_made_and_whenever_it_is_shown(command_line: CommandLine) -> None:
    said = command_line.run_ok(*PROVISION, "confluence_pages")
    assert "1 of 2 questions answered (50.0 %)" in said
    assert BAD not in said
    made = command_line.run_json(*PROVISION, "confluence_pages")
    assert made["quality"]["readiness"] == {"asked": 2, "answered": 1, "share": 0.5}
    shown = command_line.run_json("datasets", "show", made["dataset_id"])
    assert shown["quality"]["readiness"] == {"asked": 2, "answered": 1, "share": 0.5, "unanswered": [BAD]}
    assert shown["status"] == "ready"
    evaluated = [each["data"] for each in shown["events"] if each["kind"] == "dataset:quality_evaluated"]
    assert [each["readiness"] for each in evaluated] == [{"asked": 2, "answered": 1, "share": 0.5}]
    told = command_line.run_ok("datasets", "show", made["dataset_id"])
    assert "Demo-readiness" in told
    assert "1 of 2 questions (50.0 %)" in told
    assert BAD in told


@pytest.mark.usefixtures("questions_file", "scripted_sandbox")
def test_what_is_not_known_is_told_with_its_reason(command_line: CommandLine) -> None:
    command_line.run_ok(*PROVISION, "jira_issues")
    with command_line.open_sandbox() as sandbox:
        sandbox.faults.add(Fault(kind="status", operation="search", status=403, times=None))
    said = command_line.run_ok(*PROVISION, "confluence_pages")
    assert "not known: Glean's search was tried once: it answered 403" in said
    made = command_line.run_json(*PROVISION, "confluence_pages")
    shown = command_line.run_ok("datasets", "show", made["dataset_id"])
    assert "not known" in shown
    assert "it answered 403" in shown
    without = command_line.run_json(*PROVISION, "jira_issues")
    assert "readiness" not in without["quality"]
    assert "Demo-readiness" not in command_line.run_ok("datasets", "show", without["dataset_id"])


@pytest.mark.usefixtures("questions_file")
def test_the_list_of_templates_counts_their_questions(command_line: CommandLine) -> None:
    listed = command_line.run_json("templates", "list")["items"]
    items = [each for each in listed if each["repository"] != "bundled"]
    assert {each["dataset_type"]: each.get("questions") for each in items} == {
        "confluence_pages": 2,
        "github_repos": None,
        "jira_issues": None,
        "slack_messages": None,
    }
    assert "questions" in command_line.run_ok("templates", "list")


def test_validation_counts_questions_and_names_what_is_wrong_with_them(
    command_line: CommandLine, questions_file: Path
) -> None:
    root = str(questions_file.parents[4])
    items = command_line.run_json("templates", "validate", root)["items"]
    assert [each["questions"] for each in items if each["use"] == "template"] == [2, 0, 0, 0]
    questions_file.write_text(
        json.dumps(
            {
                "questions": [
                    {"question": GOOD, "documents": {"confluence_pages": ["P7", "P700"]}},
                ]
            }
        )
    )
    report = command_line.run_json("templates", "validate", root, code=1)
    assert [each["valid"] for each in report["items"]] == [False, True, True, True, True]
    assert "question 1 names 'P700'" in report["items"][0]["problems"][0]
    questions_file.write_text('{"questions": [{"question": "Why?", "documents": {"wikis": ["1"]}}]}')
    report = command_line.run_json("templates", "validate", root, code=1)
    [broken] = [each for each in report["items"] if not each["valid"]]
    assert broken["file"].endswith("questions.json")
    assert "question 1: documents.wikis is no dataset type" in broken["problems"][0]
