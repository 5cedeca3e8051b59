"""Preview of a template: its first records as the documents that a dataset would have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from domain.content import body_to_text, decode_document
from domain.errors import LifecycleError
from domain.model import decode_json
from server.adapters.templates.catalogue.validation import begin_population, judge_template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from domain.content import NeutralDocument
    from domain.model import Template
    from server.adapters.templates.catalogue.validation import Judgement, OpenRecords, TemplateReport

_LONGEST: Final = 100
"""The most characters of a text that are shown."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The first documents of a template, and the report on all of it. There may be fewer documents than asked for."""

    template: Template
    report: TemplateReport
    documents: Sequence[NeutralDocument]


def preview_template(
    template: Template, open_records: OpenRecords, judgement: Judgement, *, records: int
) -> Preview:
    """Make the first documents of a template, and judge all of it. Blocks; what is wrong is in the report."""
    report = judge_template(template, open_records, judgement)
    return Preview(template, report, list(_first_documents(template, open_records, judgement, records)))


def first_words(document: NeutralDocument) -> str:
    """The beginning of a document's text, on one line and without its markup."""
    text: str = decode_json(document.body.text, str)
    words = " ".join(body_to_text(document.body.mime, text).split())
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rstrip()}…"


def _first_documents(
    template: Template, open_records: OpenRecords, judgement: Judgement, count: int
) -> Iterator[NeutralDocument]:
    population = begin_population(template, replace(judgement, progress=lambda _done, _total: None))
    try:
        with open_records(template) as stream:
            lines = chain.from_iterable(chunk.splitlines() for chunk in population.stream_documents(stream))
            yield from map(decode_document, islice(lines, count))
    except LifecycleError:
        return  # the report says it
