"""`teardown` of a whole client or journey: asked once, every dataset checked, every outcome told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine

WHY = ("--reason", "journey_completed")


def _two_datasets(commands: CommandLine) -> list[str]:
    """Of client ACME and its journey j1."""
    return [commands.add_dataset(), commands.provision_dataset("github_repos")]


def test_a_whole_client_goes_and_each_outcome_is_told(command_line: CommandLine) -> None:
    ids = _two_datasets(command_line)
    refused = command_line.run_json("teardown", "--client-id", "ACME", *WHY, code=3)
    assert {each["outcome"]: each["error"]["code"] for each in refused["items"]} == {
        "refused": "journey_active"
    }
    assert refused["count"] == 2

    command_line.run_ok("journeys", "set-state", "j1", "completed")
    done = command_line.run_json("teardown", "--client-id", "ACME", *WHY)
    assert {each["dataset_id"]: each["outcome"] for each in done["items"]} == dict.fromkeys(ids, "archived")
    assert all(each["teardown"]["cleanup_verified"] for each in done["items"])
    assert "There is no live dataset" in command_line.run_ok("teardown", "--journey-id", "j1", *WHY)


def test_a_person_is_asked_once_and_what_stays_is_named(command_line: CommandLine) -> None:
    ids = _two_datasets(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    command_line.run_ok("datasets", "protect", ids[1], "--until", "3d")
    asked = ("teardown", "--journey-id", "j1", *WHY)

    code, _, shown = command_line.run_on_terminal(*asked, typed="yes\n", after="to continue")
    assert (code, "Nothing was changed" in shown) == (3, True)
    code, told, shown = command_line.run_on_terminal(
        *asked, typed="take down 1 dataset\n", after="to continue"
    )
    assert code == 3
    assert shown.count("to continue") == 1
    assert "These stay" in shown
    assert [each in told for each in ("archived", "refused", "is protected")] == [True, True, True]
    assert "ACME-Sandbox-GitHub: refused: dataset_protected" in told
    assert "What blocks it, and what clears it:" in told
    assert command_line.run_json("datasets", "show", ids[0])["status"] == "archived"
    assert command_line.run_json("datasets", "show", ids[1])["status"] == "ready"


def test_one_answer_is_the_word_for_each_that_needs_one(command_line: CommandLine) -> None:
    ids = _two_datasets(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    code, _, shown = command_line.run_on_terminal(
        "teardown",
        "--client-id",
        "ACME",
        "--reason",
        "manual",
        typed="take down 2 datasets\n",
        after="to continue",
    )
    assert (code, shown.count("to continue")) == (0, 1)
    assert [command_line.run_json("datasets", "show", each)["status"] for each in ids] == ["archived"] * 2


def test_a_refusal_of_one_of_several_shows_all_that_its_own_would(command_line: CommandLine) -> None:
    ids = _two_datasets(command_line)
    command_line.run_ok("journeys", "set-state", "j1", "completed")
    refused = command_line.run("teardown", "--client-id", "ACME", "--reason", "manual")
    assert refused.exit_code == 3
    requests = {each["dataset_id"]: each for each in command_line.run_json("approvals", "list")["items"]}
    assert requests.keys() == set(ids)
    for each in requests.values():
        assert f"`dataset-lifecycle approvals approve {each['approval_id']} " in refused.output
    assert refused.output.count("refused: confirmation_required") == 2


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--dataset-id", "d", "--client-id", "c"),
        ("--client-id", "c", "--abandon-connector"),
    ],
)
def test_either_one_dataset_is_named_or_a_group(command_line: CommandLine, args: tuple[str, ...]) -> None:
    assert command_line.run("teardown", *args, *WHY).exit_code == 2
