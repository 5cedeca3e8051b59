"""Template validation: all problems of a repository's templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.content import Population, is_fit_for_use, quality_issues
from domain.errors import LifecycleError
from domain.model import DatasetType
from domain.ports import Staged
from server.adapters.templates.questions import UnmatchedDocuments

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from domain.model import GoldenQuestion, QualityReport, Template
    from domain.ports import RecordStream


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateReport:
    """The report on one file: the number of documents, their score, and the problems of the file.

    The score can be below 100 without a problem. `issues` are those of `quality_issues`; `passes` says whether a
    dataset of this template would be READY. `questions` counts the golden questions for its documents.
    """

    file: str
    template_id: str | None = None
    dataset_type: str | None = None
    format: str | None = None
    records: int = 0
    questions: int = 0
    score: float | None = None
    passes: bool = False
    issues: tuple[dict[str, Any], ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def unrecognized_file_report(file: str) -> TemplateReport:
    """The report on a file that is not a template."""
    names = ", ".join(each.value for each in DatasetType)
    return TemplateReport(
        file=file, problems=(f"Its name is not a dataset type ({names}), and no template refers to it.",)
    )


def question_file_report(
    file: str,
    found: Mapping[DatasetType, tuple[GoldenQuestion, ...]] | LifecycleError,
    served: Collection[DatasetType],
) -> TemplateReport | None:
    """The report on a file of questions beside templates of the `served` types; None when it has no problem."""
    if isinstance(found, LifecycleError):
        return TemplateReport(file=file, problems=(found.message,))
    problems = tuple(
        f"Question {questions[0].position} names {each.value}, but its folder has no such template."
        for each, questions in found.items()
        if each not in served
    )
    return TemplateReport(file=file, problems=problems) if problems else None


def validate_template(
    template: Template, records: Callable[[Template], AbstractContextManager[RecordStream]], now: datetime
) -> TemplateReport:
    """Populate from a template, to nowhere, and report the result."""
    population = Population(
        template,
        dataset_type=template.dataset_type,
        wanted=None,
        sites={each: f"https://{each.connector_kind}.example.com" for each in DatasetType},
        now=now,
        progress=lambda _done, _total: None,
    )
    lines = size = 0
    unmatched = UnmatchedDocuments(template.questions or ())
    try:
        with records(template) as stream:
            for chunk in population.stream_documents(stream):
                lines += chunk.count(b"\n")
                size += len(chunk)
                unmatched.discard_found(chunk)
        content = population.build_content(1, Staged(lines=lines, size_bytes=size, checksum=""))
    except LifecycleError as error:
        return _template_report(template, problems=(error.message,), warnings=template.warnings)
    report: QualityReport = content.report
    return _template_report(
        template,
        records=content.record_count,
        questions=len(template.questions or ()),
        problems=tuple(unmatched.problems(template.source, template.dataset_type.value)),
        score=report.score,
        passes=is_fit_for_use(report),
        issues=tuple(quality_issues(report)),
        warnings=content.warnings,
    )


def _template_report(template: Template, **found: Any) -> TemplateReport:
    return TemplateReport(
        file=template.source,
        template_id=template.template_id,
        dataset_type=template.dataset_type.value,
        format=template.format,
        **found,
    )
