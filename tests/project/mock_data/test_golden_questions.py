"""What a demo is asked: answered by the right documents of each type, for what stands in them and for nothing else.

A distractor on the subject of a question is a document of the same type that tells one of the remarks which the story
makes on that subject (`Subject.asides`), answers nothing, and shares two of the question's telling words, by stem.
"""

from __future__ import annotations

import random
import re
import sqlite3
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from domain.model.enums import DatasetType
from mock_data.story.write import WORLDS
from server.adapters.glean.indexing.names import datasource_of
from server.sandbox.state.content.search.question_parsing import parse_query
from tests.project.mock_data.conftest import PAIRS
from tests.support.content.demo_datasets import NAMES, DemoDatasets, searchable_text
from tests.support.glean.datasources import admin_platform, indexing_platform
from tests.support.sandbox.embedded import EmbeddedSandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from domain.ports.platform import Platform
    from server.adapters.glean.admin.platform import AdminPlatform
    from server.adapters.glean.indexing.platform import IndexingPlatform
    from tests.support.content.demo_datasets import DemoQuestion

    Records = list[dict[str, Any]]

FIRST = 3
AT_LEAST = 0.95
DISTRACTORS = 5
DIALECTS: dict[str, Callable[[EmbeddedSandbox], AdminPlatform | IndexingPlatform]] = {
    "admin": admin_platform,
    "indexing": indexing_platform,
}
EACH_DIALECT = pytest.mark.parametrize(
    ("template_set", "dialect"),
    [
        pytest.param(
            pair, dialect, marks=() if dialect == "admin" or pair == PAIRS[-1] else pytest.mark.exhaustive
        )
        for pair in PAIRS
        for dialect in DIALECTS
    ],
    indirect=["template_set"],
)
"""Every story in one dialect, and one story in the other: a search looks at the same text in both."""
DATASOURCES = {form: each for each, name in NAMES.items() for form in (name, datasource_of(name))}
TEXTS = {
    "confluence_pages": "body",
    "github_repos": "readme",
    "slack_messages": "text",
    "jira_issues": "description",
}


class ServedDemo:
    """A demo in a sandbox, and who brought it there."""

    def __init__(self, glean: EmbeddedSandbox, demo: DemoDatasets, platform: Platform) -> None:
        self.demo = demo
        self.platform = platform
        self._sandbox = glean.sandbox

    def answered_questions(self) -> set[tuple[str, DatasetType]]:
        """Which questions are answered by the first results of which type's own datasource."""
        names = {DATASOURCES[each["name"]]: each["name"] for each in self._sandbox.datasources()}
        return {
            (asked.text, dataset_type)
            for asked in self.demo.questions
            for dataset_type, ids in asked.documents.items()
            if ids & {hit["documentId"] for hit in self._first(asked.text, names[dataset_type])}
        }

    def share(self) -> float:
        """The share of questions and types that are answered."""
        return len(self.answered_questions()) / (len(self.demo.questions) * len(DatasetType))

    def share_anywhere(self) -> float:
        """The share of questions answered by the first results of a search in all four datasources at once."""
        answered = [
            any(
                hit["documentId"] in asked.documents[DATASOURCES[hit["datasource"]]]
                for hit in self._first(asked.text)
            )
            for asked in self.demo.questions
        ]
        return sum(answered) / len(answered)

    def _first(self, question: str, datasource: str | None = None) -> list[dict[str, Any]]:
        return self._sandbox.search(question, datasource=datasource, limit=FIRST)


@asynccontextmanager
async def serve_demo(
    folder: Path, demo: DemoDatasets, dialect: str, lines: Mapping[DatasetType, list[bytes]] | None = None
) -> AsyncIterator[ServedDemo]:
    """The demo, or other lines in its place, in a new sandbox."""
    with EmbeddedSandbox(folder / "glean.db", token="key-of-the-tests") as glean:
        glean.sandbox.set_indexing_rate(1e9, minimum_seconds=0)
        glean.sandbox.set_switches(limits_rate=False)  # how fast it may be asked is not the question here
        async with DIALECTS[dialect](glean) as platform:
            await demo.serve(platform, lines)
            yield ServedDemo(glean, demo, platform)


@pytest.fixture(scope="module")
def demo_cache() -> dict[str, DemoDatasets]:
    return {}


@pytest.fixture
def demo(
    demo_cache: dict[str, DemoDatasets],
    mock_data_root: Path,
    template_set: str,
    records_by_type: dict[str, Records],
) -> DemoDatasets:
    if template_set not in demo_cache:
        demo_cache[template_set] = DemoDatasets(mock_data_root, template_set, records_by_type)
    return demo_cache[template_set]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _runs(text: str, length: int) -> set[tuple[str, ...]]:
    words = _words(text)
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def _stems(texts: Iterable[str]) -> list[set[str]]:
    """The words of each text as the sandbox's index compares them."""
    given = list(texts)
    stems: list[set[str]] = [set() for _ in given]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61 remove_diacritics 2')"
        )
        connection.execute("CREATE VIRTUAL TABLE vocabulary USING fts5vocab (words, instance)")
        connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", enumerate(given))
        for stem, row in connection.execute("SELECT term, doc FROM vocabulary"):
            stems[row].add(stem)
    return stems


def _search_terms(question: str) -> str:
    asked = parse_query(question)
    assert asked is not None
    return " ".join(asked.terms)


def _answers(demo: DemoDatasets, asked: DemoQuestion, dataset_type: DatasetType) -> list[str]:
    held = dict(map(searchable_text, demo.lines[dataset_type]))
    return [held[each] for each in asked.documents[dataset_type]]


def test_there_are_ten_questions_and_more_and_each_names_documents_of_every_type(demo: DemoDatasets) -> None:
    assert len(demo.questions) >= 10
    assert len({asked.text for asked in demo.questions}) == len(demo.questions)
    for asked in demo.questions:
        for dataset_type in DatasetType:
            answers = _answers(demo, asked, dataset_type)  # a KeyError names what is not there
            assert answers, asked.text


def test_no_question_shares_a_key_or_three_words_in_a_row_with_its_documents(demo: DemoDatasets) -> None:
    for asked in demo.questions:
        assert not re.search(r"\d", asked.text)
        for dataset_type in DatasetType:
            for text in _answers(demo, asked, dataset_type):
                assert _runs(asked.text, 3) & _runs(text, 3) == set(), asked.text


def test_no_question_names_the_place_where_its_answer_stands(demo: DemoDatasets) -> None:
    for asked in demo.questions:
        spoken = f" {' '.join(_words(asked.text))} "
        for dataset_type in DatasetType:
            for line in demo.lines[dataset_type]:
                document = msgspec.json.decode(line)
                names = {document["id"].rpartition("/")[2], document["container"]}
                if document["id"] in asked.documents[dataset_type]:
                    assert [name for name in names if f" {' '.join(_words(name))} " in spoken] == []


def test_each_question_has_five_distractors_of_each_type_on_its_subject(
    demo: DemoDatasets, template_set: str
) -> None:
    world = next(world for world in WORLDS if f"{world.industry}/{world.use_case}" == template_set)
    subjects = {question.text: subject for subject in world.subjects for question in subject.questions}
    for dataset_type in DatasetType:
        texts = dict(map(searchable_text, demo.lines[dataset_type]))
        stems = dict(zip(texts, _stems(texts.values()), strict=True))
        for asked in demo.questions:
            [wanted] = _stems([_search_terms(asked.text)])
            distractors = {
                document_id
                for document_id, text in texts.items()
                if any(aside.text in text for aside in subjects[asked.text].asides)
                and document_id not in asked.documents[dataset_type]
                and len(wanted & stems[document_id]) >= 2
            }
            assert len(distractors) >= DISTRACTORS, (asked.text, dataset_type)


@EACH_DIALECT
async def test_nearly_all_questions_are_answered_in_the_first_three_results(
    tmp_path: Path, demo: DemoDatasets, dialect: str
) -> None:
    async with serve_demo(tmp_path, demo, dialect) as glean:
        assert glean.share() >= AT_LEAST
        assert glean.share_anywhere() >= 0.8


def _shuffled_records(story: dict[str, Records]) -> dict[str, Records]:
    """The records, each with the text of another; a message's title is the beginning of its text."""
    shuffled = {}
    for dataset_type, records in story.items():
        name = TEXTS[dataset_type]
        texts = [record[name] for record in records]
        random.Random(20260630).shuffle(texts)
        shuffled[dataset_type] = [{**record, name: text} for record, text in zip(records, texts, strict=True)]
    return shuffled


def _shuffled_documents(demo: DemoDatasets) -> dict[DatasetType, list[bytes]]:
    """The documents, each with its own title and the body of another."""
    shuffled = {}
    for dataset_type, lines in demo.lines.items():
        documents = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
        bodies = [document["body"] for document in documents]
        random.Random(20260630).shuffle(bodies)
        shuffled[dataset_type] = [
            msgspec.json.encode(document | {"body": body})
            for document, body in zip(documents, bodies, strict=True)
        ]
    return shuffled


@EACH_DIALECT
async def test_with_the_bodies_of_other_documents_fewer_than_half_are_answered(
    tmp_path: Path, demo: DemoDatasets, dialect: str
) -> None:
    async with serve_demo(tmp_path, demo, dialect, _shuffled_documents(demo)) as glean:
        assert glean.share() < 0.5


async def test_with_the_texts_of_other_records_fewer_than_half_are_answered(
    tmp_path: Path, mock_data_root: Path, template_set: str, records_by_type: dict[str, Records]
) -> None:
    shuffled = DemoDatasets(mock_data_root, template_set, _shuffled_records(records_by_type))
    async with serve_demo(tmp_path, shuffled, "admin") as glean:
        assert glean.share() < 0.5


def _without(lines: list[bytes], ids: frozenset[str]) -> list[bytes]:
    return [line for line in lines if searchable_text(line)[0] not in ids]


@EACH_DIALECT
async def test_one_page_that_is_taken_away_takes_the_answers_that_it_gave(
    tmp_path: Path, demo: DemoDatasets, dialect: str
) -> None:
    pages = DatasetType.CONFLUENCE_PAGES
    gone = demo.questions[-1].documents[pages]
    assert len(gone) == 1
    async with serve_demo(tmp_path, demo, dialect) as glean:
        before = glean.answered_questions()
        await demo.serve(glean.platform, {pages: _without(demo.lines[pages], gone)}, run="run-2")
        after = glean.answered_questions()
    asked = {each.text for each in demo.questions if each.documents[pages] == gone}
    assert before - after == {(text, pages) for text in asked}
    assert after < before


async def test_a_question_without_its_documents_is_answered_by_nothing_else(
    tmp_path: Path, demo: DemoDatasets
) -> None:
    asked = demo.questions[0]
    lines = {each: _without(demo.lines[each], asked.documents[each]) for each in DatasetType}
    async with serve_demo(tmp_path, demo, "admin", lines) as glean:
        assert {text for text, _ in glean.answered_questions()} == {each.text for each in demo.questions} - {
            each.text
            for each in demo.questions
            if all(each.documents[of] <= asked.documents[of] for of in DatasetType)
        }
