"""Ports of where records come from: the mock-data repository, and the export of production records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from domain.model import DatasetType, GoldenQuestion, SanitizationReport, Template


class RecordStream(Protocol):
    """The records of one template, in order, in bounded memory. Iterated in a worker thread."""

    def __iter__(self) -> Iterator[Sequence[bytes]]:
        """Batches of records, each one JSON object as in the source (a CSV row is converted into one).

        Raises TemplateInvalidError, which names file and position.
        """
        ...

    @property
    def warnings(self) -> Sequence[str]:
        """Warnings for a person; complete once the iteration has ended."""
        ...


class Templates(Protocol):
    """The mock-data repository."""

    async def list(self) -> Sequence[Template]:
        """Every template, in the order of their ids. Raises MockDataMissingError."""
        ...

    def generate_records(
        self, template: Template, count: int, on: date
    ) -> AbstractContextManager[RecordStream]:
        """Open that many generated records, as they are on a day; enter it in a worker thread.

        The template has a generator. Raises TemplateInvalidError and MockDataMissingError.
        """
        ...

    async def derive_questions(self, template: Template, count: int, on: date) -> Sequence[GoldenQuestion]:
        """The golden questions that those generated records answer. Raises like `generate_records`."""
        ...

    async def count_records(self, template: Template, at_most: int) -> int:
        """How many records a template holds, counted up to `at_most`. Raises TemplateInvalidError."""
        ...

    def open_records(self, template: Template) -> AbstractContextManager[RecordStream]:
        """Open a template's records; enter it in a worker thread."""
        ...


class SanitizedStream(RecordStream, Protocol):
    """The sanitized records of one type of an export. One that fails the leak check is never given."""

    @property
    def file(self) -> str:
        """The file of the export."""
        ...

    def build_report(self) -> SanitizationReport:
        """The report on what was read so far."""
        ...


class ProductionExport(Protocol):
    """The configured export of production records, which leave it sanitized only."""

    async def require_usable(self) -> None:
        """Require that it has all four types, and that its key and rules can be used; its records are not read.

        Raises ExportInvalidError and SettingsError.
        """
        ...

    def open_records(self, dataset_type: DatasetType) -> AbstractContextManager[SanitizedStream]:
        """Open the sanitized records of a type, which reads the whole export once; enter it in a worker thread.

        Raises ExportInvalidError, which repeats nothing of the export, and LeakFoundError while it is iterated.
        """
        ...
