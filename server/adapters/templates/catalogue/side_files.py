"""Files beside the templates of a folder: golden questions about them, and the company that data are generated of."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from domain.content import (
    body_to_text,
    decode_document,
    join_words,
    parse_document_id,
    parse_golden_questions,
    parse_specification,
)
from domain.errors import LifecycleError, TemplateInvalidError
from domain.model import decode_json, quote_foreign
from server.adapters.templates.catalogue.listing import QUESTIONS_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import BinaryIO

    import yaml

    from domain.content import CompanySpecification
    from domain.model import DatasetType, GoldenQuestion
    from server.adapters.templates.repositories import Repository

    Questions = Mapping[DatasetType, tuple[GoldenQuestion, ...]]

T = TypeVar("T")

COMPANY_FILE_LIMIT: Final = 1 << 20
"""The most bytes of a company's file. A file within all other limits is smaller."""
QUESTIONS_FILE_LIMIT: Final = 4 << 20
"""The most bytes of a file of questions. A file within all other limits is smaller."""
_BOM: Final = b"\xef\xbb\xbf"
_MAX_PROBLEMS: Final = 10
_DEEPEST: Final = 100
"""How deep the parts of a company's file may lie; those of a good one lie four deep."""


def questions_path(source: str) -> str:
    """The path of the file of questions for a template's file."""
    return posixpath.join(posixpath.dirname(source), QUESTIONS_FILE)


class SideFiles(Generic[T]):
    """Files of one kind beside templates. A file is parsed again only after it has changed."""

    def __init__(self, limit: int, parse: Callable[[bytes, str], T]) -> None:
        self._limit = limit
        self._parse = parse
        self._cache: dict[str, tuple[tuple[int, ...], T | LifecycleError]] = {}

    def read(self, repository: Repository, name: str) -> T:
        """The content of a file.

        Raises:
            TemplateInvalidError: it is too large or cannot be parsed, or lies outside the repository.
            MockDataMissingError: it does not exist any more.
        """
        with repository.open(name) as file:
            cached = self._cache.get(name)
            if cached is None or cached[0] != file.identity:
                cached = self._cache[name] = (file.identity, self._read(file.content, name))
        if isinstance(cached[1], LifecycleError):
            raise cached[1]
        return cached[1]

    def _read(self, file: BinaryIO, name: str) -> T | LifecycleError:
        content = file.read(self._limit + 1)
        if len(content) > self._limit:
            return TemplateInvalidError(f"{name} has more than {self._limit >> 20} MiB.", file=name)
        try:
            return self._parse(content, name)
        except TemplateInvalidError as error:
            return error


def read_question_files() -> SideFiles[Questions]:
    """The files of questions, each by dataset type."""
    return SideFiles(
        QUESTIONS_FILE_LIMIT, lambda content, name: parse_golden_questions(_decode_json(content, name), name)
    )


def read_company_files() -> SideFiles[CompanySpecification]:
    """The files that specify made-up companies."""
    return SideFiles(
        COMPANY_FILE_LIMIT, lambda content, name: parse_specification(_decode_company(content, name), name)
    )


def _decode_json(content: bytes, name: str) -> object:
    try:
        return msgspec.json.decode(content.removeprefix(_BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise TemplateInvalidError(f"{name} is not JSON: {error}.", file=name) from None


def _decode_company(content: bytes, name: str) -> object:
    """A company of a file of its own, or of the template of version 2 that contains it."""
    if not name.endswith(".json"):
        return _decode_yaml(content, name)
    template = _decode_json(content, name)
    source = template.get("source") if isinstance(template, dict) else None
    return source.get("generator") if isinstance(source, dict) else None


def _decode_yaml(content: bytes, name: str) -> object:
    import yaml  # noqa: PLC0415 - few repositories need it

    # libyaml is ten times as fast, where PyYAML has it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _require_flat(yaml.parse(content, loader))
        document = yaml.compose(content, loader)
        if document is None:
            return None
        _require_plain_nodes(document, name, set())
        return yaml.SafeLoader("").construct_document(document)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "reason", "it cannot be read")
        where = f", line {mark.line + 1}" if mark else ""
        raise TemplateInvalidError(f"{name}{where} is not YAML: {problem}.", file=name) from None
    except RecursionError:
        raise TemplateInvalidError(f"{name} is not YAML: its parts lie too deep.", file=name) from None
    except ValueError:  # whose words are about Python
        raise TemplateInvalidError(
            f"{name} is not YAML: a number in it is too long, or a date in it does not exist.", file=name
        ) from None


def _require_flat(events: Iterable[yaml.Event]) -> None:
    """Require that no part lies too deep; libyaml would take all of the stack for it. Raises RecursionError."""
    import yaml  # noqa: PLC0415 - few repositories need it

    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise RecursionError


def _require_plain_nodes(node: yaml.Node, name: str, visited: set[int]) -> None:
    """Require that no node stands for another one and that no mapping has a key twice.

    A few aliases can stand for gigabytes, and of two equal keys YAML would silently take the last.
    """
    line = node.start_mark.line + 1
    if id(node) in visited:
        raise TemplateInvalidError(
            f"{name}: what stands on line {line} is used by an alias (*), which is not read: write it out.",
            file=name,
        )
    visited.add(id(node))
    if not isinstance(node.value, list):
        return
    keys = set()
    for entry in node.value:
        for part in entry if isinstance(entry, tuple) else (entry,):
            _require_plain_nodes(part, name, visited)
        key = entry[0].value if isinstance(entry, tuple) else None
        if isinstance(key, str) and key in keys:
            shown, line = quote_foreign(key), entry[0].start_mark.line + 1
            raise TemplateInvalidError(f"{name}, line {line}: {shown} is there twice.", file=name)
        if isinstance(key, str):
            keys.add(key)


class QuestionCheck:
    """Checks what questions say of documents: those that answer are there, and what is absent is in none of them."""

    def __init__(self, questions: Iterable[GoldenQuestion]) -> None:
        self._questions = list(questions)
        self._left = {each.casefold() for question in self._questions for each in question.documents}
        self._absent = {join_words(each.absent) for each in self._questions if each.absent}
        self._present: dict[str, str] = {}

    def look_at(self, chunk: bytes) -> None:
        """Look at the documents of a chunk of whole lines."""
        if self._left:
            self._left.difference_update(parse_document_id(line).casefold() for line in chunk.splitlines())
        for line in chunk.splitlines() if self._absent else ():
            document = decode_document(line)
            body = body_to_text(document.body.mime, decode_json(document.body.text, str))
            text = join_words(f"{document.title}\n{body}\n{document.id}")
            for each in [each for each in self._absent if each in text]:
                self._absent.discard(each)
                self._present[each] = document.id

    def problems(self, source: str, dataset_type: str) -> list[str]:
        """One problem for each document that is named and missing, and for what is said to be absent and is not."""
        problems = [
            f"{questions_path(source)}: question {question.position} says that {question.absent!r} is in no document, "
            f"but it is in {self._present[join_words(question.absent)]!r} of {source} (absent)."
            for question in self._questions
            if question.absent and join_words(question.absent) in self._present
        ]
        problems += [
            f"{questions_path(source)}: question {question.position} names {each!r}, "
            f"but no document of {source} has this id (documents.{dataset_type})."
            for question in self._questions
            for each in question.documents
            if each.casefold() in self._left
        ]
        more = len(problems) - _MAX_PROBLEMS
        return [
            *problems[:_MAX_PROBLEMS],
            *([f"{more} more are wrong about documents."] if more > 0 else []),
        ]
