from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from domain.model.enums import DatasetType
from domain.model.template import GoldenQuestion
from server.adapters.templates.catalogue.side_files import QUESTIONS_FILE_LIMIT
from tests.support.content.records import NOW, template_record
from tests.support.content.repository_files import PAGES, SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from server.adapters.templates import TemplateReport

FOLDER = "fintech/dev"
QUESTIONS = f"{FOLDER}/questions.json"
ID = template_record(PAGES, 1)["page_id"]
FORMATS: dict[str, tuple[str, str]] = {
    "version 1": ("confluence_pages.json", json.dumps({"records": pages()})),
    "version 2": (
        "confluence_pages.json",
        json.dumps({"format_version": 2, "source": {"records": pages()}}),
    ),
    "array": ("confluence_pages.json", json.dumps(pages())),
    "JSON Lines": ("confluence_pages.jsonl", lines(pages())),
    "CSV": (
        "confluence_pages.csv",
        (
            "page_id,title,body,space_key,author_email,last_modified\n"
            f"{ID},Runbook,text,OPS,mira@example.com,2026-01-01T00:00:00Z\n"
        ),
    ),
}


def file(*questions: dict[str, Any]) -> str:
    return json.dumps({"questions": list(questions)})


def raw_question(text: str = "Who is on call?", **documents: list[str]) -> dict[str, Any]:
    return {"question": text, "documents": documents or {"confluence_pages": [ID]}}


async def reports(repository: RepositoryFiles) -> dict[str, TemplateReport]:
    return {each.file.removeprefix(f"{SUBDIR}/"): each for each in await repository.templates.validate(NOW)}


@pytest.mark.parametrize("form", sorted(FORMATS))
async def test_a_template_of_any_format_has_the_questions_beside_it(
    repository: RepositoryFiles, form: str
) -> None:
    name, text = FORMATS[form]
    repository.write(f"{FOLDER}/{name}", text)
    repository.write(QUESTIONS, file(raw_question(jira_issues=["PAY-1"]), raw_question("Where is it?")))
    template = await repository.load_only_template()
    assert template.questions == (GoldenQuestion(position=2, text="Where is it?", documents=(ID,)),)
    assert template.warnings == ()
    assert (await reports(repository))[f"{FOLDER}/{name}"].questions == 1


async def test_a_default_template_has_the_questions_of_its_own_folder(repository: RepositoryFiles) -> None:
    repository.write("default/jira_issues.jsonl", lines([template_record(DatasetType.JIRA_ISSUES, 1)]))
    repository.write("default/default/confluence_pages.jsonl", lines(pages()))
    repository.write("default/questions.json", file(raw_question(jira_issues=["PAY-1"])))
    pages_template, issues_template = await repository.templates.list()
    assert (pages_template.questions, len(issues_template.questions or ())) == ((), 1)


async def test_questions_are_no_stranger_in_the_repository(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    repository.write(QUESTIONS, b"\xef\xbb\xbf" + file(raw_question()).encode())
    found = await reports(repository)
    assert [(name, each.use) for name, each in found.items()] == [
        (f"{FOLDER}/confluence_pages.jsonl", "template"),
        (QUESTIONS, "questions"),
    ]
    assert (
        found[f"{FOLDER}/confluence_pages.jsonl"].problems,
        (await repository.load_only_template()).warnings,
    ) == (
        (),
        (),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not JSON: "),
        (b'{"questions": ["\xff"]}', "is not JSON: "),
        ("[" * 100_000, "is not JSON: "),
        (file(), "holds no question."),
        (file(raw_question(""), raw_question()), "question 1: question must be a text with a word in it."),
        (" " * (QUESTIONS_FILE_LIMIT + 1), "has more than 4 MiB."),
    ],
)
async def test_broken_questions_are_reported_and_keep_no_template_from_serving(
    repository: RepositoryFiles, text: str | bytes, problem: str
) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    repository.write(QUESTIONS, text)
    template = await repository.load_only_template()
    assert template.questions is None
    [warning] = template.warnings
    assert warning.startswith(f"Its golden questions are not used: {SUBDIR}/{QUESTIONS}")
    assert problem in warning
    assert warning in repository.populate(template).warnings
    found = await reports(repository)
    assert problem in found[QUESTIONS].problems[0]
    assert found[QUESTIONS].passes is False
    assert found[f"{FOLDER}/confluence_pages.jsonl"].problems == ()


async def test_questions_outside_the_repository_are_not_read(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    elsewhere = repository.root.parent / f"{repository.root.name}-secrets.json"
    elsewhere.write_text(file(raw_question()))
    (repository.folder / QUESTIONS).symlink_to(elsewhere)
    assert (await repository.load_only_template()).questions is None
    assert "symbolic link" in (await reports(repository))[QUESTIONS].problems[0]


async def test_a_pipe_in_the_place_of_questions_holds_nobody_up(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    os.mkfifo(repository.folder / QUESTIONS)
    assert (await repository.load_only_template()).questions is None
    assert "not a regular file" in (await reports(repository))[QUESTIONS].problems[0]


async def test_questions_are_read_again_when_they_have_changed(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    assert (await repository.load_only_template()).questions == ()
    path = repository.write(QUESTIONS, file(raw_question()))
    assert len((await repository.load_only_template()).questions or ()) == 1
    assert len((await repository.load_only_template()).questions or ()) == 1
    repository.write(QUESTIONS, file(raw_question(), raw_question("And who was before?")))
    assert len((await repository.load_only_template()).questions or ()) == 2
    path.unlink()
    assert (await repository.load_only_template()).questions == ()


async def test_ids_that_are_no_record_of_the_template_are_found(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    repository.write(
        QUESTIONS,
        file(raw_question(confluence_pages=[ID]), raw_question("Where?", confluence_pages=[ID, "page-77"])),
    )
    report = (await reports(repository))[f"{FOLDER}/confluence_pages.jsonl"]
    assert report.problems == (
        (
            f"{SUBDIR}/{QUESTIONS}: question 2 names 'page-77', but no document of "
            f"{SUBDIR}/{FOLDER}/confluence_pages.jsonl has this id (documents.confluence_pages)."
        ),
    )
    assert (report.questions, report.passes, report.records) == (2, True, 3)


async def test_many_such_ids_are_counted_and_the_first_are_named(repository: RepositoryFiles) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    repository.write(QUESTIONS, file(raw_question(confluence_pages=[f"x{n}" for n in range(12)])))
    report = (await reports(repository))[f"{FOLDER}/confluence_pages.jsonl"]
    assert (len(report.problems), report.problems[-1]) == (
        11,
        "2 more are wrong about documents.",
    )


async def test_ids_are_compared_without_case_and_a_repositorys_has_its_owner(
    repository: RepositoryFiles,
) -> None:
    repositories = [template_record(DatasetType.GITHUB_REPOS, n) for n in (1, 2)]
    repository.write(f"{FOLDER}/github_repos.jsonl", lines(repositories))
    full = f"{repositories[0]['owner']}/{repositories[0]['name']}".upper()
    repository.write(QUESTIONS, file(raw_question(github_repos=[full])))
    assert (await reports(repository))[f"{FOLDER}/github_repos.jsonl"].problems == ()


async def test_questions_about_a_type_that_no_template_beside_them_makes_are_found(
    repository: RepositoryFiles,
) -> None:
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    repository.write(QUESTIONS, file(raw_question(), raw_question("Which issue?", jira_issues=["PAY-1"])))
    assert (await reports(repository))[QUESTIONS].problems == (
        "Question 2 names jira_issues, but its folder has no such template with records.",
    )


@pytest.mark.parametrize(
    "body",
    [
        "<p>The VELMORA Exchange runs here, the Velmora exchange.</p>",
        "<p>The Velmora  Exchange</p>",
        "<p>The Velmora\nExchange</p>",
        "<p>The Vel<b>mora</b> <i>Exchange</i></p>",
        "<p>The Velmora&nbsp;Exchange</p>",
        "<p>The V&eacute;lmora-Exchange</p>",
    ],
)
async def test_what_is_said_to_be_absent_is_looked_for(repository: RepositoryFiles, body: str) -> None:
    found = pages()
    found[1]["body"] = body
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(found))
    absent = [
        {"question": "Who runs the Velmora Exchange?", "absent": "Velmora Exchange"},
        {"question": "Who runs the Sarnwick Planner?", "absent": "Sarnwick Planner"},
    ]
    repository.write(QUESTIONS, file(*absent))
    all_reports = await reports(repository)
    report = all_reports[f"{FOLDER}/confluence_pages.jsonl"]
    (problem,) = report.problems
    assert problem == (
        f"{SUBDIR}/{QUESTIONS}: question 1 says that 'Velmora Exchange' is in no document, but it is in "
        f"{found[1]['page_id']!r} of {SUBDIR}/{FOLDER}/confluence_pages.jsonl (absent)."
    )
    assert (report.questions, all_reports[QUESTIONS].problems) == (2, ())
