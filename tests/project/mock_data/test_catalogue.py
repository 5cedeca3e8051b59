"""What the bundled catalogue promises: companies that nobody knows, told on the day, coherent, and asked about."""

from __future__ import annotations

import json
import re
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import mock_data
from domain.content.generation import Company, derive_questions
from domain.model import DatasetType
from server.adapters.templates import RepositoryTemplates
from tests.support.content.companies import BUNDLED, bundled_specification
from tests.support.content.demo_search import DemoSearch

if TYPE_CHECKING:
    from domain.model import Template

ROOT = Path(mock_data.__file__).parents[1]
DAYS = (date(2026, 12, 2), date(2027, 3, 9))
STAMPS = {
    DatasetType.CONFLUENCE_PAGES: "last_modified",
    DatasetType.GITHUB_REPOS: "updated_at",
    DatasetType.SLACK_MESSAGES: "timestamp",
    DatasetType.JIRA_ISSUES: "updated",
}
EVERY_COMPANY = pytest.mark.parametrize("file", BUNDLED, ids=lambda file: file.parent.parent.name)
EVERY_TYPE = pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)
# Text that would be odd in a story: filler, a real site, or words that speak to a model.
UNWANTED = re.compile(
    r"lorem|ipsum|https?://|www\.|ignore (all|previous)|system prompt|assistant|language model|you are an? "
    r"|\w\.(com|org|net|io)\b(?<!example\.com)",
    re.IGNORECASE,
)


def company(file: Path, on: date, count: int = 500) -> Company:
    return Company(bundled_specification(file), count, on)


def texts(made: Company, dataset_type: DatasetType) -> list[str]:
    return [line.decode() for batch in made.records(dataset_type) for line in batch]


async def bundled_templates() -> dict[str, Template]:
    return {each.template_id: each for each in await RepositoryTemplates(ROOT).list()}


async def test_six_industries_have_a_template_of_each_type_with_500_records() -> None:
    found = await bundled_templates()
    folders = {"/".join(file.parts[-3:-1]) for file in BUNDLED}
    assert len(folders) == 6
    assert set(found) == {f"{folder}/{each}" for folder in folders for each in DatasetType}
    for each in found.values():
        assert (each.version, each.has_records, each.default_record_count) == (2, False, 500)
        assert (each.warnings, each.is_relative) == ((), False)


async def test_a_template_is_named_after_its_company_and_tagged_with_its_industry() -> None:
    for each in (await bundled_templates()).values():
        assert each.generator is not None
        name = bundled_specification(ROOT / each.generator.file).company
        assert each.name.startswith(f"{name}: ")
        assert each.tags == ("story", each.industry)


def test_nothing_but_templates_and_companies_is_bundled() -> None:
    names = {path.name for path in (ROOT / "mock_data" / "templates").rglob("*") if path.is_file()}
    assert names == {"company.yaml", *(f"{each}.json" for each in DatasetType)}


@EVERY_COMPANY
@EVERY_TYPE
def test_what_it_tells_is_of_the_day_and_the_same_whenever_it_is_told(
    file: Path, dataset_type: DatasetType
) -> None:
    told = texts(company(file, DAYS[0], 120), dataset_type)
    assert told == texts(company(file, DAYS[0], 120), dataset_type)
    newest = max(msgspec.json.decode(each)[STAMPS[dataset_type]] for each in told)
    assert newest.startswith((DAYS[0] - timedelta(days=1)).isoformat())


@EVERY_COMPANY
def test_nothing_in_it_is_filler_real_or_addressed_to_a_model(file: Path) -> None:
    made = company(file, DAYS[0])
    for dataset_type in DatasetType:
        for each in texts(made, dataset_type):
            assert not UNWANTED.search(each), each


def test_no_company_has_the_name_of_another() -> None:
    found = [bundled_specification(file) for file in BUNDLED]
    for name in ("company", "domain"):
        assert len({getattr(each, name) for each in found}) == len(BUNDLED)


@EVERY_COMPANY
@EVERY_TYPE
def test_its_questions_are_answered_by_the_first_results(file: Path, dataset_type: DatasetType) -> None:
    for on in DAYS:
        made = company(file, on)
        with closing(DemoSearch(made, dataset_type)) as search:
            missed = [
                each.text
                for each in derive_questions(made, dataset_type)
                if each.absent is None and not each.is_answered_by(search.find_first(each.text))
            ]
        assert missed == []


@EVERY_TYPE
def test_a_question_is_answered_for_what_a_record_tells(dataset_type: DatasetType) -> None:
    made = company(BUNDLED[1], DAYS[0])
    another = Company(msgspec.structs.replace(bundled_specification(BUNDLED[1]), seed=2), 500, DAYS[0])
    asked = [each for each in derive_questions(another, dataset_type) if each.absent is None]
    with closing(DemoSearch(made, dataset_type)) as search:
        answered = [each for each in asked if each.is_answered_by(search.find_first(each.text))]
    assert len(answered) < len(asked) / 4


def test_every_template_is_as_small_as_the_readme_says() -> None:
    for path in (ROOT / "mock_data" / "templates").rglob("*.json"):
        head: dict[str, Any] = json.loads(path.read_bytes())
        assert head["source"] == {"generator": {"file": "company.yaml"}}
        assert set(head) == {"format_version", "name", "metadata", "default_record_count", "source"}
