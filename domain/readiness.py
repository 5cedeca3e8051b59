"""Demo-readiness: how many of a template's golden questions the platform answers with its first results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from domain.documents import KINDS
from domain.errors import LifecycleError, PlatformError
from domain.model import Readiness
from domain.vocabulary import DataSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.job import Outside
    from domain.model import Dataset
    from domain.platform import Hit
    from domain.ports import Json
    from domain.questions import Question
    from domain.vocabulary import DatasetType

FIRST: Final = 3
"""An answer counts when it is among so many results."""
SHOWN: Final = 5
"""How many unanswered questions a report names."""


async def readiness(outside: Outside, dataset: Dataset, name: str) -> Readiness | None:
    """Ask the platform the questions of the dataset's template, of its own datasource `name` alone.

    None when there is nothing to ask: the platform cannot search, the content is not of a template, or that has no
    questions. Whatever keeps the questions from being asked is told in the answer, and raised by nobody: what cannot be
    searched now may be just as good.
    """
    if not outside.platform.can.search or dataset.data_source is not DataSource.MOCK_TEMPLATE:
        return None
    template_id = dataset.template.template_id
    try:
        templates = {each.template_id: each for each in await outside.templates.list()}
    except LifecycleError as error:
        return Readiness(asked=0, unknown=error.message)
    template = templates.get(template_id)
    if template is None:
        return Readiness(asked=0, unknown=f"The template {template_id!r} is no longer in the repository.")
    questions = template.questions
    if questions is None:
        return Readiness(asked=0, unknown=f"The questions of the template {template_id!r} cannot be read.")
    return await _asked(outside, questions, name, dataset.dataset_type) if questions else None


async def _asked(
    outside: Outside, questions: Sequence[Question], name: str, dataset_type: DatasetType
) -> Readiness:
    try:
        results = await outside.platform.search_each(
            [each.text for each in questions],
            name=name,
            limit=FIRST,
            seconds=outside.policy.questions_deadline.total_seconds(),
        )
    except PlatformError as error:
        return Readiness(asked=len(questions), unknown=error.message)
    return measured(questions, results, dataset_type)


def measured(
    questions: Sequence[Question], results: Sequence[Sequence[Hit]], dataset_type: DatasetType
) -> Readiness:
    """What came of the questions, each with its results, best first."""
    missed = [
        question.text
        for question, hits in zip(questions, results, strict=True)
        if not answered(question, hits, dataset_type)
    ]
    return Readiness(
        asked=len(questions), answered=len(questions) - len(missed), unanswered=tuple(missed[:SHOWN])
    )


def answered(question: Question, hits: Sequence[Hit], dataset_type: DatasetType) -> bool:
    """Whether one of the first results is a document that must come back.

    A document is known by its id, or by the address that we gave it, whatever form the platform's own ids have.
    """
    kind = KINDS[dataset_type]
    first = hits[:FIRST]
    ids = [each.document_id for each in first]
    return question.answered_by([*ids, *(kind.id_in(each.url) for each in first if each.url)])


def told(found: Readiness, *, questions: bool = True) -> Json:
    """The readiness as a report gives it; without `questions` in figures alone."""
    if found.unknown is not None:
        return {"asked": found.asked, "unknown": found.unknown}
    figures: Json = {"asked": found.asked, "answered": found.answered, "share": found.share}
    return figures | ({"unanswered": list(found.unanswered)} if questions and found.unanswered else {})
