"""Indented texts on terminals of any width: every line begins at its column, and no word is broken."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console, Group
from rich.text import Text

from server.cli.output import IndentedText, Output
from server.cli.views.templates import render_report
from server.composition.templates import TemplateReport

if TYPE_CHECKING:
    from rich.console import RenderableType

PATH = "mock_data/templates/fintech/payments/jira_issues-84c0ca90.jsonl"


def _lines(what: RenderableType, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(what, crop=False)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [1, 24, 40, 80])
def test_every_line_of_a_finding_is_indented_and_no_word_is_broken(width: int) -> None:
    text = f"{PATH}: record 1 has the project 会社 会社 会社 会社 会社, which the settings cannot list"
    lines = _lines(IndentedText(Text(text), 10), width)

    assert all(line.startswith(" " * 10) and line[10] != " " for line in lines)
    assert " ".join(line.strip() for line in lines) == text
    assert all(len(line) <= max(width, 30) for line in lines if " " in line.strip())
    assert all(not line.endswith(" ") for line in lines)


def test_the_line_of_a_file_keeps_its_path_beside_the_verdict() -> None:
    report = TemplateReport(
        file=PATH, format="v2", records=2, passes=True, score=100.0, problems=("a " * 40,)
    )
    lines = _lines(render_report(report), 40)

    assert lines[0] == f"invalid   {PATH}"
    assert lines[1] == "          (v2, 2 records, score 100.0)"
    assert all(line.startswith(" " * 10) for line in lines[1:])


def test_commands_in_an_indented_text_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False, command_options=lambda: "--data-dir /d")
    output.print_for_people(Group(IndentedText(Text("Run `dataset-lifecycle doctor`."), 2)))

    assert "  Run `dataset-lifecycle doctor --data-dir /d`." in capsys.readouterr().out
