"""The mock-data repository in a folder: a plain one, a clone or a git submodule."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import to_thread

from server.adapters.templates.catalogue import Catalogue
from server.adapters.templates.missing import demand, none_found, unreadable
from server.adapters.templates.questions import beside
from server.adapters.templates.stream import FolderRecords
from server.adapters.templates.validation import TemplateReport, asking, examine, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from domain.templates import Template

__all__ = ["FolderTemplates", "TemplateReport"]


class FolderTemplates:
    """`{repository}/{subdir}/{industry}/{use_case}/{dataset_type}.{json,jsonl,csv}`; implements `ports.Templates`."""

    def __init__(self, repository: Path, subdir: str = "mock_data/templates") -> None:
        self._repository = Path(repository)
        self._subdir = subdir.strip("/")
        self._catalogue = Catalogue(self._repository, self._subdir)

    async def list(self) -> Sequence[Template]:
        return await to_thread.run_sync(self._list)

    @contextmanager
    def records(self, template: Template) -> Iterator[FolderRecords]:
        demand(self._repository, self._subdir)
        with ExitStack() as stack:
            yield FolderRecords(self._repository, template, stack)

    async def validate(self, now: datetime) -> Sequence[TemplateReport]:
        """Populate from every template and report on each file, in order; timestamps are compared with `now`.

        Raises:
            MockDataMissingError: there is no repository to validate.
        """
        return await to_thread.run_sync(self._validate, now)

    def _list(self) -> Sequence[Template]:
        demand(self._repository, self._subdir)
        try:
            found = self._catalogue.templates()
        except OSError as error:
            raise unreadable(self._repository / self._subdir, error) from None
        if not found:
            raise none_found(self._repository, self._subdir)
        return found

    def _validate(self, now: datetime) -> Sequence[TemplateReport]:
        templates = self._list()
        reports = [examine(each, self.records, now) for each in templates]
        for file, found in self._catalogue.questions().items():
            served = {each.dataset_type for each in templates if beside(each.source) == file}
            if report := asking(file, found, served):
                reports.append(report)
        return sorted([*reports, *map(stranger, self._catalogue.strangers())], key=lambda each: each.file)
