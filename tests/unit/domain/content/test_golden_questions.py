from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.golden_questions import (
    MAX_DOCUMENTS_PER_QUESTION,
    MAX_ID_LENGTH,
    MAX_QUESTION_LENGTH,
    MAX_QUESTIONS,
    parse_golden_questions,
)
from domain.errors import TemplateInvalidError
from domain.model.enums import DatasetType
from domain.model.template import GoldenQuestion

FILE = "mock_data/templates/fintech/payments/questions.json"


def raw_question(text: str = "Who is on call?", **documents: Any) -> dict[str, Any]:
    return {"question": text, "documents": documents or {"confluence_pages": ["1001"]}}


def test_each_question_is_asked_of_every_type_whose_documents_answer_it() -> None:
    content = {
        "questions": [
            raw_question("Who  is on call?", confluence_pages=["1001", "1002"], jira_issues=["PAY-1"]),
            raw_question("Why did totals differ?", jira_issues=["PAY-1"]),
        ]
    }
    assert parse_golden_questions(content, FILE) == {
        DatasetType.CONFLUENCE_PAGES: (
            GoldenQuestion(position=1, text="Who is on call?", documents=("1001", "1002")),
        ),
        DatasetType.JIRA_ISSUES: (
            GoldenQuestion(position=1, text="Who is on call?", documents=("PAY-1",)),
            GoldenQuestion(position=2, text="Why did totals differ?", documents=("PAY-1",)),
        ),
    }


@pytest.mark.parametrize(
    "content", [[], {}, "questions", None, {"questions": {}}, {"questions": [], "more": 1}]
)
def test_a_file_of_questions_is_an_object_with_a_list_and_nothing_else(content: object) -> None:
    with pytest.raises(TemplateInvalidError, match="must be an object with") as refused:
        parse_golden_questions(content, FILE)
    assert refused.value.facts == {"file": FILE, "position": None, "record_field": "questions"}


@pytest.mark.parametrize(
    ("entry", "field", "problem"),
    [
        ("Who?", "questions", "question 2 must be an object"),
        (raw_question() | {"answer": "Mira"}, "answer", "answer is not known"),
        (raw_question() | {"a\nb": 1}, '"a�b"', "is not known"),
        ({"documents": {"jira_issues": ["P-1"]}}, "question", "must be a text with a word in it"),
        (raw_question(""), "question", "must be a text with a word in it"),
        (raw_question(" ?! "), "question", "must be a text with a word in it"),
        (
            raw_question("x" * (MAX_QUESTION_LENGTH + 1)),
            "question",
            f"has {MAX_QUESTION_LENGTH + 1} characters; {MAX_QUESTION_LENGTH} are the most",
        ),
        (raw_question("Who?\nIgnore this."), "question", "must be one line of printable characters"),
        (raw_question("Who \u202eis it?"), "question", "must be one line of printable characters"),
        (raw_question("who was  FIRST?"), "question", "is the same as question 1"),
        ({"question": "Which?"}, "documents", "must name ids by dataset type"),
        ({"question": "Which?", "documents": {}}, "documents", "must name ids by dataset type"),
        (raw_question(jira=["P-1"]), "documents.jira", "is no dataset type (confluence_pages, "),
        (raw_question(jira_issues="P-1"), "documents.jira_issues", "must be a list of ids, one at least"),
        (raw_question(jira_issues=[]), "documents.jira_issues", "must be a list of ids, one at least"),
        (
            raw_question(jira_issues=[f"P-{n}" for n in range(MAX_DOCUMENTS_PER_QUESTION + 1)]),
            "documents.jira_issues",
            f"names {MAX_DOCUMENTS_PER_QUESTION + 1} documents; {MAX_DOCUMENTS_PER_QUESTION} are the most",
        ),
        (
            raw_question(jira_issues=["P-1", 2]),
            "documents.jira_issues[2]",
            "must be an id of 1 to 200 characters",
        ),
        (raw_question(jira_issues=[" "]), "documents.jira_issues[1]", "must be an id of 1 to 200 characters"),
        (
            raw_question(jira_issues=["x" * (MAX_ID_LENGTH + 1)]),
            "documents.jira_issues[1]",
            "must be an id of 1 to 200 characters",
        ),
        (raw_question(jira_issues=["P-1", "p-1"]), "documents.jira_issues[2]", "was named before"),
    ],
)
def test_what_is_wrong_with_a_question_is_told_by_file_position_and_field(
    entry: object, field: str, problem: str
) -> None:
    with pytest.raises(TemplateInvalidError) as refused:
        parse_golden_questions({"questions": [raw_question("Who was first?"), entry]}, FILE)
    assert refused.value.message.startswith(f"{FILE}: ")
    assert problem in refused.value.message
    assert refused.value.facts == {"file": FILE, "position": 2, "record_field": field}


@pytest.mark.parametrize(
    ("count", "problem"),
    [(0, "holds no question"), (MAX_QUESTIONS + 1, f"holds {MAX_QUESTIONS + 1} questions")],
)
def test_a_file_has_one_question_at_least_and_not_too_many(count: int, problem: str) -> None:
    with pytest.raises(TemplateInvalidError, match=problem):
        parse_golden_questions(
            {"questions": [raw_question(f"Which is number {n}?") for n in range(count)]}, FILE
        )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["question", "documents", "x"]), inner)
        ),
    )
)
def test_whatever_json_it_is_there_are_questions_or_a_typed_refusal(value: object) -> None:
    for content in (value, {"questions": value}, {"questions": [value]}):
        try:
            found = parse_golden_questions(content, FILE)
        except TemplateInvalidError:
            continue
        assert all(each.documents and each.text for questions in found.values() for each in questions)


def test_a_question_is_answered_by_any_of_its_documents_whatever_the_case_of_the_id() -> None:
    question = GoldenQuestion(position=1, text="Which?", documents=("PAY-1", "PAY-2"))
    assert question.is_answered_by(["other", "pay-2"])
    assert not question.is_answered_by(["PAY-10", "PAY"])
    assert not question.is_answered_by([])


def test_what_nothing_answers_is_asked_of_every_type() -> None:
    entry = {"question": "Who runs the Velmora  Exchange?", "absent": "velmora exchange"}
    found = parse_golden_questions({"questions": [entry]}, "questions.json")
    expected = GoldenQuestion(
        position=1, text="Who runs the Velmora Exchange?", documents=(), absent="velmora exchange"
    )
    assert found == dict.fromkeys(DatasetType, (expected,))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"absent": ""}, "must be a text: the words"),
        ({"absent": 3}, "must be a text: the words"),
        ({"absent": "Sarnwick"}, "must be words of the question itself"),
        ({"absent": "Velmora", "documents": {"jira_issues": ["A-1"]}}, "exclude each other"),
    ],
)
def test_what_is_absent_are_words_of_a_question_without_documents(
    entry: dict[str, object], problem: str
) -> None:
    content = {"questions": [{"question": "Who runs Velmora?", **entry}]}
    with pytest.raises(TemplateInvalidError, match=problem) as refused:
        parse_golden_questions(content, "questions.json")
    assert (refused.value.facts["record_field"], refused.value.facts["position"]) == ("absent", 1)
