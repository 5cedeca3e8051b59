"""`templates import`: from each kind of export to a dataset that is ready, with one command and no edit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from server.cli.commands.registry.template_import import _render_counts
from tests.support.content.exports import (
    JIRA_CLOUD,
    confluence_page,
    entities_xml,
    github_repository,
    jira_issue,
    slack_files,
    slack_message,
    write_tree,
    write_zip,
    xml_body,
    xml_page,
)
from tests.support.servers.command_line import PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

EXPORTS: dict[str, tuple[str, Any]] = {
    "jira-csv": ("jira_issues", JIRA_CLOUD),
    "jira-rest": ("jira_issues", {"issues": [jira_issue("PAY-1"), jira_issue("PAY-2", assignee=None)]}),
    "slack-export": (
        "slack_messages",
        slack_files(
            general__2024_03_12=[
                slack_message("1710252300.000100", thread_ts="1710252300.000100"),
                slack_message("1710252400.000200", user="U2", thread_ts="1710252300.000100"),
            ]
        ),
    ),
    "confluence-rest": (
        "confluence_pages",
        {"results": [confluence_page("1", "Home"), confluence_page("2", "Refunds", ancestors=[{"id": "1"}])]},
    ),
    "confluence-xml": (
        "confluence_pages",
        entities_xml(xml_page("1", "Home"), xml_body("1", "<p>a</p>"), xml_page("2", "Empty")),
    ),
    "github": (
        "github_repos",
        [github_repository("a"), github_repository("b", description=None, language=None)],
    ),
}
TO = ("--to", "fintech/developer_productivity")


def _write(folder: Path, kind: str) -> Path:
    content = EXPORTS[kind][1]
    if kind == "slack-export":
        return write_zip(folder / "export.zip", content)
    return write_tree(folder, {"export": content}) / "export"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "demo-data"
    folder.mkdir()
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(folder))
    return folder


@pytest.mark.parametrize("kind", EXPORTS)
def test_an_export_becomes_a_ready_dataset_with_one_command(
    command_line: CommandLine, tmp_path: Path, repository: Path, kind: str
) -> None:
    dataset_type = EXPORTS[kind][0]
    command_line.add_client_and_journey()
    imported = command_line.run_json("templates", "import", kind, str(_write(tmp_path, kind)), *TO)
    items = command_line.run_json("templates", "validate", str(repository))["items"]
    (validated,) = (each for each in items if each["use"] == "template")
    assert {each["use"] for each in items} == {"template", "records"}
    provisioned = command_line.run_json(*PROVISION, dataset_type)

    assert (imported["taken"], imported["sanitised"]) == (2, False)
    assert (validated["valid"], validated["score"], validated["records"]) == (True, 100.0, 2)
    assert (validated["issues"], validated["warnings"]) == ([], [])
    assert (provisioned["status"], provisioned["record_count"]) == ("ready", 2)


def test_a_person_is_told_what_was_taken_and_dropped(
    command_line: CommandLine, tmp_path: Path, repository: Path
) -> None:
    (repository / "mock_data" / "templates" / "fintech" / "developer_productivity").mkdir(parents=True)
    beside = repository / "mock_data" / "templates" / "fintech" / "developer_productivity" / "jira_issues.csv"
    beside.write_text("key\n")
    source = str(_write(tmp_path, "jira-csv"))
    refused = command_line.run_json("templates", "import", "jira-csv", source, *TO, code=3)
    told = command_line.run_ok("templates", "import", "jira-csv", source, *TO, "--replace")
    document = command_line.run_json("templates", "import", "jira-csv", source, *TO, "--replace")

    assert refused["error"]["field"] == "to"
    assert "2 records are the template fintech/developer_productivity/jira_issues now" in told
    assert "unassigned issue" in told
    assert "Custom field (Story Points)" in told
    assert "does not sanitise" in told
    assert "jira_issues.csv is no longer used" in told
    assert document["unread"]["Comment"] == 2
    assert document["unused"] == ["jira_issues.csv"]


def test_an_import_says_what_a_provision_would_refuse(
    command_line: CommandLine, tmp_path: Path, repository: Path
) -> None:
    source = tmp_path / "a.csv"
    source.write_text("Issue key,Summary,Status,Project key\nA-1,a,Open,A\nA-2,a,Open,A B\n")
    document = command_line.run_json("templates", "import", "jira-csv", str(source), *TO, code=1)
    told = command_line.run("templates", "import", "jira-csv", str(source), *TO, "--replace")
    items = command_line.run_json("templates", "validate", str(repository), code=1)["items"]
    (validated,) = (each for each in items if each["use"] == "template")

    assert document["valid"] is False
    assert document["problems"] == validated["problems"]
    assert "record 2" in document["problems"][0]
    assert told.exit_code == 1
    assert document["problems"][0] in " ".join(told.stdout.split())


def test_an_import_is_judged_with_the_questions_and_folders_beside_it(
    command_line: CommandLine, tmp_path: Path, repository: Path
) -> None:
    folder = repository / "mock_data" / "templates" / "fintech" / "developer_productivity"
    folder.mkdir(parents=True)
    (repository / "mock_data" / "templates" / "Fintech" / "a").mkdir(parents=True)
    (folder / "questions.json").write_text(
        json.dumps({"questions": [{"question": "Who?", "documents": {"jira_issues": ["NONE-1"]}}]})
    )
    source = str(_write(tmp_path, "jira-csv"))
    document = command_line.run_json("templates", "import", "jira-csv", source, *TO, code=1)

    assert "NONE-1" in document["problems"][0]
    assert document["warnings"] == [
        "Its folder fintech differs from Fintech only by case: elsewhere they are one folder."
    ]


def test_a_long_list_of_columns_is_cut_for_people() -> None:
    assert _render_counts("Not read", "column", {}) == []
    (section,) = _render_counts("Not read", "column", {f"F{each}": 1 for each in range(50)})

    assert section is not None


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("jira", "export", *TO), "kind"),
        (("jira-csv", "export", "--to", "fintech"), "to"),
        (("jira-csv", "export", *TO, "--dates", "year-first"), "dates"),
        (("jira-csv", "nothing", *TO), "source"),
        (("jira-csv", "export", *TO, "--repo", "nothing/there"), "repo"),
        (("jira-rest", "export", *TO), "kind"),
    ],
)
def test_a_wrong_argument_is_named(
    command_line: CommandLine, tmp_path: Path, repository: Path, arguments: tuple[str, ...], field: str
) -> None:
    _write(tmp_path, "jira-csv")
    refused = command_line.run_json("templates", "import", *arguments, code=3)

    assert refused["error"]["field"] == field
    assert ("by its path" in refused["error"]["suggested_action"]) == (arguments[1] == "nothing")
    assert list(repository.iterdir()) == []


def test_the_bundled_catalogue_is_never_written_to(command_line: CommandLine, tmp_path: Path) -> None:
    refused = command_line.run_json(
        "templates", "import", "jira-csv", str(_write(tmp_path, "jira-csv")), *TO, code=3
    )

    assert refused["error"]["field"] == "repo"


def test_options_say_what_an_export_leaves_open(
    command_line: CommandLine, tmp_path: Path, repository: Path
) -> None:
    source = tmp_path / "a.csv"
    source.write_text(
        "Issue key,Summary,Status,Created,Description\n"
        "A-1,a,Open,03/04/2024,https://JIRA.vega.example/browse/A-1\n"
    )
    dates = ("--dates", "month-first", "--site", "Jira.vega.example")
    imported = command_line.run_json("templates", "import", "jira-csv", str(source), *TO, *dates)
    record = json.loads((repository / imported["files"][1]).read_text())

    assert (record["created"], record["description"]) == (
        "2024-03-04T00:00:00Z",
        "{{site:jira_issues}}/browse/A-1",
    )


def test_an_import_shows_progress_and_ctrl_c_leaves_nothing_behind(
    command_line: CommandLine, tmp_path: Path, repository: Path
) -> None:
    source = tmp_path / "a.csv"
    with source.open("w") as file:
        file.write("Issue key,Summary,Status\n")
        file.writelines(f"A-{each},a,Open\n" for each in range(600_000))
    code, stdout, shown = command_line.interrupt_on_terminal(
        "templates", "import", "jira-csv", str(source), *TO, "--repo", str(repository), after="records"
    )

    assert (code, stdout) == (130, "")
    assert "Interrupted. Nothing was written." in shown
    assert list(repository.iterdir()) == []
