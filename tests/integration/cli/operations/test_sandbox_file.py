"""What a command says of a sandbox's file that it cannot use: nobody is told to move away what they still need."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine


def number_as_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma user_version = 1000")


def replace_by_folder(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.mkdir()


def replace_by_text(file: Path) -> None:
    for each in file.parent.glob(f"{file.name}*"):
        each.unlink()
    file.write_text("not a database at all " * 100)


@pytest.mark.parametrize(
    ("spoil", "exit_code", "code", "said", "may_move"),
    [
        (number_as_newer, 2, "invalid_configuration", "was made by a newer version", False),
        (replace_by_folder, 1, "store_failed", "cannot be used now", False),
        (replace_by_text, 2, "invalid_configuration", "is not a file of the Glean sandbox", True),
    ],
)
def test_a_sandbox_file_that_cannot_be_used_is_told_by_its_cause(
    command_line: CommandLine,
    spoil: Callable[[Path], None],
    exit_code: int,
    code: str,
    said: str,
    *,
    may_move: bool,
) -> None:
    command_line.add_dataset()
    spoil(command_line.folder / "glean-sandbox.sqlite")
    error = command_line.run_json("health", code=exit_code)["error"]
    assert error["code"] == code
    assert said in error["message"]
    assert ("Move that file away" in error.get("suggested_action", "")) is may_move
