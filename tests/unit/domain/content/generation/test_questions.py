"""The golden questions about a made-up company are about records that it has."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from domain.content import RECORD_KINDS
from domain.content.documents import ClientSite
from domain.content.generation import Company, derive_questions
from domain.content.generation.questions import _QUESTIONS
from domain.content.generation.story import KINDS
from domain.model import DatasetType
from tests.support.content.companies import bundled_specification, company

TODAY = date(2026, 12, 2)


@pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)
def test_every_document_that_answers_is_there(dataset_type: DatasetType) -> None:
    made = company(500, TODAY)
    kind = RECORD_KINDS[dataset_type]
    site = ClientSite("https://x.example.com", "mock-org")
    ids = {
        kind.document(kind.decode(line), site).id for batch in made.records(dataset_type) for line in batch
    }
    questions = derive_questions(made, dataset_type)
    assert [each.position for each in questions] == list(range(1, len(questions) + 1))
    assert len(questions) >= 10
    assert {document for each in questions for document in each.documents} <= ids
    assert len({each.text for each in questions}) == len(questions)


@pytest.mark.parametrize("dataset_type", DatasetType, ids=lambda each: each.value)
def test_what_nothing_answers_is_in_no_record(dataset_type: DatasetType) -> None:
    made = company(500, TODAY)
    absent = [each.absent for each in derive_questions(made, dataset_type) if each.absent]
    assert len(absent) == 2
    for line in (line.decode().casefold() for batch in made.records(dataset_type) for line in batch):
        assert not any(each.casefold() in line for each in absent)


def test_a_name_that_the_company_has_is_not_asked_about_as_if_it_had_not() -> None:
    first, second, *_ = company(500, TODAY).absent_names
    specification = bundled_specification()
    words = msgspec.structs.replace(
        specification.words, topics=(*specification.words.topics, f"uses of {first}")
    )
    made = Company(msgspec.structs.replace(specification, words=words), 500, TODAY)
    assert made.absent_names[0] == second


def test_every_kind_of_question_is_asked() -> None:
    asked = {each.asks for questions in _QUESTIONS.values() for each in questions}
    assert asked == {"look-up", "several", "who", "when", "why", "limit", "newer"}
    for dataset_type, questions in _QUESTIONS.items():
        assert {each.about for each in questions} == set(KINDS), dataset_type


def test_every_repository_that_was_begun_for_an_issue_names_it() -> None:
    made = company(500, TODAY)
    readmes = {
        f"{each['owner']}/{each['name']}": each["readme"]
        for batch in made.records(DatasetType.GITHUB_REPOS)
        for each in map(msgspec.json.decode, batch)
    }
    for question in derive_questions(made, DatasetType.GITHUB_REPOS):
        issue = question.text.rstrip("?").rpartition(" ")[2]
        assert all(
            f"[{issue}]" in readmes[each] or f" {issue}" in readmes[each] for each in question.documents
        )


def test_a_company_with_few_records_has_fewer_questions() -> None:
    assert not derive_questions(company(3, TODAY), DatasetType.JIRA_ISSUES)
    assert len(derive_questions(company(40, TODAY), DatasetType.JIRA_ISSUES)) < 18


def test_the_questions_are_about_the_latest_days() -> None:
    then = derive_questions(company(500, TODAY), DatasetType.JIRA_ISSUES)
    later = derive_questions(company(500, date(2027, 3, 2)), DatasetType.JIRA_ISSUES)
    assert not {each.text for each in then} & {each.text for each in later}
    assert msgspec.json.encode([each.text for each in later])
