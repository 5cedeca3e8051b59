from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine

_ASKED = "to continue: "


def test_the_typed_name_takes_the_dataset_down(command_line: CommandLine) -> None:
    dataset_id = command_line.add_finished_dataset()
    code, stdout, shown = command_line.run_on_terminal(
        "teardown",
        "--dataset-id",
        dataset_id,
        "--reason",
        "manual",
        "--json",
        typed="ACME-Sandbox-Slack\n",
        after=_ASKED,
    )

    assert (code, json.loads(stdout)["status"]) == (0, "archived")
    for words in ("ACME-Sandbox-Slack", "ACME", "j1", "20", "its connector in Glean", "restorable until"):
        assert words in shown
    person = f"person:{getpass.getuser()}"
    teardown = command_line.run_json("datasets", "show", dataset_id)["teardown"]
    assert teardown["confirmed"] == {"how": "typed_name", "by": person}
    assert f"{person} (typed_name)" in command_line.run_ok("datasets", "show", dataset_id)


@pytest.mark.parametrize("typed", ["acme-sandbox-slack\n", "\x04"])
def test_anything_else_leaves_it_as_it_was(command_line: CommandLine, typed: str) -> None:
    dataset_id = command_line.add_finished_dataset()
    before = command_line.run_json("datasets", "show", dataset_id)
    code, stdout, _ = command_line.run_on_terminal(
        "teardown", "--dataset-id", dataset_id, "--reason", "manual", "--json", typed=typed, after=_ASKED
    )

    assert (code, json.loads(stdout)["error"]["code"]) == (3, "declined")
    assert command_line.run_json("datasets", "show", dataset_id) == before


def test_ctrl_c_at_the_question_leaves_it_as_it_was(command_line: CommandLine) -> None:
    dataset_id = command_line.add_finished_dataset()
    before = command_line.run_json("datasets", "show", dataset_id)
    code, stdout, _ = command_line.interrupt_on_terminal(
        "teardown", "--dataset-id", dataset_id, "--reason", "manual", after=_ASKED
    )

    assert (code, stdout) == (130, "")
    assert command_line.run_json("datasets", "show", dataset_id) == before
