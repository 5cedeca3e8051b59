"""Readiness: how many of a template's golden questions the platform answers with its first results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.content.documents import RECORD_KINDS
from domain.errors import LifecycleError, PlatformError
from domain.model import DataSource, Readiness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.model import Dataset, DatasetType, GoldenQuestion, Template
    from domain.ports import Json, Platform, SearchHit, Templates

TOP_RESULTS: Final = 3
"""A question is answered when one of its documents is among this many first results."""
MAX_UNANSWERED_SHOWN: Final = 5
"""How many unanswered questions a report names."""


async def measure_readiness(
    templates: Templates, platform: Platform, dataset: Dataset, name: str, timeout_s: float
) -> Readiness | None:
    """Search for the golden questions of the dataset's template, in its own datasource `name` alone.

    None when there is nothing to ask: the platform cannot search, the content is sanitised, or the template has no
    questions. An error that keeps the questions from being asked is reported in the result and never raised: the
    content may be good although search fails now.
    """
    if not platform.capabilities.search or dataset.data_source is DataSource.SANITIZED_PRODUCTION:
        return None
    template_id = dataset.template.template_id
    try:
        by_id = {each.template_id: each for each in await templates.list()}
        template = by_id.get(template_id)
        if template is None:
            return Readiness(asked=0, unknown=f"The template {template_id!r} is no longer in the repository.")
        questions = await load_questions(templates, template, dataset)
    except LifecycleError as error:
        return Readiness(asked=0, unknown=error.message)
    if questions is None:
        return Readiness(asked=0, unknown=f"The questions of the template {template_id!r} cannot be read.")
    # What nothing answers proves nothing about the search.
    answerable = [each for each in questions if each.absent is None]
    if not answerable:
        return None
    return await _ask_questions(platform, answerable, name, dataset.dataset_type, timeout_s)


async def load_questions(
    templates: Templates, template: Template, dataset: Dataset
) -> Sequence[GoldenQuestion] | None:
    """The questions that the dataset's content answers; None when they cannot be read.

    Raises TemplateInvalidError and MockDataMissingError.
    """
    if not template.is_generated(dataset.data_source):
        return template.questions
    content = dataset.content
    if content is None or template.generator is None:
        return None
    # The facts that were told are those of the day of the population.
    return await templates.derive_questions(
        template, content.record_count, content.report.evaluated_at.date()
    )


async def _ask_questions(
    platform: Platform,
    questions: Sequence[GoldenQuestion],
    name: str,
    dataset_type: DatasetType,
    timeout_s: float,
) -> Readiness:
    try:
        results = await platform.search_each(
            [each.text for each in questions],
            name=name,
            limit=TOP_RESULTS,
            seconds=timeout_s,
        )
    except PlatformError as error:
        return Readiness(asked=len(questions), unknown=error.message)
    return readiness_from_results(questions, results, dataset_type)


def readiness_from_results(
    questions: Sequence[GoldenQuestion], results: Sequence[Sequence[SearchHit]], dataset_type: DatasetType
) -> Readiness:
    """The readiness from the results of each question, best first."""
    missed = [
        question.text
        for question, hits in zip(questions, results, strict=True)
        if not is_answered(question, hits, dataset_type)
    ]
    return Readiness(
        asked=len(questions),
        answered=len(questions) - len(missed),
        unanswered=tuple(missed[:MAX_UNANSWERED_SHOWN]),
    )


def is_answered(question: GoldenQuestion, hits: Sequence[SearchHit], dataset_type: DatasetType) -> bool:
    """Whether one of the first results is a document that answers the question.

    A document is recognised by its id, or by the address that we gave it, whatever form the platform's ids have.
    """
    kind = RECORD_KINDS[dataset_type]
    first = hits[:TOP_RESULTS]
    ids = [each.document_id for each in first]
    return question.is_answered_by([*ids, *(kind.id_from_url(each.url) for each in first if each.url)])


def readiness_report(readiness: Readiness, *, questions: bool = True) -> Json:
    """The readiness as JSON; without the text of questions unless `questions`."""
    if readiness.unknown is not None:
        return {"asked": readiness.asked, "unknown": readiness.unknown}
    figures: Json = {"asked": readiness.asked, "answered": readiness.answered, "share": readiness.share}
    return figures | (
        {"unanswered": list(readiness.unanswered)} if questions and readiness.unanswered else {}
    )
