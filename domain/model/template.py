"""Templates: the records that datasets are populated from, and the golden questions about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from domain.errors import require_present
from domain.model.enums import DatasetType, DataSource, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


USUAL_COUNT: Final = 500
"""How many records of a type are generated where nobody says otherwise."""
GENERATED_FORMAT: Final = "generated"
"""The format of a template that has no records of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Generator: the file that specifies a made-up company, and how many records of a type are usual.

    `records` is None when the file cannot be read.
    """

    file: str
    records: int | None

    @property
    def count(self) -> int:
        """How many records are made where nobody asks for another number."""
        return self.records or USUAL_COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Template: the records from which datasets of one type are populated, for one industry and use case.

    `default_record_count` is the number of records that the template declares. `format` is the file's format
    (`json-v1`, `json-array`, `jsonl`, `csv`, `v2`, `generated`, `unknown`), `source` the repository's own locator for
    the file, `warnings` are for a person. `schema` is a JSON Schema beside the type's own, for its records.
    `questions` are the golden questions that its documents answer, None when their file cannot be read.
    `generator` is what generated data of it are made with, None when there are none.
    `is_relative` says that its instants are told relative to the day of the population (`time: relative`).
    `repository` is where it comes from, `bundled` or a folder, and `layer` the place of that among several
    repositories, from 0: of two templates with one id, that of the first repository serves.
    """

    template_id: str
    name: str
    industry: str
    use_case: str
    dataset_type: DatasetType
    stage: Stage = Stage.SANDBOX
    tags: tuple[str, ...] = ()
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    format: str
    schema: Mapping[str, Any] | None = None
    default_record_count: int | None = None
    version: int | None = None
    checksum: str | None = None
    source: str
    warnings: tuple[str, ...] = ()
    questions: tuple[GoldenQuestion, ...] | None = ()
    generator: Generator | None = None
    is_relative: bool = False
    repository: str | None = None
    layer: int = 0

    @property
    def has_records(self) -> bool:
        """Whether it has records of its own; otherwise its data are generated."""
        return self.format != GENERATED_FORMAT

    def is_generated(self, source: DataSource) -> bool:
        """Whether data of a source come from its generator: asked for, or as its own source."""
        return source is DataSource.GENERATED or (source is DataSource.MOCK_TEMPLATE and not self.has_records)

    def as_generated(self, count: int) -> Template:
        """The template as that of generated data, of so many records. It must have a generator."""
        generator = require_present(self.generator, "the choice of a template required a generator")
        return replace(
            self,
            format=GENERATED_FORMAT,
            source=generator.file,
            schema=None,
            is_relative=False,
            default_record_count=count,
            questions=(),
        )

    def as_sanitized(self) -> Template:
        """The template as that of the records of an export: it gives their type, and the owner of repositories.

        What it says of its own records, such as their number, is nothing to the export.
        """
        return replace(
            self, schema=None, is_relative=False, default_record_count=None, questions=(), warnings=()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenQuestion:
    """Golden question: its text, and the ids of the documents of one type that answer it.

    `position` is its number in the file, from 1. A question that nothing answers has no documents: it asks about
    something that is `absent`, the words of which are in no document.
    """

    position: int
    text: str
    documents: tuple[str, ...]
    absent: str | None = None

    def is_answered_by(self, ids: Iterable[str]) -> bool:
        """Whether one of its documents is among these ids, compared without case."""
        given = {each.casefold() for each in ids}
        return any(each.casefold() in given for each in self.documents)
