"""Templates of a mock-data repository, which is a plain folder, a clone or a git submodule."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from server.adapters.templates.missing import (
    no_templates_error,
    require_templates_folder,
    unreadable_repository_error,
)
from server.adapters.templates.questions import questions_path
from server.adapters.templates.records import FolderRecords
from server.adapters.templates.repository import TemplateCatalogue
from server.adapters.templates.validation import (
    TemplateReport,
    question_file_report,
    unrecognized_file_report,
    validate_template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from domain.model import Template

__all__ = ["FolderTemplates", "TemplateReport"]


class FolderTemplates:
    """Implements `ports.Templates` over `{repository}/{subdir}/{industry}/{use_case}/{type}.{json,jsonl,csv}`."""

    def __init__(self, repository: Path, subdir: str = "mock_data/templates") -> None:
        self._repository = Path(repository)
        self._subdir = subdir.strip("/")
        self._catalogue = TemplateCatalogue(self._repository, self._subdir)

    async def list(self) -> Sequence[Template]:
        return await to_thread.run_sync(self._list_templates)

    async def count_records(self, template: Template, at_most: int) -> int:
        return await to_thread.run_sync(self._count_records, template, at_most)

    @contextmanager
    def open_records(self, template: Template) -> Iterator[FolderRecords]:
        require_templates_folder(self._repository, self._subdir)
        with ExitStack() as stack:
            yield FolderRecords(self._repository, template, stack)

    async def validate(self, now: datetime) -> Sequence[TemplateReport]:
        """Populate from every template, to nowhere, and report on each file; timestamps are compared with `now`.

        Raises:
            MockDataMissingError: the repository does not exist.
        """
        return await to_thread.run_sync(self._validate_templates, now)

    def _list_templates(self) -> Sequence[Template]:
        require_templates_folder(self._repository, self._subdir)
        try:
            templates = self._catalogue.list_templates()
        except OSError as error:
            raise unreadable_repository_error(self._repository / self._subdir, error) from None
        if not templates:
            raise no_templates_error(self._repository, self._subdir)
        return templates

    def _count_records(self, template: Template, at_most: int) -> int:
        count = 0
        with self.open_records(template) as records:
            for batch in records:
                count += len(batch)
                if count >= at_most:
                    return at_most
        return count

    def _validate_templates(self, now: datetime) -> Sequence[TemplateReport]:
        templates = self._list_templates()
        reports = [validate_template(each, self.open_records, now) for each in templates]
        for file, found in self._catalogue.load_questions().items():
            served = {each.dataset_type for each in templates if questions_path(each.source) == file}
            if report := question_file_report(file, found, served):
                reports.append(report)
        return sorted(
            [*reports, *map(unrecognized_file_report, self._catalogue.list_unrecognized_files())],
            key=lambda each: each.file,
        )
