"""Golden questions: what a demo asks about a template's documents, and which documents must answer.

The file `questions.json`, beside the templates of an industry and use case, lists them, each with the documents of
every type that answer it. A template carries the questions that name documents of its own type, and those that nothing
answers because what they ask about is absent.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final
from unicodedata import combining, normalize

from domain.errors import TemplateInvalidError
from domain.model import DatasetType, GoldenQuestion, quote_foreign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_QUESTIONS: Final = 200
"""How many questions one file may hold."""
MAX_QUESTION_LENGTH: Final = 300
"""Characters of a question; a person types no more into a search."""
MAX_DOCUMENTS_PER_QUESTION: Final = 50
"""How many documents of one type a question may name."""
MAX_ID_LENGTH: Final = 200
"""Characters of a document's id."""
_WORD: Final = re.compile(r"\w+")
_TYPES: Final = ", ".join(each.value for each in DatasetType)


def join_words(text: str) -> str:
    """The words of a text as a search compares them: without case, accents and what stands between them.

    Each has a space before and behind it, so that words are in a text where what is joined of them is.
    """
    plain = "".join(each for each in normalize("NFKD", text).casefold() if not combining(each))
    return f" {' '.join(_WORD.findall(plain))} "


def parse_golden_questions(content: object, file: str) -> Mapping[DatasetType, tuple[GoldenQuestion, ...]]:
    """Parse the questions of a file, by the type of the documents that answer them; `content` is its decoded JSON.

    Raises:
        TemplateInvalidError: the content is invalid; `facts` name the file, the position of the question (from 1) and
            the field.
    """
    questions: defaultdict[DatasetType, list[GoldenQuestion]] = defaultdict(list)
    positions: dict[str, int] = {}
    for position, each in enumerate(_require_question_list(content, file), 1):
        parser = _EntryParser(file, position)
        entry = parser.parse_entry(each)
        text = parser.parse_text(entry.get("question"))
        first = positions.setdefault(text.casefold(), position)
        if first != position:
            raise parser.invalid_error("question", f"is the same as question {first}")
        if "absent" in entry:
            absent = parser.parse_absent(entry, text)
            for dataset_type in DatasetType:
                questions[dataset_type].append(
                    GoldenQuestion(position=position, text=text, documents=(), absent=absent)
                )
            continue
        for dataset_type, documents in parser.parse_documents(entry.get("documents")):
            questions[dataset_type].append(GoldenQuestion(position=position, text=text, documents=documents))
    return {dataset_type: tuple(each) for dataset_type, each in questions.items()}


def _require_question_list(content: object, file: str) -> list[object]:
    listed = content.get("questions") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(listed, list):
        raise _invalid_error(
            file, 'must be an object with "questions", a list, and nothing else', "questions"
        )
    if not listed:
        raise _invalid_error(file, "holds no question", "questions")
    if len(listed) > MAX_QUESTIONS:
        raise _invalid_error(
            file, f"holds {len(listed)} questions; {MAX_QUESTIONS} are the most", "questions"
        )
    return listed


class _EntryParser:
    """Parses one entry of the list, and names its position in every error."""

    def __init__(self, file: str, position: int) -> None:
        self._file = file
        self._position = position

    def invalid_error(self, field: str, problem: str) -> TemplateInvalidError:
        return _invalid_error(
            self._file, f"question {self._position}: {field} {problem}", field, self._position
        )

    def parse_entry(self, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _invalid_error(
                self._file,
                f'question {self._position} must be an object with "question", and "documents" or "absent"',
                "questions",
                self._position,
            )
        for name in value:
            if name not in {"question", "documents", "absent"}:
                raise self.invalid_error(quote_foreign(str(name)), "is not known")
        return value

    def parse_text(self, value: object) -> str:
        if not isinstance(value, str) or not any(letter.isalnum() for letter in value):
            raise self.invalid_error("question", "must be a text with a word in it")
        if len(value) > MAX_QUESTION_LENGTH:
            raise self.invalid_error(
                "question", f"has {len(value)} characters; {MAX_QUESTION_LENGTH} are the most"
            )
        if not value.isprintable():
            raise self.invalid_error("question", "must be one line of printable characters")
        return " ".join(value.split())

    def parse_absent(self, entry: Mapping[str, object], text: str) -> str:
        """What a question asks about that no document contains: some of its own words."""
        value = entry["absent"]
        if "documents" in entry:
            raise self.invalid_error(
                "absent", "and documents exclude each other: what is absent answers nothing"
            )
        if not isinstance(value, str) or not any(letter.isalnum() for letter in value):
            raise self.invalid_error("absent", "must be a text: the words that are in no document")
        absent = " ".join(value.split())
        if join_words(absent) not in join_words(text):
            raise self.invalid_error("absent", "must be words of the question itself")
        return absent

    def parse_documents(self, value: object) -> Iterator[tuple[DatasetType, tuple[str, ...]]]:
        if not isinstance(value, dict) or not value:
            raise self.invalid_error(
                "documents",
                f"must name ids by dataset type ({_TYPES}); a question that nothing answers has 'absent' instead",
            )
        for name, ids in value.items():
            field = f"documents.{quote_foreign(str(name))}"
            try:
                dataset_type = DatasetType(name)
            except ValueError:
                raise self.invalid_error(field, f"is no dataset type ({_TYPES})") from None
            yield dataset_type, self._parse_ids(field, ids)

    def _parse_ids(self, field: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise self.invalid_error(field, "must be a list of ids, one at least")
        if len(value) > MAX_DOCUMENTS_PER_QUESTION:
            raise self.invalid_error(
                field, f"names {len(value)} documents; {MAX_DOCUMENTS_PER_QUESTION} are the most"
            )
        used: set[str] = set()
        for number, each in enumerate(value, 1):
            if not isinstance(each, str) or not each.strip() or len(each) > MAX_ID_LENGTH:
                raise self.invalid_error(
                    f"{field}[{number}]", f"must be an id of 1 to {MAX_ID_LENGTH} characters"
                )
            if each.casefold() in used:
                raise self.invalid_error(f"{field}[{number}]", "was named before")
            used.add(each.casefold())
        return tuple(value)


def _invalid_error(file: str, problem: str, field: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(f"{file}: {problem}.", file=file, position=position, record_field=field)
