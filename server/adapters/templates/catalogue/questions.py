"""Golden questions: the file of questions in a folder of templates."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

import msgspec

from domain.content import parse_document_id, parse_golden_questions
from domain.errors import LifecycleError, TemplateInvalidError
from server.adapters.templates.catalogue.listing import QUESTIONS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    from domain.model import DatasetType, GoldenQuestion
    from server.adapters.templates.repositories import Repository

    Questions = Mapping[DatasetType, tuple[GoldenQuestion, ...]]

QUESTIONS_FILE_LIMIT: Final = 4 << 20
"""The most bytes of a file of questions. A file within all other limits is smaller."""
_BOM: Final = b"\xef\xbb\xbf"
_MAX_PROBLEMS: Final = 10


def questions_path(source: str) -> str:
    """The path of the file of questions for a template's file."""
    return posixpath.join(posixpath.dirname(source), QUESTIONS_FILE)


class QuestionFiles:
    """The files of questions of a repository. A file is parsed again only after it has changed."""

    def __init__(self) -> None:
        self._cache: dict[str, tuple[tuple[int, ...], Questions | LifecycleError]] = {}

    def read(self, repository: Repository, name: str) -> Questions:
        """The questions of a file, by dataset type.

        Raises:
            TemplateInvalidError: it is not a file of questions, or lies outside the repository.
            MockDataMissingError: it does not exist any more.
        """
        with repository.open(name) as file:
            cached = self._cache.get(name)
            if cached is None or cached[0] != file.identity:
                cached = self._cache[name] = (file.identity, _read_questions(file.content, name))
        if isinstance(cached[1], LifecycleError):
            raise cached[1]
        return cached[1]


def _read_questions(file: BinaryIO, name: str) -> Questions | LifecycleError:
    try:
        return parse_golden_questions(_decode_json(file.read(QUESTIONS_FILE_LIMIT + 1), name), name)
    except TemplateInvalidError as error:
        return error


def _decode_json(content: bytes, name: str) -> object:
    if len(content) > QUESTIONS_FILE_LIMIT:
        raise TemplateInvalidError(f"{name} has more than {QUESTIONS_FILE_LIMIT >> 20} MiB.", file=name)
    try:
        return msgspec.json.decode(content.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TemplateInvalidError(f"{name} is not JSON: {error}.", file=name) from None


class UnmatchedDocuments:
    """The documents that questions name and that were not found yet."""

    def __init__(self, questions: Iterable[GoldenQuestion]) -> None:
        self._questions = list(questions)
        self._left = {each.casefold() for question in self._questions for each in question.documents}

    def discard_found(self, chunk: bytes) -> None:
        """Discard the documents that a chunk of whole lines contains."""
        if self._left:
            self._left.difference_update(parse_document_id(line).casefold() for line in chunk.splitlines())

    def problems(self, source: str, dataset_type: str) -> list[str]:
        """One problem for each question that names a document which the template does not have."""
        problems = [
            f"{questions_path(source)}: question {question.position} names {each!r}, "
            f"but no document of {source} has this id (documents.{dataset_type})."
            for question in self._questions
            for each in question.documents
            if each.casefold() in self._left
        ]
        more = len(problems) - _MAX_PROBLEMS
        return [
            *problems[:_MAX_PROBLEMS],
            *([f"{more} more documents are named but do not exist."] if more > 0 else []),
        ]
