from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.audit.entry import Decision
from tests.support.content.repository_files import RepositoryFiles
from tests.support.content.template_repository import jira_issue, write_repository
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine


def _error(document: dict[str, Any]) -> tuple[str, str]:
    return document["error"]["code"], document["error"]["recovery"]


def test_a_whole_life_by_commands(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    made = command_line.run_json(*PROVISION, "confluence_pages")
    again = command_line.run_json(*PROVISION, "confluence_pages")
    dataset_id = made["dataset_id"]

    assert made["name"] == "ACME-Sandbox-Confluence"
    assert (made["status"], made["created"], made["record_count"]) == ("ready", True, 500)
    assert again == {**made, "created": False}

    (seen,) = command_line.run_json("health", "--dataset-id", dataset_id)["items"]
    assert (seen["connector_id"], seen["status"]) == (made["connector"]["connector_id"], "healthy")

    early = command_line.run_json(
        "teardown", "--dataset-id", dataset_id, "--reason", "stage_completed", code=3
    )
    assert _error(early) == ("journey_active", "needs_human")
    assert [each["check"] for each in early["error"]["blocking_checks"]] == [
        "journey_active",
        "reason_not_true",
    ]

    moved = command_line.run_json("journeys", "promote", "j1", "pilot")
    assert (moved["stage"], [each["dataset_id"] for each in moved["exposed"]]) == ("pilot", [dataset_id])

    gone = command_line.run_json("teardown", "--dataset-id", dataset_id, "--reason", "stage_completed")
    assert (gone["status"], gone["connector_outcome"], gone["cleanup_verified"]) == (
        "archived",
        "deleted",
        True,
    )
    assert (
        command_line.run_json("teardown", "--dataset-id", dataset_id, "--reason", "stage_completed") == gone
    )
    assert command_line.run_json("health")["items"] == []

    archive = command_line.run_json("archives", "show", dataset_id)
    assert (archive["path"], archive["record_count"]) == (gone["archived_path"], 500)
    verified = command_line.run_json("archives", "verify", dataset_id)
    assert (verified["verified"], verified["manifest"]) == (True, archive["manifest"])
    assert command_line.run_json("archives", "list")["count"] == 1
    assert command_line.run_json("archives", "purge")["due"] == []
    shown = command_line.run_json("datasets", "show", dataset_id)
    assert [each["kind"] for each in shown["events"]] == [
        "dataset:provisioning_started",
        "dataset:quality_evaluated",
        "dataset:provisioned",
        "dataset:torn_down",
    ]


def test_people_are_told_the_same(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    made = command_line.run_ok(*PROVISION, "slack_messages", "--record-count", "20")
    assert "ACME-Sandbox-Slack is healthy" in made
    dataset_id = command_line.run_json("datasets", "list")["items"][0]["dataset_id"]

    assert "Acme" in command_line.run_ok("clients", "list")
    assert "active" in command_line.run_ok("journeys", "list")
    assert dataset_id in command_line.run_ok("datasets", "list")
    assert "by its journey" in command_line.run_ok("datasets", "show", dataset_id)
    assert "is ready, its quality 100.0" in command_line.run_ok("datasets", "recheck", dataset_id)
    assert "healthy" in command_line.run_ok("health", "--client-id", "ACME")
    assert "fintech/developer_productivity/jira_issues" in command_line.run_ok("templates", "list")
    assert "There is no orphan" in command_line.run_ok("orphans")
    assert "There is no archive" in command_line.run_ok("archives", "list")
    assert "no longer protects these datasets" in command_line.run_ok(
        "journeys", "set-state", "j1", "cancelled"
    )
    gone = command_line.run_ok("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    assert "ACME-Sandbox-Slack is archived." in gone
    assert "restorable until" in command_line.run_ok("datasets", "show", dataset_id)
    assert "documents.jsonl.zst" in command_line.run_ok("archives", "show", dataset_id)
    assert "as it was written" in command_line.run_ok("archives", "verify", dataset_id)
    assert "No archive's retention period is over" in command_line.run_ok("archives", "purge", "--apply")


def test_a_count_that_no_template_reaches_is_refused_and_leaves_nothing(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = {"default_record_count": 3, "records": [jira_issue(number) for number in range(3)]}
    RepositoryFiles(tmp_path / "own").write(
        "fintech/developer_productivity/jira_issues.json", json.dumps(declared)
    )
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(tmp_path / "own"))
    command_line.add_client_and_journey()
    refused = command_line.run_json(*PROVISION, "jira_issues", "--record-count", "4", code=3)

    assert (refused["error"]["code"], refused["error"]["available"]) == ("invalid_argument", 3)
    assert command_line.run_json("datasets", "list")["items"] == []


def test_a_provision_that_fails_says_where_and_ends_with_1(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # These templates do not declare how many records they have.
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(write_repository(tmp_path / "repository", records=3)))
    command_line.add_client_and_journey()
    failed = command_line.run_json(*PROVISION, "jira_issues", "--record-count", "4", code=1)

    assert failed["error"]["code"] == "provision_failed"
    assert (failed["error"]["step"], failed["error"]["cause"]) == ("populate", "template_invalid")
    told = command_line.run(*PROVISION, "jira_issues")
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith("Failed: provision_failed")
    shown = command_line.run_ok("datasets", "show", failed["error"]["dataset_id"])
    assert "It failed at the step populate" in shown
    assert "protection  none" in shown


def test_a_refusal_names_everything_that_stands_against_it(command_line: CommandLine) -> None:
    dataset_id = command_line.add_dataset()
    told = command_line.run("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")

    assert (told.exit_code, told.stdout) == (3, "")
    assert told.stderr.startswith("Refused: journey_active\n")
    assert "• journey_active: Its journey 'j1' is active at sandbox." in told.stderr
    assert "Complete or cancel the journey, or promote it past this stage." in told.stderr
    assert "• reason_not_true:" in told.stderr


def test_manual_needs_a_person_on_a_terminal(command_line: CommandLine) -> None:
    dataset_id = command_line.add_finished_dataset()
    refused = command_line.run_json("teardown", "--dataset-id", dataset_id, "--reason", "manual", code=3)

    assert _error(refused) == ("confirmation_required", "needs_human")
    assert command_line.run_json("datasets", "show", dataset_id)["status"] == "ready"


def test_two_clients_may_have_a_journey_of_one_id(command_line: CommandLine) -> None:
    command_line.add_client_and_journey()
    command_line.run_ok("clients", "add", "BETA", "--name", "B", "--industry", "fintech", "--use-case", "x")
    command_line.run_ok(
        "journeys", "add", "j1", "--client-id", "BETA", "--stage", "pilot", "--state", "draft"
    )
    unclear = command_line.run_json("journeys", "set-state", "j1", "cancelled", code=3)
    moved = command_line.run_json("journeys", "set-state", "j1", "cancelled", "--client-id", "BETA")

    assert unclear["error"]["code"] == "invalid_argument"
    assert unclear["error"]["candidates"] == ["ACME", "BETA"]
    assert (moved["client_id"], moved["state"]) == ("BETA", "cancelled")
    assert [
        each["state"] for each in command_line.run_json("journeys", "list", "--client-id", "ACME")["items"]
    ] == ["active"]


@pytest.mark.parametrize(
    ("args", "code", "candidates"),
    [
        (("provision", "--client-id", "ACM", *PROVISION[3:], "jira_issues"), "unknown_client", ["ACME"]),
        ((*PROVISION[:4], "J1", *PROVISION[5:], "jira_issues"), "unknown_journey", ["j1"]),
        ((*PROVISION, "jira_issues", "--record-count", "0"), "invalid_argument", None),
        (
            (*PROVISION, "jira_issues", "--data-source", "sanitized_production"),
            "invalid_argument",
            ["mock_template", "generated"],
        ),
        ((*PROVISION[:-2], "pilot", "--dataset-type", "jira_issues"), "invalid_argument", None),
        (("datasets", "show", "nothing"), "unknown_dataset", None),
        (("health", "--connector-id", "nothing"), "unknown_connector", None),
        (("health", "--connector-id", "a", "--client-id", "ACME"), "invalid_argument", None),
        (("archives", "show", "nothing"), "unknown_dataset", None),
        (("cancel", "nothing"), "unknown_dataset", None),
        (
            ("clients", "add", "acme", "--name", "x", "--industry", "x", "--use-case", "x"),
            "invalid_argument",
            ["ACME"],
        ),
        (
            ("clients", "add", "../x", "--name", "x", "--industry", "x", "--use-case", "x"),
            "invalid_argument",
            None,
        ),
        (("journeys", "promote", "j9", "pilot"), "unknown_journey", None),
        (
            ("journeys", "set-state", "j1", "draft"),
            "invalid_argument",
            ["cancelled", "completed", "expired", "paused"],
        ),
        (("orphans", "--min-age-days", "99999"), "invalid_argument", None),
        ((*PROVISION, "jira_issues", "--no-wait"), "invalid_argument", None),
    ],
)
def test_what_is_not_there_is_refused_with_the_nearest_that_is(
    command_line: CommandLine, args: tuple[str, ...], code: str, candidates: list[str] | None
) -> None:
    command_line.add_client_and_journey()
    if args[-3:] == ("pilot", "--dataset-type", "jira_issues"):
        code, candidates = "stage_mismatch", ["sandbox"]
    error = command_line.run_json(*args, code=3)["error"]

    assert (error["code"], error.get("candidates")) == (code, candidates)


@pytest.mark.parametrize(
    "args",
    [
        (*PROVISION, "nonsense"),
        (*PROVISION, "jira_issues", "--no-such-option"),
        ("provision",),
        ("nonsense",),
        ("journeys", "set-state", "j1", "nonsense"),
        ("serve", "--transport", "pigeon"),
    ],
)
def test_wrong_usage_ends_with_2_and_an_empty_stdout(
    command_line: CommandLine, args: tuple[str, ...]
) -> None:
    done = command_line.run(*args)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr
    assert not command_line.folder.exists()


@pytest.mark.parametrize(
    "args", [("--scan", "--sweep"), ("--client-id", "ACME", "--sweep"), ("--apply",)], ids=" ".join
)
def test_options_that_exclude_each_other_are_wrong_usage_on_record(
    command_line: CommandLine, args: tuple[str, ...]
) -> None:
    done = command_line.run("orphans", *args)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr
    [entry] = command_line.load_audit_entries()
    assert (entry.verb, entry.decision, (entry.error or {})["code"]) == (
        "orphans",
        Decision.REFUSED,
        "invalid_argument",
    )


def test_a_wrong_configuration_ends_with_2(command_line: CommandLine) -> None:
    command_line.folder.mkdir()
    config = command_line.folder / "sdlc_config.yaml"
    config.write_text("dataops:\n  archval: {}\n")
    refused = command_line.run_json("clients", "list", "--config", str(config), code=2)
    found = command_line.run_json("doctor", "--config", str(config), code=1)

    assert refused["error"]["code"] == "invalid_configuration"
    assert [(each["area"], each["ok"]) for each in found["findings"]] == [("configuration", False)]
