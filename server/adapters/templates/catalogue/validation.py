"""Template validation: what a provision would make of each template, and why other files are not used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from domain.content import NO_FACTS, ConnectorFacts, Population, is_fit_for_use, quality_issues
from domain.errors import LifecycleError
from domain.model import DatasetType
from domain.ports import Staged
from server.adapters.templates.catalogue.side_files import QuestionCheck
from server.adapters.templates.explanations import explain_error

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from domain.model import GoldenQuestion, QualityReport, Template
    from domain.ports import RecordStream
    from server.adapters.templates.catalogue.unused import Unused

    OpenRecords = Callable[[Template], AbstractContextManager[RecordStream]]

TEMPLATE: Final = "template"
QUESTIONS: Final = "questions"
RECORDS: Final = "records"
UNUSED: Final = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateReport:
    """The report on one file or folder: what it is used as, and for a template what a provision would make of it.

    `use` is `template`, `questions`, `records` (of a template that names the file) or `unused`, with the `reason`. The
    score can be below 100 without a problem. `issues` are those of `quality_issues`; `passes` says whether a dataset of
    this template would be READY. `questions` counts the golden questions for its documents. A company's file that
    serves several types has one report on all of them, with those types and the lowest score.
    """

    file: str
    use: str = TEMPLATE
    reason: str | None = None
    template_id: str | None = None
    dataset_type: str | None = None
    dataset_types: tuple[str, ...] = ()
    format: str | None = None
    records: int = 0
    questions: int = 0
    score: float | None = None
    passes: bool = False
    issues: tuple[dict[str, Any], ...] = ()
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether it needs no change: a template of datasets that are fit for use, or a file without a problem."""
        return not self.problems and (self.passes or self.use != TEMPLATE)

    @property
    def is_refused(self) -> bool:
        """Whether it is a template of which no dataset can be made: nothing is known of its records as a whole."""
        return self.use == TEMPLATE and self.score is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The circumstances of a provision by which templates are judged.

    `now` is the instant that timestamps are compared with, `sites` the base address of the client's copy of each type,
    `limit` how many records a dataset may have (None: any number), and `connectors` what the settings of each
    type's connector say. `progress` is called with the number of documents made and their total (None: not known); it
    may raise to end the judgement.
    """

    now: datetime
    sites: Mapping[DatasetType, str] = field(
        default_factory=lambda: {each: f"https://{each.connector_kind}.example.com" for each in DatasetType}
    )
    limit: int | None = None
    connectors: Mapping[DatasetType, ConnectorFacts] = field(default_factory=dict)
    progress: Callable[[int, int | None], None] = lambda _done, _total: None


def unused_report(file: str, unused: Unused) -> TemplateReport:
    """The report on a file or folder that is not used. Only what looks like a mistake is a problem."""
    problems = (unused.reason,) if unused.is_mistake else ()
    return TemplateReport(file=file, use=UNUSED, reason=unused.reason, problems=problems)


def superseded_report(file: str, serving: str) -> TemplateReport:
    """The report on a template's file whose type another file beside it serves."""
    return TemplateReport(file=file, use=UNUSED, reason=f"{serving} serves the same type.")


def records_report(file: str) -> TemplateReport:
    """The report on a file that a template names; what is wrong with its records is in that of the template."""
    return TemplateReport(file=file, use=RECORDS)


def company_report(reports: Sequence[TemplateReport]) -> TemplateReport:
    """The one report on a file from the reports on what is generated of it, one for each type and one at least."""
    first, *others = reports
    if not others:
        return first
    scores = [each.score for each in reports if each.score is not None]
    return TemplateReport(
        file=first.file,
        format=first.format,
        dataset_types=tuple(each.dataset_type or "" for each in reports),
        records=sum(each.records for each in reports),
        questions=sum(each.questions for each in reports),
        score=min(scores, default=None),
        passes=all(each.passes for each in reports),
        issues=tuple(issue for each in reports for issue in each.issues),
        problems=tuple(dict.fromkeys(problem for each in reports for problem in each.problems)),
        warnings=tuple(dict.fromkeys(warning for each in reports for warning in each.warnings)),
    )


def question_file_report(
    file: str,
    found: Mapping[DatasetType, tuple[GoldenQuestion, ...]] | LifecycleError,
    served: Collection[DatasetType],
) -> TemplateReport:
    """The report on a file of questions beside templates of the `served` types."""
    if isinstance(found, LifecycleError):
        return TemplateReport(file=file, use=QUESTIONS, problems=(explain_error(found),))
    return TemplateReport(
        file=file,
        use=QUESTIONS,
        problems=tuple(
            f"Question {question.position} names {each.value}, but its folder has no such template with records."
            for each, questions in found.items()
            if each not in served
            for question in [next((question for question in questions if question.documents), None)]
            if question is not None
        ),
    )


def begin_population(template: Template, judgement: Judgement) -> Population:
    """Begin a population as the provision of a template does."""
    return Population(
        template,
        dataset_type=template.dataset_type,
        wanted=None,
        sites=judgement.sites,
        now=judgement.now,
        progress=judgement.progress,
        limit=judgement.limit,
        connector=judgement.connectors.get(template.dataset_type, NO_FACTS),
    )


def judge_template(template: Template, open_records: OpenRecords, judgement: Judgement) -> TemplateReport:
    """Judge a template as a provision does: populate from it, to nowhere, and report the result."""
    population = begin_population(template, judgement)
    lines = size = 0
    asked = QuestionCheck(template.questions or ())
    try:
        with open_records(template) as stream:
            for chunk in population.stream_documents(stream):
                lines += chunk.count(b"\n")
                size += len(chunk)
                asked.look_at(chunk)
        content = population.build_content(1, Staged(lines=lines, size_bytes=size, checksum=""))
    except LifecycleError as error:
        problem = explain_error(error)
        # A template that cannot even be described warns of the same error.
        warnings = tuple(each for each in template.warnings if each != problem)
        return _template_report(template, problems=(problem,), warnings=warnings)
    report: QualityReport = content.report
    return _template_report(
        template,
        records=content.record_count,
        questions=len(template.questions or ()),
        problems=tuple(asked.problems(template.source, template.dataset_type.value)),
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
