from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import typer

from server.cli.app import app
from tests.support.content.docs_pages import Page, load_page, load_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROGRAM = typer.main.get_command(app)
UNFINISHED = {"MissingParameter", "NoArgsIsHelpError"}


def _unparsable_commands(commands: Iterable[list[str]], *, whole: bool = True) -> Iterator[tuple[str, str]]:
    """The command lines that the program would not parse, with what it says; unless `whole`, they may end early."""
    for arguments in commands:
        command, rest = PROGRAM, list(arguments)
        below = getattr(command, "commands", {})
        while rest and rest[0] in below:
            command = below[rest.pop(0)]
            below = getattr(command, "commands", {})
        try:
            if below and rest:
                yield " ".join(arguments), f"no command {rest[0]}"
            else:
                command.make_context("dataset-lifecycle", rest)
        except Exception as error:  # noqa: BLE001 - whatever the parser raises
            if whole or type(error).__name__ not in UNFINISHED:
                yield " ".join(arguments), str(error)


@pytest.mark.parametrize("each", load_pages(), ids=lambda each: each.name)
def test_every_command_is_one(each: Page) -> None:
    assert list(_unparsable_commands(each.commands)) == []
    assert list(_unparsable_commands(each.mentioned_commands, whole=False)) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["journeys", "forget", "j1"],
        ["orphans", "--purge"],
        ["serve", "--transport", "pigeon"],
        ["health", "extra"],
    ],
)
def test_a_command_that_there_is_not_would_be_noticed(arguments: list[str]) -> None:
    assert list(_unparsable_commands([arguments]))
    assert list(_unparsable_commands([arguments], whole=False))


def test_the_readme_shows_commands() -> None:
    assert len(load_page("README.md").commands) > 8
