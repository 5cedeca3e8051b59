"""Every file and folder below the folder of templates is listed once: as what it is used, or why it is not."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.content import is_fit_for_use
from domain.errors import LifecycleError, MockDataMissingError
from domain.model.enums import DatasetType
from server.adapters.templates import Judgement
from tests.support.content.records import NOW, template_record
from tests.support.content.repository_files import PAGES, SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from pathlib import Path

    from domain.model import Content, Template
    from server.adapters.templates import TemplateReport

GOOD = "default/default/confluence_pages.jsonl"


async def reports(repository: RepositoryFiles) -> dict[str, TemplateReport]:
    found = await repository.templates.validate(NOW)
    return {each.file.removeprefix(f"{SUBDIR}/"): each for each in found}


UNUSED: dict[str, tuple[str, bool]] = {
    # a place, the reason, and whether it is a mistake
    "jira_issues.json": (
        "above the folders of industries: move it to INDUSTRY/USE_CASE/jira_issues.json",
        True,
    ),
    "fintech/jira_issues.jsonl": ("in the folder of an industry", True),
    "fintech/Jira.CSV": ("fintech/default/jira_issues.csv for the whole industry", True),
    "fintech/payments/v1/jira_issues.jsonl": (
        "too deep: move it to fintech/payments/jira_issues.jsonl",
        True,
    ),
    "fintech/payments/v1/2024/export.csv": ("too deep: move it to fintech/payments/export.csv", False),
    "fintech/payments/v1/2024/jira_issues.txt": ("too deep", True),
    "fintech/payments/v1/notes.md": ("It is no template", False),
    "fintech/payments/jira_issues.json/part1.json": (
        "a folder that is named like a file, jira_issues.json",
        True,
    ),
    "fintech/payments/jira-issues.json": ("not a dataset type (confluence_pages, ", True),
    "fintech/payments/Jira_Issues.jsonl": ("did you mean jira_issues.jsonl?", True),
    "fintech/payments/issue.csv": ("did you mean jira_issues.csv?", True),
    "fintech/payments/xyz.json": ("and no template refers to it.", True),
    "fintech/payments/jira_issues.JSON": ("not in small letters; did you mean jira_issues.json?", True),
    "fintech/payments/jira_issues.xlsx": ('Its extension (".xlsx") is none of .json, .jsonl, ', True),
    "fintech/payments/jira_issues": ("Its extension (none) is none of", True),
    "fintech/payments/jira_issues.JSON.gz": ("not in small letters; did you mean jira_issues.json.gz?", True),
    "fintech/payments/jira_issues.csv.ZST": ("not in small letters; did you mean jira_issues.csv.zst?", True),
    "fintech/payments/issues.csv.gz": ("did you mean jira_issues.csv.gz?", True),
    "fintech/payments/jira_issues.gz": ('Its extension (".gz") is none of .json, .jsonl, ', True),
    "fintech/payments/questions.json.gz": ("not read compressed: unpack it to questions.json.", True),
    "fintech/jira_issues.csv.zst": ("fintech/default/jira_issues.csv.zst for the whole industry", True),
    "fintech/payments/v1/jira_issues.json.gz": ("move it to fintech/payments/jira_issues.json.gz", True),
    "fintech/payments/notes.gz": ("It is no template", False),
    "fintech/payments/all.zip": ("A zip of a whole repository is read where mock_data_repo.path names", True),
    "fintech/payments/all.tar.gz": ("an archive, which is not read: unpack it, and remove it.", True),
    "fintech/payments/all.tgz": ("an archive", True),
    "fintech/payments/jira_issues.7z": ("an archive", True),
    "fintech/payments/jira_issues.RAR": ("an archive", True),
    "fintech/payments/jira_issues.json.bz2": ("with bzip2, which is not read: unpack it, or compress", True),
    "fintech/payments/jira_issues.csv.xz": ("with xz, which is not read", True),
    "fintech/payments/README.md": ("It is no template", False),
    "fintech/payments/README.txt": ("It is no template", False),
    "fintech/payments/.jira_issues.json.swp": ("begins with a dot", False),
    "fintech/payments/questions.JSON": ("not in small letters.", True),
    "questions.json": ("above the folders of industries", True),
    "README.md": ("It is no template", False),
}


@pytest.mark.parametrize("name", UNUSED)
async def test_a_file_that_is_not_used_is_listed_with_the_reason(
    repository: RepositoryFiles, name: str
) -> None:
    reason, is_mistake = UNUSED[name]
    repository.write(GOOD, lines(pages()))
    repository.write(name, "x")
    found = await reports(repository)
    report = found[name]
    assert list(found) == sorted([GOOD, name])
    assert (report.use, report.is_valid) == ("unused", not is_mistake)
    assert reason in (report.reason or "")
    assert report.problems == ((report.reason,) if is_mistake else ())
    assert found[GOOD].is_valid


async def test_files_that_are_used_are_listed_as_what_they_are_used(repository: RepositoryFiles) -> None:
    repository.write(
        "a/b/confluence_pages.json", '{"format_version": 2, "source": {"file": "more/pages.csv"}}'
    )
    repository.write("a/b/more/pages.csv", "page_id\n1\n")
    repository.write("a/b/jira_issues.csv", "key\nA-1\n")
    repository.write("a/b/jira_issues.tsv", "key\nA-1\n")
    repository.write(
        "a/b/questions.json", '{"questions": [{"question": "Who?", "documents": {"jira_issues": ["A-1"]}}]}'
    )
    found = await reports(repository)
    assert {name: each.use for name, each in found.items()} == {
        "a/b/confluence_pages.json": "template",
        "a/b/jira_issues.csv": "template",
        "a/b/jira_issues.tsv": "unused",
        "a/b/more/pages.csv": "records",
        "a/b/questions.json": "questions",
    }
    assert found["a/b/jira_issues.tsv"].reason == f"{SUBDIR}/a/b/jira_issues.csv serves the same type."
    assert found["a/b/jira_issues.tsv"].is_valid


# --- links, pipes and folders --------------------------------------------------------------------------------------


async def test_links_and_pipes_are_listed_and_not_followed(repository: RepositoryFiles) -> None:
    good = repository.write(GOOD, lines(pages()))
    (repository.folder / "fintech").symlink_to(good.parent)
    (good.parent / "jira_issues.md").symlink_to(good)
    (good.parent / "jira_issues.csv").symlink_to(good)
    os.mkfifo(good.parent / "pipe.md")
    found = await reports(repository)
    assert {name: (each.use, each.is_valid) for name, each in found.items()} == {
        GOOD: ("template", True),
        "default/default/jira_issues.csv": ("template", False),
        "default/default/jira_issues.md": ("unused", True),
        "default/default/pipe.md": ("unused", True),
        "fintech": ("unused", True),
    }
    assert "symbolic link" in (found["fintech"].reason or "")
    assert "not a regular file" in (found["default/default/pipe.md"].reason or "")


@pytest.mark.parametrize("in_folder", [False, True])
async def test_a_link_to_records_is_no_records_and_its_template_is_refused(
    repository: RepositoryFiles, in_folder: bool
) -> None:
    outside = repository.write("../outside/records.jsonl", lines(pages()))
    place = repository.folder / "default/default"
    place.mkdir(parents=True)
    link, target = ("parts", outside.parent) if in_folder else ("records.jsonl", outside)
    (place / link).symlink_to(target)
    named = "parts/records.jsonl" if in_folder else link
    header = {"format_version": 2, "source": {"file": named}}
    repository.write("default/default/confluence_pages.json", json.dumps(header))
    found = await reports(repository)
    template = found["default/default/confluence_pages.json"]
    linked = found[f"default/default/{link}"]

    assert (template.is_refused, linked.use) == (True, "unused")
    assert "a symbolic link, which is not followed" in template.problems[0]
    assert "It is a symbolic link, which is not followed." in str(linked.reason)
    assert (linked.is_valid, "A template names it." in str(linked.reason)) == (in_folder, not in_folder)


async def test_a_folder_of_which_nothing_is_read_is_listed_itself(repository: RepositoryFiles) -> None:
    repository.write(GOOD, lines(pages()))
    repository.write("fintech/.git/config", "x")
    (repository.folder / "retail/support").mkdir(parents=True)
    found = await reports(repository)
    assert {name: each.reason for name, each in found.items() if each.use == "unused"} == {
        "fintech/.git": "Its name begins with a dot, which hides the folder.",
        "retail/support": "The folder is empty.",
    }
    assert all(each.is_valid for each in found.values())


async def test_a_submodule_of_one_industry_that_was_not_initialised_is_named(
    repository: RepositoryFiles,
) -> None:
    repository.write(GOOD, lines(pages()))
    (repository.root / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = {SUBDIR}/retail\n\turl = y\n')
    (repository.folder / "retail").mkdir()
    found = await reports(repository)
    assert not found["retail"].is_valid
    assert f"submodule update --init {SUBDIR}/retail" in (found["retail"].reason or "")
    assert found[GOOD].is_valid


async def test_a_folder_that_cannot_be_read_takes_down_nothing_but_itself(
    repository: RepositoryFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.write(GOOD, lines(pages()))
    repository.write("fintech/payments/confluence_pages.jsonl", lines(pages()))
    scandir = os.scandir

    def deny_one(path: Path) -> os._ScandirIterator[str]:
        if str(path).endswith("fintech"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("os.scandir", deny_one)
    found = await reports(repository)
    assert found["fintech"].problems == ("The folder cannot be read: Permission denied.",)
    assert found[GOOD].is_valid
    assert (await repository.load_only_template()).template_id == "default/default/confluence_pages"


async def test_folders_that_differ_only_by_case_are_named(repository: RepositoryFiles) -> None:
    repository.write("Fintech/a/confluence_pages.jsonl", lines(pages()))
    repository.write("fintech/a/confluence_pages.jsonl", lines(pages()))
    found = await reports(repository)
    if len(found) == 1:
        pytest.skip("this file system does not tell them apart")
    warning = "Its folder fintech differs from Fintech only by case: elsewhere they are one folder."
    assert warning in found["fintech/a/confluence_pages.jsonl"].warnings
    assert found["Fintech/a/confluence_pages.jsonl"].warnings == ()


async def test_a_repository_with_files_and_no_template_lists_them_first(repository: RepositoryFiles) -> None:
    repository.write("fintech/payments/jira.csv", "key\nA-1\n")
    found = repository.templates.iterate_reports(Judgement(now=NOW))
    assert next(found).file.endswith("jira.csv")
    with pytest.raises(MockDataMissingError, match="contains no templates"):
        next(found)


# --- any repository ------------------------------------------------------------------------------------------------

FOLDERS = st.sampled_from(
    ["fintech", "Fintech", "payments", "default", ".git", "jira_issues.json", "v 1", "é"]
)
NAMES = st.sampled_from(
    [
        *(
            f"{each.value}.{suffix}"
            for each in DatasetType
            for suffix in ("json", "jsonl", "csv", "tsv", "JSON", "xlsx")
        ),
        *(
            "jira.csv",
            "README.md",
            ".hidden",
            "questions.json",
            "r.json",
            "a.zip",
            "jira_issues.jsonl.gz",
            "confluence_pages.json.zst",
            "x",
            "\udcff",
        ),
    ]
)
CONTENTS = st.sampled_from(
    [
        "",
        "{",
        "null\n",
        lines(pages()),
        lines([template_record(DatasetType.JIRA_ISSUES, 1)]),
        '{"format_version": 2, "source": {"file": "r.json"}}',
        '{"format_version": 2, "source": {"file": "../../../x"}}',
        '{"questions": []}',
        "page_id;title\n1;é\n",
        "version https://git-lfs.github.com/spec/v1\n",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    files=st.dictionaries(
        st.tuples(st.lists(FOLDERS, max_size=4).map(tuple), NAMES), CONTENTS, min_size=1, max_size=12
    ),
    data=st.data(),
)
def test_every_file_is_listed_exactly_once_with_its_use_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory,
    files: dict[tuple[tuple[str, ...], str], str],
    data: st.DataObject,
) -> None:
    repository = RepositoryFiles(tmp_path_factory.mktemp("repository"))
    repository.write(GOOD, lines(pages()))
    for (folders, name), content in files.items():
        path = repository.folder.joinpath(*folders, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if data.draw(st.integers(0, 9)) == 0:
                path.symlink_to(repository.folder / GOOD)
            else:
                path.write_text(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue  # another file or folder has the name
    found = [each for each in _validate(repository) if each.file]
    listed = [each.file for each in found]
    there = [
        os.path.relpath(os.path.join(folder, name), repository.root)  # noqa: PTH118 - names that are no text
        for folder, _, names in os.walk(repository.folder)
        for name in names
    ]
    hidden = {each for each in listed if os.path.isdir(repository.root / each)}  # noqa: PTH112 - the same
    assert len(listed) == len(set(listed))
    assert {each for each in there if not any(each.startswith(f"{folder}/") for folder in hidden)} == (
        set(listed) - hidden
    )
    for each in found:
        assert each.use in {"template", "questions", "records", "unused"}
        assert each.use != "unused" or each.reason
        assert each.is_valid or each.problems or each.issues


def _validate(repository: RepositoryFiles) -> list[TemplateReport]:
    return list(repository.templates.iterate_reports(Judgement(now=NOW)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(content=CONTENTS, suffix=st.sampled_from(["json", "jsonl", "csv", "tsv"]))
def test_validation_says_of_a_template_what_a_population_makes_of_it(
    tmp_path_factory: pytest.TempPathFactory, content: str, suffix: str
) -> None:
    repository = RepositoryFiles(tmp_path_factory.mktemp("repository"))
    repository.write(f"fintech/dev/{PAGES.value}.{suffix}", content)
    repository.write("fintech/dev/r.json", lines(pages()))
    (report,) = [each for each in _validate(repository) if each.use == "template"]
    (template,) = repository.templates.list_templates()
    made, refusal = _populate(repository, template)
    if made is None:
        assert not report.is_valid
        assert refusal in report.problems[0]
    else:
        passes = is_fit_for_use(made.report)
        assert (report.records, report.score, report.passes) == (made.record_count, made.report.score, passes)


def _populate(repository: RepositoryFiles, template: Template) -> tuple[Content | None, str]:
    try:
        return repository.populate(template), ""
    except LifecycleError as error:
        return None, error.message
