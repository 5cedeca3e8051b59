from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

_ASKED = "to continue: "
_NAME = "ACME-Pilot-Slack"


def _pilot(commands: CommandLine) -> str:
    """The id of a dataset at pilot that its journey needs no longer."""
    commands.add_client_and_journey().run_ok("journeys", "promote", "j1", "pilot")
    made = commands.run_json(
        *("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "pilot"),
        *("--dataset-type", "slack_messages", "--record-count", "5"),
    )
    commands.run_ok("journeys", "set-state", "j1", "completed")
    return str(made["dataset_id"])


def _refused_teardown(commands: CommandLine, dataset_id: str) -> dict[str, Any]:
    """The refusal of a teardown without a terminal."""
    refusal = commands.run_json(
        "teardown", "--dataset-id", dataset_id, "--reason", "journey_completed", code=3
    )
    error: dict[str, Any] = refusal["error"]
    assert (error["code"], error["how"]) == ("confirmation_required", "approval")
    return error


def test_a_request_is_filed_approved_and_used(command_line: CommandLine) -> None:
    dataset_id = command_line.prepare(_pilot)
    assert "No request waits" in command_line.run_ok("approvals", "list")
    error = _refused_teardown(command_line, dataset_id)
    approval_id = error["approval_id"]
    assert error["suggested_action"].count(f"approvals approve {approval_id}") == 1

    listed = command_line.run_json("approvals", "list")
    assert [each["approval_id"] for each in listed["items"]] == [approval_id]
    assert listed["items"][0]["shown"]["dataset"] == _NAME
    shown = command_line.run_ok("approvals", "show", approval_id)
    for words in ("is open.", "ACME", "j1", "5", "its connector in Glean", "restorable until"):
        assert words in shown

    code, stdout, seen = command_line.run_on_terminal(
        "approvals", "approve", approval_id, typed=f"{_NAME}\n", after=_ASKED
    )
    assert (code, stdout[:9]) == (0, "Approved.")
    assert "its connector in Glean" in seen
    assert "is approved." in command_line.run_ok("approvals", "show", approval_id)

    down = command_line.run_json("teardown", "--dataset-id", dataset_id, "--reason", "journey_completed")
    assert down["status"] == "archived"
    confirmed = command_line.run_json("datasets", "show", dataset_id)["teardown"]["confirmed"]
    assert confirmed == {
        "how": "approval",
        "by": f"person:{getpass.getuser()}",
        "approval_id": approval_id,
    }
    assert command_line.run_json("approvals", "list")["count"] == 0
    [used] = command_line.run_json("approvals", "list", "--all")["items"]
    assert used["state"] == "used"


def test_an_approval_is_given_on_a_terminal_by_the_name_and_not_otherwise(command_line: CommandLine) -> None:
    approval_id = _refused_teardown(command_line, command_line.prepare(_pilot))["approval_id"]
    for verb in ("approve", "decline"):
        assert command_line.run_json("approvals", verb, approval_id, code=3)["error"]["code"] == "forbidden"

    code, stdout, _ = command_line.run_on_terminal(
        "approvals", "approve", approval_id, "--json", typed="yes\n", after=_ASKED
    )
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "invalid_argument")
    code, stdout, _ = command_line.run_on_terminal("approvals", "decline", approval_id, typed="", after="")
    assert (code, stdout) == (0, f"Declined. {_NAME} stays.\n")
    assert command_line.run_json("approvals", "show", approval_id)["state"] == "declined"
    code, stdout, _ = command_line.run_on_terminal(
        "approvals", "approve", approval_id, "--json", typed="", after=""
    )
    assert (code, json.loads(stdout)["error"]["code"]) == (3, "approval_closed")
    assert (
        command_line.run_json("approvals", "show", "ap-none", code=3)["error"]["code"] == "unknown_approval"
    )


def test_what_a_person_asks_themselves_they_confirm_alone_and_on_the_record(
    command_line: CommandLine,
) -> None:
    dataset_id = command_line.prepare(_pilot)
    code, stdout, seen = command_line.run_on_terminal(
        *("teardown", "--dataset-id", dataset_id, "--reason", "manual", "--json"),
        typed=f"{_NAME}\n",
        after=_ASKED,
    )
    assert (code, json.loads(stdout)["status"]) == (0, "archived")
    assert "pilot" in seen
    assert (
        command_line.run_json("datasets", "show", dataset_id)["teardown"]["confirmed"]["one_person"] is True
    )
    assert "(approval, one person)" in command_line.run_ok("datasets", "show", dataset_id)
    [kept] = command_line.run_json("approvals", "list", "--all")["items"]
    assert (kept["state"], kept["one_person"]) == ("used", True)
    assert "requested and approved it" in command_line.run_ok("approvals", "show", kept["approval_id"])


def test_a_person_who_may_not_approve_has_a_request_filed(command_line: CommandLine, tmp_path: Path) -> None:
    dataset_id = command_line.prepare(_pilot)
    config = tmp_path / "config.yaml"
    config.write_text("dataops:\n  identity:\n    local:\n      scopes: [datasets:read, datasets:teardown]\n")
    code, stdout, seen = command_line.run_on_terminal(
        *("teardown", "--dataset-id", dataset_id, "--reason", "manual", "--json", "--config", str(config)),
        typed="",
        after="",
    )
    error = json.loads(stdout)["error"]
    assert (code, error["code"], error["how"]) == (3, "confirmation_required", "approval")
    assert "Type its name" not in seen
    [waiting] = command_line.run_json("approvals", "list")["items"]
    assert (waiting["approval_id"], waiting["requester"]) == (
        error["approval_id"],
        f"person:{getpass.getuser()}",
    )
    for verb in ("approve", "decline"):
        code, stdout, _ = command_line.run_on_terminal(
            *("approvals", verb, error["approval_id"], "--json", "--config", str(config)), typed="", after=""
        )
        assert (code, json.loads(stdout)["error"]["code"]) == (3, "forbidden")


def test_a_sweep_asks_once_and_what_is_approved_is_carried_out(
    command_line: CommandLine, tmp_path: Path
) -> None:
    dataset_id = command_line.prepare(_pilot)
    config = tmp_path / "config.yaml"
    config.write_text("dataops:\n  orphans:\n    grace_days: 0\n")
    at_once = ("--config", str(config))
    command_line.run_ok("orphans", "--scan", *at_once)
    assert command_line.run_json("orphans", "--sweep", *at_once)["skipped"][0]["dataset_id"] == dataset_id
    [request] = command_line.run_json("orphans", "--sweep", "--apply", *at_once)["requests"]
    assert "A person must approve these" in command_line.run_ok("orphans", "--sweep", "--apply", *at_once)
    [waiting] = command_line.run_json("approvals", "list")["items"]
    assert (waiting["approval_id"], waiting["origin"]) == (request["approval_id"], "sweep")
    assert "expires_at" not in waiting

    code, stdout, _ = command_line.run_on_terminal(
        *("approvals", "approve", request["approval_id"], "--json", *at_once),
        typed=f"{_NAME}\n",
        after=_ASKED,
    )
    assert (code, json.loads(stdout)["teardown"]["status"]) == (0, "archived")
    assert command_line.run_json("datasets", "show", dataset_id)["teardown"]["confirmed"]["how"] == "approval"
