"""Ids and names of containers with control characters: no dataset takes them, and some exports have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from domain.content.documents.kinds.texts import is_one_line, join_to_one_line
from server.adapters.templates.catalogue.repository import RepositoryTemplates
from server.adapters.templates.catalogue.validation import Judgement
from tests.support.content.exports import (
    confluence_page,
    github_repository,
    import_into,
    jira_issue,
    read_records,
    slack_files,
    slack_message,
    write_tree,
)
from tests.support.content.records import NOW

if TYPE_CHECKING:
    from pathlib import Path

EXPORTS: dict[str, tuple[Any, dict[str, str]]] = {
    "jira-rest": (
        {"issues": [jira_issue("PAY-1\u2028x", project={"key": "PA\r\nY"})]},
        {"key": "PAY-1_x", "project": "PA_Y"},
    ),
    "confluence-rest": (
        {
            "results": [
                confluence_page("1\x00", "Home", space={"key": "\x07OPS\x1b"}),
                confluence_page("2", "Refunds", ancestors=[{"id": "1\x00"}]),
            ]
        },
        {"page_id": "1", "space_key": "OPS"},
    ),
    "github": ([github_repository("pay\x7fout")], {"name": "pay_out"}),
    "slack-export": (
        {
            **slack_files(general__2024_03_12=[slack_message("1710252300.000100")]),
            "channels.json": [{"id": "general", "name": "gen\teral"}],
        },
        {"channel": "gen_eral"},
    ),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_import_takes_control_characters_out_of_names_and_counts_them(tmp_path: Path, kind: str) -> None:
    content, names = EXPORTS[kind]
    source = write_tree(tmp_path / "in", content if kind == "slack-export" else {"export": content})
    report = import_into(
        tmp_path / "repository", kind, source if kind == "slack-export" else source / "export"
    )
    first = read_records(report)[0]
    templates = RepositoryTemplates(tmp_path / "repository")
    (validated,) = (each for each in templates.iterate_reports(Judgement(now=NOW)) if each.use == "template")

    assert {name: first[name] for name in names} == names
    assert {f"control character in {name}, taken out" for name in names} <= set(report.notes)
    assert (validated.is_valid, validated.issues) == (True, ())


def test_a_parent_is_found_by_the_name_that_its_page_has_now(tmp_path: Path) -> None:
    source = tmp_path / "export"
    source.write_text(json.dumps(EXPORTS["confluence-rest"][0]))
    records = read_records(import_into(tmp_path / "repository", "confluence-rest", source))

    assert [each.get("parent_id") for each in records] == [None, "1"]


@pytest.mark.parametrize(("name", "joined"), [("PAY-1", "PAY-1"), ("\na\r\nb\x85", "a_b"), ("\x00", "")])
def test_a_name_on_one_line_has_no_control_character(name: str, joined: str) -> None:
    assert join_to_one_line(name) == joined
    assert is_one_line(join_to_one_line(name))
