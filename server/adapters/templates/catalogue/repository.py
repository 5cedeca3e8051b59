"""Templates of one repository, which is a folder (a plain one, a clone or a git submodule) or a zip of one."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anyio import to_thread

from domain.content import Company, derive_questions
from domain.errors import LifecycleError, require_present
from server.adapters.templates.catalogue.listing import list_entries
from server.adapters.templates.catalogue.location import Location, locate_templates, open_repository
from server.adapters.templates.catalogue.missing import no_templates_error, unreadable_repository_error
from server.adapters.templates.catalogue.side_files import questions_path
from server.adapters.templates.catalogue.templates import Survey, TemplateCatalogue
from server.adapters.templates.catalogue.unused import Unused, explain_unused, find_twins
from server.adapters.templates.catalogue.validation import (
    Judgement,
    TemplateReport,
    company_report,
    judge_template,
    question_file_report,
    records_report,
    superseded_report,
    unused_report,
)
from server.adapters.templates.readers.generated import GeneratedRecords
from server.adapters.templates.records import TemplateRecords
from server.adapters.templates.repositories.repository import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime

    from domain.model import Generator, GoldenQuestion, Template
    from server.adapters.templates.catalogue.listing import Entry

DEFAULT_SUBDIR: Final = "mock_data/templates"
_LAYOUT_DEPTH: Final = 2
"""Templates are in the folder of a use case in that of an industry."""
_NO_COMPANY: Final = Unused("Each template beside it has another company.", is_mistake=False)


class RepositoryTemplates:
    """Implements `ports.Templates` over `{repository}/{subdir}/{industry}/{use_case}/{type}.{suffix}`.

    A path that leads a level above or into a repository is followed; `find_notice` says so.
    """

    def __init__(self, repository: Path, subdir: str = DEFAULT_SUBDIR) -> None:
        self._path = Path(repository)
        self._subdir = subdir.strip("/")
        self._catalogues: dict[Location, TemplateCatalogue] = {}

    async def list(self) -> Sequence[Template]:
        return await to_thread.run_sync(self.list_templates)

    async def count_records(self, template: Template, at_most: int) -> int:
        return await to_thread.run_sync(self._count_records, template, at_most)

    @contextmanager
    def open_records(self, template: Template) -> Iterator[TemplateRecords]:
        location = locate_templates(self._path, self._subdir)
        with ExitStack() as stack:
            yield TemplateRecords(stack.enter_context(open_repository(location)), template, stack)

    @contextmanager
    def generate_records(self, template: Template, count: int, on: date) -> Iterator[GeneratedRecords]:
        company, file = self._open_company(template, count, on)
        with closing(GeneratedRecords(company, template.dataset_type, file)) as stream:
            yield stream

    async def derive_questions(self, template: Template, count: int, on: date) -> Sequence[GoldenQuestion]:
        def derive() -> Sequence[GoldenQuestion]:
            company, _ = self._open_company(template, count, on)
            return derive_questions(company, template.dataset_type)

        return await to_thread.run_sync(derive)

    def describe_generated(self, template: Template, on: date) -> Template:
        """The template as that of as many generated records as are usual, with the questions of that day. Blocks.

        It has no questions when its company cannot be read; reading its records says why.
        """
        generator = require_present(template.generator, "only templates with a generator are described so")
        generated = template.as_generated(generator.count)
        try:
            company, _ = self._open_company(template, generator.count, on)
        except LifecycleError:
            return generated
        return replace(generated, questions=tuple(derive_questions(company, template.dataset_type)))

    def _open_company(self, template: Template, count: int, on: date) -> tuple[Company, str]:
        location = locate_templates(self._path, self._subdir)
        catalogue = self._catalogues.setdefault(location, TemplateCatalogue(location))
        generator = require_present(template.generator, "the choice of a template required a generator")
        with open_repository(location) as repository:
            return Company(catalogue.read_company(repository, template), count, on), generator.file

    async def validate(self, now: datetime) -> Sequence[TemplateReport]:
        """The reports of `iterate_reports`, for a provision at that instant."""
        return await to_thread.run_sync(lambda: list(self.iterate_reports(Judgement(now=now))))

    def iterate_reports(
        self, judgement: Judgement, *, checkpoint: Callable[[], None] = lambda: None
    ) -> Iterator[TemplateReport]:
        """Report on every file, and on every folder of which nothing is used, in the order of their paths. Blocks.

        `checkpoint` is called often while files are described, and may raise to end the work.

        Raises:
            MockDataMissingError: there is no repository, or, after all reports, no template in it.
        """
        location = locate_templates(self._path, self._subdir)
        survey = self._survey(location, deep=True, checkpoint=checkpoint)
        templates = {each.source: each for each in survey.templates if each.has_records}
        twins = find_twins(survey.entries)
        for entry in survey.entries:
            report = self._judge_generated(survey, entry, judgement) or self._report_entry(
                location, survey, templates, entry, judgement
            )
            yield _with_twin_warnings(report, entry.parts, twins)
        if not survey.templates:
            raise no_templates_error(self._path, self._subdir)

    def judge_file(self, name: str, judgement: Judgement) -> TemplateReport:
        """Report on one file that has the name of a template, by its path in the repository. Blocks.

        No other file is read, so that it takes no longer in a large repository. Raises MockDataMissingError.
        """
        location = locate_templates(self._path, self._subdir)
        catalogue = self._catalogues.setdefault(location, TemplateCatalogue(location))
        with open_repository(location) as repository:
            twins = find_twins(list_entries(repository, location.subdir, deep=False))
        report = judge_template(catalogue.load_template(name), self.open_records, judgement)
        parts = tuple(name.removeprefix(f"{location.subdir}/").split("/"))
        return _with_twin_warnings(report, parts, twins)

    def find_notice(self) -> str | None:
        """What to say where the repository is not where the path leads. Raises MockDataMissingError. Blocks."""
        return locate_templates(self._path, self._subdir).notice

    def list_templates(self) -> Sequence[Template]:
        """Every template, in the order of the ids. Blocks. Raises MockDataMissingError."""
        survey = self._survey(locate_templates(self._path, self._subdir), deep=False)
        if not survey.templates:
            raise no_templates_error(self._path, self._subdir)
        return survey.templates

    def _survey(
        self, location: Location, *, deep: bool, checkpoint: Callable[[], None] = lambda: None
    ) -> Survey:
        catalogue = self._catalogues.setdefault(location, TemplateCatalogue(location))
        try:
            return catalogue.survey(deep=deep, checkpoint=checkpoint)
        except OSError as error:
            raise unreadable_repository_error(location.repository / location.subdir, error) from None

    def _judge_generated(self, survey: Survey, entry: Entry, judgement: Judgement) -> TemplateReport | None:
        """Report on the generated data for which a file stands: a company's, or a template without records."""
        reports = []
        for each in survey.templates:
            if each.generator is None or entry.name != _generated_file(each, each.generator):
                continue
            on = judgement.now.date()
            generate = partial(self.generate_records, count=each.generator.count, on=on)
            report = judge_template(self.describe_generated(each, on), generate, judgement)
            reports.append(replace(report, file=entry.name))
        return company_report(reports) if reports else None

    def _report_entry(
        self,
        location: Location,
        survey: Survey,
        templates: dict[str, Template],
        entry: Entry,
        judgement: Judgement,
    ) -> TemplateReport:
        if entry.name in templates:
            return judge_template(templates[entry.name], self.open_records, judgement)
        if entry.name in survey.named and entry.kind == FILE:
            return records_report(entry.name)
        if serving := survey.superseded.get(entry.name):
            return superseded_report(entry.name, serving)
        if entry.name in survey.company_files:
            return unused_report(entry.name, _NO_COMPANY)
        if entry.name in survey.question_files:
            return self._report_questions(location, survey, entry)
        unused = explain_unused(location.repository, entry)
        if entry.name in survey.named:  # the template that names it is refused for that
            unused = Unused(f"{unused.reason} A template names it.", is_mistake=True)
        return unused_report(entry.name, unused)

    def _report_questions(self, location: Location, survey: Survey, entry: Entry) -> TemplateReport:
        served = {
            each.dataset_type
            for each in survey.templates
            if each.has_records and questions_path(each.source) == entry.name
        }
        try:
            found = self._catalogues[location].read_questions(entry.name)
        except LifecycleError as error:
            return question_file_report(entry.name, error, served)
        return question_file_report(entry.name, found, served)

    def _count_records(self, template: Template, at_most: int) -> int:
        count = 0
        with self.open_records(template) as records:
            for batch in records:
                count += len(batch)
                if count >= at_most:
                    return at_most
        return count


def _generated_file(template: Template, generator: Generator) -> str:
    """The file for which the report on generated data of a template stands."""
    return generator.file if template.has_records else template.source


def _with_twin_warnings(
    report: TemplateReport, parts: tuple[str, ...], twins: dict[str, str]
) -> TemplateReport:
    """The report with a warning for each folder of the file that has a twin; a twin is named once."""
    for depth in range(1, min(len(parts), _LAYOUT_DEPTH + 1)):
        folder = "/".join(parts[:depth])
        if earlier := twins.pop(folder, None):
            warning = (
                f"Its folder {folder} differs from {earlier} only by case: elsewhere they are one folder."
            )
            report = replace(report, warnings=(*report.warnings, warning))
    return report
