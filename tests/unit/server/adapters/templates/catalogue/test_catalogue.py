from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from domain.content.quality import QUALITY_THRESHOLD
from domain.errors import MockDataMissingError, TemplateInvalidError
from server.adapters.templates import RepositoryTemplates, TemplateReport
from tests.support.content.records import NOW, template_record
from tests.support.content.repository_files import PAGES, SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from collections.abc import Callable


async def ids(repository: RepositoryFiles) -> list[str]:
    return [each.template_id for each in await repository.templates.list()]


# --- the layout ----------------------------------------------------------------------------------------------------


async def test_templates_are_found_by_their_folders_in_the_order_of_their_ids(
    repository: RepositoryFiles,
) -> None:
    for name in (
        "retail/support/jira_issues.csv",
        "fintech/dev/slack_messages.jsonl",
        "fintech/dev/confluence_pages.json",
        "default/default/github_repos.json",
        "default/jira_issues.json",
    ):
        repository.write(name, lines(pages()))
    for name in (
        "README.md",
        "confluence_pages.json",
        "fintech/confluence_pages.json",
        "fintech/dev/confluence_pages.txt",
        "fintech/dev/more/confluence_pages.json",
        ".git/dev/confluence_pages.json",
        "fintech/dev/.confluence_pages.json",
    ):
        repository.write(name, lines(pages()))
    assert await ids(repository) == [
        "default/default/github_repos",
        "default/default/jira_issues",
        "fintech/dev/confluence_pages",
        "fintech/dev/slack_messages",
        "retail/support/jira_issues",
    ]


async def test_of_two_files_for_one_type_json_serves_with_a_warning(repository: RepositoryFiles) -> None:
    for suffix in ("csv", "jsonl", "json"):
        repository.write(f"fintech/dev/confluence_pages.{suffix}", lines(pages()))
    template = await repository.load_only_template()
    assert template.source == f"{SUBDIR}/fintech/dev/confluence_pages.json"
    assert template.warnings == (
        (
            f"{SUBDIR}/fintech/dev/confluence_pages.jsonl, {SUBDIR}/fintech/dev/confluence_pages.csv is not used: "
            f"{SUBDIR}/fintech/dev/confluence_pages.json serves the same type."
        ),
    )


async def test_a_template_that_names_itself_for_its_records_is_refused(repository: RepositoryFiles) -> None:
    text = json.dumps({"format_version": 2, "source": {"file": "confluence_pages.json"}})
    repository.write("fintech/dev/confluence_pages.json", text)
    (report,) = await repository.templates.validate(NOW)
    assert "a template within a template" in report.problems[0]


async def test_a_broken_template_is_listed_and_hides_no_other(repository: RepositoryFiles) -> None:
    repository.write("fintech/dev/confluence_pages.json", "<xml/>")
    repository.write("fintech/dev/jira_issues.jsonl", lines(pages()))
    broken, whole = await repository.templates.list()
    assert (broken.format, whole.format) == ("unknown", "jsonl")
    assert "begins with '<'" in broken.warnings[0]


async def test_a_file_is_described_anew_when_it_has_changed(repository: RepositoryFiles) -> None:
    path = repository.write("fintech/dev/confluence_pages.json", json.dumps({"records": pages()}))
    first = await repository.load_only_template()
    assert await repository.load_only_template() is first
    path.write_text(json.dumps({"metadata": {"tags": ["new"]}, "records": pages()}))
    again = await repository.load_only_template()
    assert (again.tags, again.checksum == first.checksum) == (("new",), False)


async def test_of_a_long_file_only_the_beginning_is_read_when_it_says_enough(
    repository: RepositoryFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.adapters.templates.catalogue.templates._READ_TO_THE_END", 10)
    head = {"metadata": {"tags": ["first"]}, "records": pages(1), "default_record_count": 9}
    repository.write("fintech/dev/confluence_pages.json", json.dumps(head))
    found = await repository.load_only_template()
    assert (found.tags, found.default_record_count) == (("first",), None)


async def test_the_bundled_catalogue_is_flawless() -> None:
    bundled = RepositoryTemplates(Path(__file__).parents[6])
    for report in await bundled.validate(NOW):
        score = 100.0 if report.use == "template" else None
        assert (report.problems, report.warnings, report.issues, report.score) == ((), (), (), score), (
            report.file
        )
        assert report.use != "unused"


# --- what is not there ---------------------------------------------------------------------------------------------


def missing_repository(repository: RepositoryFiles) -> RepositoryTemplates:
    return RepositoryTemplates(repository.root / "gone")


def no_folder(repository: RepositoryFiles) -> RepositoryTemplates:
    return repository.templates


def is_a_file(repository: RepositoryFiles) -> RepositoryTemplates:
    (repository.root / "mock_data").write_text("x")
    return repository.templates


def no_template(repository: RepositoryFiles) -> RepositoryTemplates:
    repository.folder.mkdir(parents=True)
    return repository.templates


def submodule(repository: RepositoryFiles) -> RepositoryTemplates:
    (repository.root / ".gitmodules").write_text('[submodule "data"]\n\tpath = vendor/data\n\turl = x\n')
    (repository.root / "vendor/data").mkdir(parents=True)
    return RepositoryTemplates(repository.root / "vendor/data")


def submodule_within(repository: RepositoryFiles) -> RepositoryTemplates:
    (repository.root / ".gitmodules").write_text(
        f"[submodule]\n path = other\n[submodule]\n path = {SUBDIR}\n"
    )
    repository.folder.mkdir(parents=True)
    return repository.templates


def initialised_submodule(repository: RepositoryFiles) -> RepositoryTemplates:
    found = submodule_within(repository)
    (repository.folder / ".git").write_text("gitdir: x")
    return found


MISSING: list[tuple[Callable[[RepositoryFiles], RepositoryTemplates], str, str]] = [
    (missing_repository, "There is no mock-data repository at", "MOCK_DATA_REPO_PATH"),
    (no_folder, "has no folder mock_data/templates", "templates_subdir"),
    (is_a_file, "has no folder mock_data/templates", "templates_subdir"),
    (no_template, "contains no templates", "Add templates"),
    (submodule, "was not initialised", "submodule update --init vendor/data"),
    (submodule_within, "contains no templates", "submodule update --init mock_data/templates"),
    (initialised_submodule, "contains no templates", "Add templates"),
]


@pytest.mark.parametrize(("make", "problem", "action"), MISSING)
async def test_what_is_missing_is_said_with_what_to_do(
    repository: RepositoryFiles,
    make: Callable[[RepositoryFiles], RepositoryTemplates],
    problem: str,
    action: str,
) -> None:
    with pytest.raises(MockDataMissingError, match=problem) as refused:
        await make(repository).list()
    assert action in refused.value.suggested_action
    assert refused.value.field is not None


async def test_a_repository_that_goes_away_is_missing_for_its_records_too(
    repository: RepositoryFiles,
) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", lines(pages()))
    template = await repository.load_only_template()
    (repository.root / "mock_data").rename(repository.root / "moved")
    with pytest.raises(MockDataMissingError):
        repository.populate(template)


def deny(*_: object) -> NoReturn:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize("call", ["os.scandir", "pathlib.Path.is_dir"])
async def test_a_folder_that_may_not_be_read_is_said_to_be_so(
    repository: RepositoryFiles, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", lines(pages()))
    monkeypatch.setattr(call, deny)
    with pytest.raises(MockDataMissingError, match="cannot be read: Permission denied"):
        await repository.templates.list()


async def test_a_file_that_may_not_be_read_is_said_to_be_so(
    repository: RepositoryFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", lines(pages()))
    template = await repository.load_only_template()
    monkeypatch.setattr("os.open", deny)
    with pytest.raises(
        TemplateInvalidError, match=r"confluence_pages\.jsonl cannot be read: Permission denied"
    ):
        repository.populate(template)


# --- validation ----------------------------------------------------------------------------------------------------


async def test_validation_reports_on_every_file(repository: RepositoryFiles) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", lines([*pages(3), template_record(PAGES, 3)]))
    repository.write("fintech/dev/jira_issues.jsonl", '{"key"')
    repository.write(
        "fintech/dev/github_repos.json", json.dumps({"format_version": 2, "source": {"file": "r.json"}})
    )
    repository.write("fintech/dev/r.json", "[]")
    repository.write("fintech/dev/confluence.json", "[]")
    found = {each.file.rsplit("/", 1)[1]: each.problems for each in await repository.templates.validate(NOW)}
    assert list(found) == [
        "confluence.json",
        "confluence_pages.jsonl",
        "github_repos.json",
        "jira_issues.jsonl",
        "r.json",
    ]
    assert "Its name is not a dataset type" in found["confluence.json"][0]
    assert found["confluence_pages.jsonl"] == ()
    assert found["github_repos.json"] == (f"{SUBDIR}/fintech/dev/r.json holds no records.",)
    assert "record 1 is not JSON" in found["jira_issues.jsonl"][0]


async def test_a_report_counts_scores_and_names_problems(repository: RepositoryFiles) -> None:
    repository.write("fintech/dev/confluence_pages.jsonl", lines([*pages(3), template_record(PAGES, 3)]))
    (report,) = await repository.templates.validate(NOW)
    assert report == TemplateReport(
        file=f"{SUBDIR}/fintech/dev/confluence_pages.jsonl",
        template_id="fintech/dev/confluence_pages",
        dataset_type="confluence_pages",
        format="jsonl",
        records=3,
        score=95.0,
        passes=QUALITY_THRESHOLD <= 95.0,
        issues=({"check": "uniqueness", "failed": 1, "of": 4, "examples": ["record 4 (1003)"]},),
    )
