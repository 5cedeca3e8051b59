"""A company beside templates, or in one of version 2, is what data of them are generated of."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from domain.errors import MockDataMissingError, TemplateInvalidError
from domain.model.enums import DatasetType
from server.adapters.templates import LayeredTemplates
from server.adapters.templates.catalogue.side_files import COMPANY_FILE_LIMIT
from tests.support.content.companies import company_content
from tests.support.content.records import NOW
from tests.support.content.repository_files import SUBDIR, RepositoryFiles, lines, pages

if TYPE_CHECKING:
    from domain.model.template import Template

FOLDER = "fintech/dev"
COMPANY = f"{FOLDER}/company.yaml"
TODAY = date(2026, 12, 2)
CONTENT = company_content(records=30)
JSON = f"{FOLDER}/confluence_pages.json"


def v2(generator: object, **members: Any) -> str:
    return json.dumps({"format_version": 2, "source": {"generator": generator}, **members})


def generated_lines(repository: RepositoryFiles, template: Template, count: int = 12) -> list[bytes]:
    with repository.templates.generate_records(template, count, TODAY) as stream:
        return [line for batch in stream for line in batch]


async def test_a_company_serves_every_type_of_its_folder(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    found = await repository.templates.list()
    assert [each.template_id for each in found] == [f"{FOLDER}/{each}" for each in sorted(DatasetType)]
    for each in found:
        assert (each.has_records, each.format, each.default_record_count) == (False, "generated", 30)
        assert len(generated_lines(repository, each)) == 12
        assert len(await repository.templates.derive_questions(each, 400, TODAY)) >= 10


async def test_records_beside_a_company_stay_the_templates_own(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    own = (await repository.templates.list())[0]
    assert (own.has_records, own.default_record_count) == (True, None)
    assert len(repository.read_records(own)) == 3
    assert len(generated_lines(repository, own)) == 12


@pytest.mark.parametrize("name", ["company.yaml", "acme.yaml"])
async def test_a_template_names_the_file_of_its_company(repository: RepositoryFiles, name: str) -> None:
    repository.write(f"{FOLDER}/{name}", yaml.safe_dump(CONTENT))
    repository.write(JSON, v2({"file": name}, name="Acme", default_record_count=70))
    template = (await repository.templates.list())[0]
    assert (template.name, template.has_records, template.default_record_count) == ("Acme", False, 70)
    assert template.generator is not None
    assert (template.generator.file, template.generator.records) == (f"{SUBDIR}/{FOLDER}/{name}", 70)
    assert len(generated_lines(repository, template)) == 12


async def test_a_template_contains_its_company(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(CONTENT))
    template = await repository.load_only_template()
    assert template.default_record_count == 30
    assert len(generated_lines(repository, template)) == 12


async def test_the_records_of_a_template_without_any_cannot_be_read(repository: RepositoryFiles) -> None:
    repository.write(JSON, v2(CONTENT))
    template = await repository.load_only_template()
    with pytest.raises(TemplateInvalidError, match="generates its records") as refused:
        repository.read_records(template)
    assert "data source generated" in (refused.value.suggested_action or "")


BROKEN = {
    "not YAML": ("teams: [}\n", "line 1 is not YAML"),
    "a byte that is no text": (b"generator: \xff\xfe\x00", "is not YAML"),
    "an alias": ("a: &a [1]\nb: *a\n", "used by an alias"),
    "nothing": ("", "generator is missing"),
    "a key that is a list": (f"{yaml.safe_dump(CONTENT)}? [1, 2]\n: 3\n", "is not YAML"),
    "a key twice": (f"{yaml.safe_dump(CONTENT)}seed: 2\n", "seed is there twice"),
    "too deep": ("[" * 3000, "is not YAML: its parts lie too deep"),
    "a number without end": (f"seed: {'9' * 5000}\n", "a number in it is too long"),
    "a date that does not exist": ("seed: 2026-02-31\n", "a date in it does not exist"),
    "a specification with a mistake": (
        yaml.safe_dump(CONTENT | {"domain": "fernhill.com"}),
        "domain must be reserved",
    ),
    "too large": (b"#" * (COMPANY_FILE_LIMIT + 1), "has more than 1 MiB"),
}


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN)
async def test_a_company_that_cannot_be_read_is_listed_with_why_and_refused(
    repository: RepositoryFiles, text: str | bytes, problem: str
) -> None:
    repository.write(COMPANY, text)
    template = (await repository.templates.list())[0]
    assert problem in " ".join(template.warnings)
    assert "Python" not in " ".join(template.warnings)
    assert "sys." not in " ".join(template.warnings)
    assert template.default_record_count is None
    with pytest.raises(TemplateInvalidError, match=problem):
        generated_lines(repository, template)


async def test_a_company_that_vanished_is_missing(repository: RepositoryFiles) -> None:
    path = repository.write(COMPANY, yaml.safe_dump(CONTENT))
    template = (await repository.templates.list())[0]
    path.unlink()
    with pytest.raises(MockDataMissingError):
        generated_lines(repository, template)


async def test_validate_judges_the_generated_data_of_each_type(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    repository.write("fintech/other/jira_issues.json", v2(CONTENT))
    of_company, of_template = await repository.templates.validate(NOW)
    assert of_company.file == f"{SUBDIR}/{COMPANY}"
    assert of_company.dataset_types == tuple(sorted(DatasetType))
    assert (of_company.records, of_company.score, of_company.passes) == (120, 100, True)
    assert of_template.file == f"{SUBDIR}/fintech/other/jira_issues.json"
    assert (of_template.dataset_type, of_template.dataset_types) == ("jira_issues", ())
    assert (of_template.records, of_template.score, of_template.passes) == (30, 100, True)


async def test_validate_lists_a_template_that_names_its_company_beside_that(
    repository: RepositoryFiles,
) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    repository.write(JSON, v2({"file": "company.yaml"}, default_record_count=70))
    repository.write(f"{FOLDER}/Company.yml", "")
    found = [
        (each.file.rpartition("/")[2], each.use, each.records, each.reason)
        for each in await repository.templates.validate(NOW)
    ]
    assert found == [
        ("Company.yml", "unused", 0, "A company is read only from company.yaml."),
        ("company.yaml", "template", 90, None),
        ("confluence_pages.json", "template", 70, None),
    ]


async def test_a_company_that_every_template_beside_it_names_is_judged_with_those(
    repository: RepositoryFiles,
) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    for each in DatasetType:
        repository.write(f"{FOLDER}/{each}.json", v2({"file": "company.yaml"}))
    uses = {each.file.rpartition("/")[2]: each.use for each in await repository.templates.validate(NOW)}
    assert uses == {"company.yaml": "records"} | {f"{each}.json": "template" for each in DatasetType}


async def test_a_company_beside_templates_that_contain_others_is_not_used(
    repository: RepositoryFiles,
) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    for each in DatasetType:
        repository.write(f"{FOLDER}/{each}.json", v2(CONTENT))
    unused = next(each for each in await repository.templates.validate(NOW) if each.use == "unused")
    assert (unused.reason, unused.is_valid) == ("Each template beside it has another company.", True)


async def test_questions_beside_a_template_without_records_are_no_questions_of_it(
    repository: RepositoryFiles,
) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    asked = {"question": "Which issue is it?", "documents": {"jira_issues": ["A-1"]}}
    repository.write(f"{FOLDER}/questions.json", json.dumps({"questions": [asked]}))
    (report,) = [each for each in await repository.templates.validate(NOW) if each.use == "questions"]
    assert "no such template with records" in report.problems[0]


@pytest.mark.parametrize("count", [24, 26, 29])
async def test_questions_name_only_documents_that_are_there(repository: RepositoryFiles, count: int) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT | {"records": count}))
    assert all(each.is_valid for each in await repository.templates.validate(NOW))


async def test_validate_says_what_is_wrong_with_a_company(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT | {"colour": "red"}))
    (report,) = await repository.templates.validate(NOW)
    assert (report.is_valid, report.is_refused, report.dataset_types) == (
        False,
        True,
        tuple(sorted(DatasetType)),
    )
    (problem,) = report.problems
    assert "colour is not known" in problem


async def test_a_company_is_read_again_once_it_has_changed(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    assert (await repository.templates.list())[0].default_record_count == 30
    repository.write(COMPANY, yaml.safe_dump(CONTENT | {"records": 31}))
    assert (await repository.templates.list())[0].default_record_count == 31


async def test_of_several_repositories_each_generates_its_own(repository: RepositoryFiles) -> None:
    repository.write(COMPANY, yaml.safe_dump(CONTENT))
    layers = LayeredTemplates({"own": repository.templates})
    template = (await layers.list())[0]
    with layers.open_data(template, TODAY) as stream:
        assert sum(len(batch) for batch in stream) == 30
    described = layers.describe_data(template, TODAY)
    assert (described.layer, described.repository, described.default_record_count) == (0, "own", 30)
    assert described.questions
    with layers.generate_records(template, 7, TODAY) as stream:
        assert sum(len(batch) for batch in stream) == 7
        assert sum(len(batch) for batch in stream.read_again()) == 7
    assert await layers.derive_questions(template, 400, TODAY)
    repository.write(f"{FOLDER}/confluence_pages.jsonl", lines(pages()))
    own = (await layers.list())[0]
    assert layers.describe_data(own, TODAY) is own
    with layers.open_data(own, TODAY) as stream:
        assert sum(len(batch) for batch in stream) == 3
