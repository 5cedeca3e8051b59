"""Commands that the product shows: each exists, and works where it is pasted."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.servers.command_line import (
    CHECKOUT,
    COMMAND,
    CommandLine,
    invoke_command,
    invoke_on_terminal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.support.servers.command_line import PreparedFolders

SHOWN = re.compile(r"`dataset-lifecycle ([^`]+)`")
BARE = re.compile(r"`(\w[\w-]*)(?: [^`]+)`")
NAME = "ACME-Pilot-Slack"


def texts_in_code() -> Iterator[tuple[str, str]]:
    """Each text in the product's code that is no docstring, with where it is; what is filled in is ID."""
    for folder in ("domain", "server", "tools"):
        for path in (CHECKOUT / folder).rglob("*.py"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            told = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
            parts = {
                id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr) for part in each.values
            }
            for each in ast.walk(tree):
                if isinstance(each, ast.JoinedStr):
                    pieces = [part.value if isinstance(part, ast.Constant) else "ID" for part in each.values]
                    yield "".join(map(str, pieces)), f"{path.relative_to(CHECKOUT)}:{each.lineno}"
                elif (
                    isinstance(each, ast.Constant)
                    and isinstance(each.value, str)
                    and id(each) not in told | parts
                ):
                    yield each.value, f"{path.relative_to(CHECKOUT)}:{each.lineno}"


def find_command(words: list[str]) -> list[str]:
    """What is wrong with a command: options that it does not have, and required ones that are not there.

    Raises KeyError where there is no such command.
    """
    group: Any = COMMAND
    while words and hasattr(group, "commands"):
        group = group.commands[words.pop(0)]
    options = {name for each in group.params for name in each.opts}
    required = [each.opts[0] for each in group.params if each.required]
    missing = [each for each in required if each.startswith("--") and each not in words]
    positional = [each for each in words if not each.startswith("--")]
    if sum(not each.startswith("--") for each in required) > len(positional):
        missing.append("an argument")
    return [each for each in words if each.startswith("--") and each not in options] + missing


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    shown = {found[1]: where for text, where in texts_in_code() for found in SHOWN.finditer(text)}
    assert len(shown) > 15
    assert {
        where: left for command, where in shown.items() if (left := find_command(shlex.split(command)))
    } == {}


def test_no_command_is_shown_without_the_program() -> None:
    commands = set(COMMAND.commands)  # type: ignore[attr-defined] # it is a group
    bare = [(where, found[0]) for text, where in texts_in_code() for found in BARE.finditer(text)]
    assert [(where, shown) for where, shown in bare if shown.strip("`").split()[0] in commands] == []


def _ask_for_teardown(commands: CommandLine) -> dict[str, Any]:
    commands.add_client_and_journey().run_ok("journeys", "promote", "j1", "pilot")
    made = commands.run_json(
        *("provision", "--client-id", "ACME", "--journey-id", "j1", "--stage", "pilot"),
        *("--dataset-type", "slack_messages", "--record-count", "5"),
    )
    commands.run_ok("journeys", "set-state", "j1", "completed")
    error: dict[str, Any] = commands.run_json(
        "teardown", "--dataset-id", made["dataset_id"], "--reason", "journey_completed", code=3
    )["error"]
    return error


def test_a_command_that_a_refusal_shows_does_what_it_says_wherever_it_is_pasted(
    tmp_path: Path, prepared_folders: PreparedFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "con fig.yaml"
    config.write_text("dataops: {}\n", encoding="utf-8")
    monkeypatch.setenv("DATASET_LIFECYCLE_CONFIG", str(config))
    error = _ask_for_teardown(CommandLine(tmp_path / "the customer's $DATA", prepared_folders))
    monkeypatch.delenv("DATASET_LIFECYCLE_CONFIG")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    [shown] = SHOWN.findall(error["suggested_action"])
    words = shlex.split(shown)
    code, stdout, _ = invoke_on_terminal(*words, typed=f"{NAME}\n", after="to continue: ")
    assert (code, stdout[:9]) == (0, "Approved.")
    assert words[-4:] == ["--data-dir", str(tmp_path / "the customer's $DATA"), "--config", str(config)]


def test_a_person_is_shown_the_same_command_on_one_line(command_line: CommandLine) -> None:
    told = command_line.run("clients", "list").output
    assert told == (
        "There is no client yet. Add one with `dataset-lifecycle clients add CLIENT --name NAME "
        f"--industry INDUSTRY --use-case USE_CASE --data-dir {command_line.folder}`.\n"
    )


def test_what_is_pasted_from_doctor_is_in_one_piece(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    told = command_line.run("doctor", "--config", "not there.yaml").output
    [shown] = SHOWN.findall(told)
    assert shlex.split(shown)[-1] == str(Path.cwd() / "not there.yaml")


def test_a_command_with_paths_that_cannot_be_resolved_shows_others_without_options() -> None:
    told = invoke_command("clients", "list", "--data-dir", "~nobody-is-called-so/data").output
    assert "`dataset-lifecycle doctor` checks all settings" in told


def test_on_an_empty_folder_a_refusal_shows_the_commands_that_a_provision_lacks(
    command_line: CommandLine,
) -> None:
    wanted = (
        *("provision", "--client-id", "globex", "--journey-id", "q3", "--stage", "sandbox"),
        *("--dataset-type", "jira_issues", "--record-count", "5"),
    )
    error = command_line.run_json(*wanted, code=3)["error"]
    assert (error["code"], error["recovery"]) == ("unknown_client", "needs_human")
    client, journey = SHOWN.findall(error["suggested_action"])
    facts = {"NAME": "Globex", "INDUSTRY": "fintech", "USE_CASE": "developer_productivity"}
    assert invoke_command(*(facts.get(each, each) for each in shlex.split(client))).exit_code == 0

    error = command_line.run_json(*wanted, code=3)["error"]
    assert (error["code"], error["recovery"]) == ("unknown_journey", "needs_human")
    assert SHOWN.findall(error["suggested_action"]) == [journey]
    assert invoke_command(*shlex.split(journey)).exit_code == 0

    assert command_line.run_json(*wanted)["status"] == "ready"
