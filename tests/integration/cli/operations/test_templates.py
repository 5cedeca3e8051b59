"""`templates`: what a person with files of their own sees and does."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from tests.support.content.repository_files import SUBDIR, RepositoryFiles, lines, pages
from tests.support.servers.command_line import PATIENCE_S, PROVISION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers.command_line import CommandLine

ID = "fintech/developer_productivity/confluence_pages"
OWN = f"{ID}.jsonl"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RepositoryFiles:
    """A configured repository with one template that is bundled, too."""
    files = RepositoryFiles(tmp_path / "own")
    files.write(OWN, lines(pages()))
    monkeypatch.setenv("MOCK_DATA_REPO_PATH", str(files.root))
    return files


def test_the_list_says_where_templates_come_from_and_what_they_shadow(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    items = {each["template_id"]: each for each in command_line.run_json("templates", "list")["items"]}
    told = command_line.run_ok("templates", "list")

    assert (items[ID]["repository"], items[ID]["shadows"]) == (str(repository.root), ["bundled"])
    assert items["default/default/jira_issues"]["repository"] == "bundled"
    assert f"{ID} of bundled is shadowed by that of {repository.root}." in told


def test_a_template_that_is_refused_is_shown_as_such_and_not_as_empty(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    page = {"page_id": "1", "title": "a", "body": "b", "author_email": "a@b.example", "last_modified": None}
    repository.write(
        OWN, lines([{**page, "space_key": "OPS"}, {**page, "page_id": "2", "space_key": "O PS"}])
    )
    shown = command_line.run("templates", "show", ID)
    document = command_line.run_json("templates", "show", ID, code=1)

    assert shown.exit_code == 1
    told = " ".join(shown.stdout.split())
    assert "refused no dataset can be made of it; the last lines say why" in told
    assert "records 0" not in told
    assert 'record 2 has the space_key "O PS"' in told
    assert (document["refused"], document["valid"], "records" in document) == (True, False, False)
    assert 'record 2 has the space_key "O PS"' in document["problems"][0]
    assert command_line.run_json("templates", "show", "default/default/jira_issues")["refused"] is False


def test_several_repositories_are_listed_without_the_bundled_one_where_it_is_switched_off(
    command_line: CommandLine, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        RepositoryFiles(tmp_path / name).write(OWN, "" if name == "a" else lines(pages()))
    RepositoryFiles(tmp_path / "b").write("retail/support/confluence_pages.jsonl", lines(pages()))
    config = tmp_path / "config.yaml"
    paths = [str(tmp_path / "a" / "mock_data"), str(tmp_path / "b")]
    config.write_text(json.dumps({"dataops": {"mock_data_repo": {"path": paths, "bundled": False}}}))
    listed = command_line.run_json("templates", "list", "--config", str(config))
    told = command_line.run_ok("templates", "list", "--config", str(config))

    assert [(each["template_id"], each["repository"]) for each in listed["items"]] == [
        (ID, paths[0]),
        ("retail/support/confluence_pages", paths[1]),
    ]
    assert "is inside of a repository" in listed["notices"][0]
    assert "is inside of a repository" in told
    assert "an empty file" in told


def test_a_broken_company_is_told_of_once_and_declares_no_records(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    repository.write("logistics/dispatch/company.yaml", "generator: company/9\n")
    listed = command_line.run_json("templates", "list")["items"]
    of_company = [each for each in listed if each["industry"] == "logistics"]
    assert len(of_company) == 4
    assert not any({"record_count", "generated_record_count"} & each.keys() for each in of_company)
    assert command_line.run_ok("templates", "list").count("names the generator company/9") == 1
    validated = command_line.run("templates", "validate", str(repository.root))
    assert validated.stdout.count("names the generator company/9") == 1


def test_show_previews_records_as_documents(command_line: CommandLine, repository: RepositoryFiles) -> None:
    shown = command_line.run_json("templates", "show", ID, "--records", "2")
    told = command_line.run_ok("templates", "show", ID)
    bundled = command_line.run_json("templates", "show", "default/default/jira_issues", "--records", "0")

    assert [each["id"] for each in shown["documents"]] == [each["page_id"] for each in pages()[:2]]
    assert (shown["records"], shown["score"], shown["valid"], shown["format"]) == (3, 100.0, True, "jsonl")
    assert pages()[0]["title"] in told
    assert bundled["documents"] == []
    assert len(bundled["questions"]) > 5
    assert "Questions" in command_line.run_ok("templates", "show", "default/default/jira_issues")
    refused = command_line.run_json("templates", "show", "default/default/jira", code=3)
    assert (refused["error"]["code"], refused["error"]["candidates"][0]) == (
        "unknown_template",
        "default/default/jira_issues",
    )


def test_show_of_a_broken_template_says_what_is_wrong(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    repository.write(OWN, "{")
    shown = command_line.run_json("templates", "show", ID, code=1)
    assert "record 1 is not JSON" in shown["problems"][0]
    assert "score" not in shown


def test_a_new_template_is_valid_is_shown_and_makes_a_dataset(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    command_line.add_client_and_journey()
    made = command_line.run_json("templates", "new", "retail/support", "--dataset-type", "jira_issues")
    assert made["file"] == str(repository.folder / "retail/support/jira_issues.csv")
    validated = command_line.run_json("templates", "validate", str(repository.root))
    assert {each["file"].rsplit("/", 1)[1]: each["use"] for each in validated["items"]} == {
        "confluence_pages.jsonl": "template",
        "jira_issues.README.md": "unused",
        "jira_issues.csv": "template",
    }
    template = ("--template-id", made["template_id"])
    ready = command_line.run_json(*PROVISION, "jira_issues", *template)
    assert (ready["status"], ready["record_count"], ready["quality"]["score"]) == ("ready", 3, 100.0)


def test_a_new_template_needs_a_repository(command_line: CommandLine, tmp_path: Path) -> None:
    new = ("templates", "new", "retail/support", "--dataset-type", "github_repos")
    refused = command_line.run_json(*new, code=3)
    assert (refused["error"]["code"], refused["error"]["field"]) == ("invalid_argument", "repo")
    told = command_line.run_ok(*new, "--repo", str(tmp_path / "new"))
    assert "github_repos.README.md" in told
    assert (tmp_path / "new" / SUBDIR / "retail/support/github_repos.csv").exists()


def test_validation_follows_a_path_into_the_repository_and_lists_what_is_not_used(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    repository.write("fintech/jira_issues.csv", "key\nA-1\n")
    told = command_line.run("templates", "validate", str(repository.folder))
    found = command_line.run_json("templates", "validate", str(repository.folder), code=1)

    assert "is inside of a repository" in told.stderr
    assert "It lies in the folder of an industry" in told.stdout
    assert "1 of 2 files are fit for use." in told.stdout
    assert (found["count"], found["invalid"], found["templates"]) == (2, 1, 1)
    assert "is inside of a repository" in found["notice"]


def test_validation_without_any_template_lists_the_files_and_fails(
    command_line: CommandLine, repository: RepositoryFiles
) -> None:
    (repository.folder / OWN).unlink()
    repository.write("fintech/jira_issues.csv", "key\nA-1\n")
    found = command_line.run_json("templates", "validate", str(repository.root), code=3)
    assert [each["use"] for each in found["items"]] == ["unused", "unused"]
    assert found["error"]["code"] == "mock_data_missing"


@pytest.mark.resilience
def test_a_validation_is_interrupted_at_once(command_line: CommandLine, repository: RepositoryFiles) -> None:
    row = lines([{**pages()[0], "body": "word " * 200}])
    with (repository.folder / OWN).open("a") as file:
        file.writelines(row * 500 for _ in range(100))
    args = ("templates", "validate", str(repository.folder))
    with command_line.start_process(*args, until="is inside of a repository") as (process, _):
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, stdout, stderr) == (130, "", "Interrupted.\n")
