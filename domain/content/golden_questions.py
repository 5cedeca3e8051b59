"""Golden questions: what a demo will be asked of a template's documents, and which of them must come back.

They stand in `questions.json` beside the templates of an industry and use case, each with the documents of every type
that answer it; a template carries those that name documents of its own type.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from domain.errors import TemplateInvalidError
from domain.model import DatasetType, GoldenQuestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_QUESTIONS: Final = 200
"""How many questions one file may hold."""
MAX_QUESTION_LENGTH: Final = 300
"""Characters of a question: nobody types more into a search."""
MAX_DOCUMENTS_PER_QUESTION: Final = 50
"""How many documents of one type a question may name."""
MAX_ID_LENGTH: Final = 200
"""Characters of a document's id."""
_TYPES: Final = ", ".join(each.value for each in DatasetType)


def parse_golden_questions(content: object, file: str) -> Mapping[DatasetType, tuple[GoldenQuestion, ...]]:
    """The questions of a file by the type of the documents that answer them; `content` is the file's JSON, decoded.

    Raises:
        TemplateInvalidError: something in it is not as it must be; `facts` name the file, the position of the question
            (from 1) and the field.
    """
    found: defaultdict[DatasetType, list[GoldenQuestion]] = defaultdict(list)
    seen: dict[str, int] = {}
    for position, each in enumerate(_require_question_list(content, file), 1):
        reader = _EntryParser(file, position)
        entry = reader.parse_entry(each)
        text = reader.parse_text(entry.get("question"))
        first = seen.setdefault(text.casefold(), position)
        if first != position:
            raise reader.invalid_error("question", f"is the same as question {first}")
        for dataset_type, documents in reader.parse_documents(entry.get("documents")):
            found[dataset_type].append(GoldenQuestion(position=position, text=text, documents=documents))
    return {each: tuple(questions) for each, questions in found.items()}


def _require_question_list(content: object, file: str) -> list[object]:
    named = content.get("questions") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(named, list):
        raise _invalid_error(
            file, 'must be an object with "questions", a list, and nothing else', "questions"
        )
    if not named:
        raise _invalid_error(file, "holds no question", "questions")
    if len(named) > MAX_QUESTIONS:
        raise _invalid_error(file, f"holds {len(named)} questions; {MAX_QUESTIONS} are the most", "questions")
    return named


class _EntryParser:
    """Reads one entry of the list."""

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
                f'question {self._position} must be an object with "question" and "documents"',
                "questions",
                self._position,
            )
        for name in value:
            if name not in {"question", "documents"}:
                raise self.invalid_error(_printable_name(name), "is not known")
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

    def parse_documents(self, value: object) -> Iterator[tuple[DatasetType, tuple[str, ...]]]:
        if not isinstance(value, dict) or not value:
            raise self.invalid_error("documents", f"must name ids by dataset type ({_TYPES})")
        for name, ids in value.items():
            field = f"documents.{_printable_name(name)}"
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
        seen: set[str] = set()
        for number, each in enumerate(value, 1):
            if not isinstance(each, str) or not each.strip() or len(each) > MAX_ID_LENGTH:
                raise self.invalid_error(
                    f"{field}[{number}]", f"must be an id of 1 to {MAX_ID_LENGTH} characters"
                )
            if each.casefold() in seen:
                raise self.invalid_error(f"{field}[{number}]", "was named before")
            seen.add(each.casefold())
        return tuple(value)


def _printable_name(name: object) -> str:
    text = str(name)[:80]
    return text if text.isprintable() else repr(text)


def _invalid_error(file: str, problem: str, field: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(f"{file}: {problem}.", file=file, position=position, record_field=field)
