"""Golden questions: what a demo will be asked of a template's documents, and which of them must come back.

They stand in `questions.json` beside the templates of an industry and use case, each with the documents of every type
that answer it; a template carries those that name documents of its own type.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from domain.errors import TemplateInvalidError
from domain.vocabulary import DatasetType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MOST: Final = 200
"""How many questions one file may hold."""
LONGEST: Final = 300
"""Characters of a question: nobody types more into a search."""
MOST_DOCUMENTS: Final = 50
"""How many documents of one type a question may name."""
LONGEST_ID: Final = 200
"""Characters of a document's id."""

_TYPES: Final = ", ".join(each.value for each in DatasetType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and the ids of the documents of one type that answer it; it is number `position` in its file."""

    position: int
    text: str
    documents: tuple[str, ...]

    def answered_by(self, ids: Iterable[str]) -> bool:
        """Whether one of its documents is among these, compared without case as ids are."""
        found = {each.casefold() for each in ids}
        return any(each.casefold() in found for each in self.documents)


def questions_in(content: object, file: str) -> Mapping[DatasetType, tuple[Question, ...]]:
    """The questions of a file by the type of the documents that answer them; `content` is the file's JSON, decoded.

    Raises:
        TemplateInvalidError: something in it is not as it must be; `facts` name the file, the position of the question
            (from 1) and the field.
    """
    found: defaultdict[DatasetType, list[Question]] = defaultdict(list)
    seen: dict[str, int] = {}
    for position, each in enumerate(_listed(content, file), 1):
        reader = _Reader(file, position)
        entry = reader.entry(each)
        text = reader.text(entry.get("question"))
        first = seen.setdefault(text.casefold(), position)
        if first != position:
            raise reader.invalid("question", f"is the same as question {first}")
        for dataset_type, documents in reader.documents(entry.get("documents")):
            found[dataset_type].append(Question(position=position, text=text, documents=documents))
    return {each: tuple(questions) for each, questions in found.items()}


def _listed(content: object, file: str) -> list[object]:
    named = content.get("questions") if isinstance(content, dict) and len(content) == 1 else None
    if not isinstance(named, list):
        raise _invalid(file, 'must be an object with "questions", a list, and nothing else', "questions")
    if not named:
        raise _invalid(file, "holds no question", "questions")
    if len(named) > MOST:
        raise _invalid(file, f"holds {len(named)} questions; {MOST} are the most", "questions")
    return named


class _Reader:
    """Reads one entry of the list."""

    def __init__(self, file: str, position: int) -> None:
        self._file = file
        self._position = position

    def invalid(self, field: str, problem: str) -> TemplateInvalidError:
        return _invalid(self._file, f"question {self._position}: {field} {problem}", field, self._position)

    def entry(self, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _invalid(
                self._file,
                f'question {self._position} must be an object with "question" and "documents"',
                "questions",
                self._position,
            )
        for name in value:
            if name not in {"question", "documents"}:
                raise self.invalid(_shown(name), "is not known")
        return value

    def text(self, value: object) -> str:
        if not isinstance(value, str) or not any(letter.isalnum() for letter in value):
            raise self.invalid("question", "must be a text with a word in it")
        if len(value) > LONGEST:
            raise self.invalid("question", f"has {len(value)} characters; {LONGEST} are the most")
        if not value.isprintable():
            raise self.invalid("question", "must be one line of printable characters")
        return " ".join(value.split())

    def documents(self, value: object) -> Iterator[tuple[DatasetType, tuple[str, ...]]]:
        if not isinstance(value, dict) or not value:
            raise self.invalid("documents", f"must name ids by dataset type ({_TYPES})")
        for name, ids in value.items():
            field = f"documents.{_shown(name)}"
            try:
                dataset_type = DatasetType(name)
            except ValueError:
                raise self.invalid(field, f"is no dataset type ({_TYPES})") from None
            yield dataset_type, self._ids(field, ids)

    def _ids(self, field: str, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise self.invalid(field, "must be a list of ids, one at least")
        if len(value) > MOST_DOCUMENTS:
            raise self.invalid(field, f"names {len(value)} documents; {MOST_DOCUMENTS} are the most")
        seen: set[str] = set()
        for number, each in enumerate(value, 1):
            if not isinstance(each, str) or not each.strip() or len(each) > LONGEST_ID:
                raise self.invalid(f"{field}[{number}]", f"must be an id of 1 to {LONGEST_ID} characters")
            if each.casefold() in seen:
                raise self.invalid(f"{field}[{number}]", "was named before")
            seen.add(each.casefold())
        return tuple(value)


def _shown(name: object) -> str:
    text = str(name)[:80]
    return text if text.isprintable() else repr(text)


def _invalid(file: str, problem: str, field: str, position: int | None = None) -> TemplateInvalidError:
    return TemplateInvalidError(f"{file}: {problem}.", file=file, position=position, record_field=field)
